//! From a scenario to its plan: names resolved, defaults filled in, dice rolled.

use indexmap::IndexMap;

use super::{Claims, Client, Hop, HopKind, Limits, Link, Plan, clients};
use crate::scenario::{HostLimits, LinkSpec, Links, PathStep, Scenario, client_names};

/// Resolves a scenario that was checked. What it draws depends on `seed` and on names alone.
pub fn plan(scenario: &Scenario, id: &str, seed: u64) -> Plan {
    let clients = clients::expand(scenario, seed);
    Plan {
        id: id.to_owned(),
        title: scenario.title.clone(),
        cites: scenario.cites.clone(),
        proves: scenario.proves.clone(),
        seed,
        limit: scenario.limit.0,
        hops: hops(scenario),
        second_relay: scenario.second_relay().map(str::to_owned),
        links: links(scenario),
        hosts: hosts(scenario, &clients),
        events: scenario.network.events.clone(),
        switches: scenario
            .relay
            .iter()
            .map(|(name, switch)| (name.clone(), switch.0.clone()))
            .collect(),
        claims: Claims::default(),
        limits: Limits::default(),
        upstream: scenario.upstream.clone(),
        clients,
        expect: scenario.expect.clone(),
    }
}

fn hops(scenario: &Scenario) -> Vec<Hop> {
    let hop = |step: &PathStep| match step {
        PathStep::Client | PathStep::Upstream => None,
        PathStep::Relay => Some(HopKind::Relay),
        PathStep::Middlebox(middlebox) => Some(HopKind::Middlebox(middlebox.clone())),
    };
    scenario
        .path
        .iter()
        .filter_map(|step| hop(step).map(|what| Hop { name: step.host_name().to_owned(), what }))
        .collect()
}

fn links(scenario: &Scenario) -> Vec<Link> {
    let spec = |name: &str| scenario.network.links.get(name).copied().unwrap_or_default();
    scenario
        .link_names()
        .into_iter()
        .map(|name| {
            let links = spec(&name);
            let (down, up) = (one_way(&links, links.down), one_way(&links, links.up));
            Link { name, down, up, mtu: links.mtu }
        })
        .collect()
}

/// What holds for both directions, and over it what differs in one.
fn one_way(both: &Links, differs: Option<LinkSpec>) -> LinkSpec {
    let differs = differs.unwrap_or_default();
    LinkSpec {
        latency: differs.latency.or(both.latency),
        jitter: differs.jitter.or(both.jitter),
        bandwidth: differs.bandwidth.or(both.bandwidth),
        loss: differs.loss.or(both.loss),
        queue: differs.queue.or(both.queue),
    }
}

/// The hosts that differ from the defaults; a group of clients is written out.
fn hosts(scenario: &Scenario, clients: &[Client]) -> IndexMap<String, HostLimits> {
    let mut hosts = IndexMap::new();
    for (name, limits) in &scenario.hosts {
        let group = scenario.clients.iter().find(|client| client.name == *name);
        match group {
            Some(group) => hosts.extend(client_names(group).map(|name| (name, *limits))),
            None => {
                hosts.insert(name.clone(), *limits);
            }
        }
    }
    for (client, said) in clients.iter().zip(scenario.each_client()) {
        if let Some(buffer) = said.recv_buffer {
            let limits: &mut HostLimits = hosts.entry(client.from.clone()).or_default();
            limits.recv_buffer = Some(buffer);
        }
    }
    hosts
}

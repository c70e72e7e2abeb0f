//! Wires provider, relay, middleboxes and clients on a network, and runs a plan to a trace.

use std::{collections::BTreeMap, sync::Arc};

use mock_openai::{Marks, Mock};

use crate::{
    client::{self, Progress, Shared, Tabs},
    middlebox,
    net::{self, Actor, Engine, Host, Main, Task},
    plan::{Client, HopKind, Plan},
    scenario::ProviderHttp,
    target::Target,
    trace::{Fact, Name, ProviderEvent, Trace, Watcher},
};

mod conductor;
mod crew;
mod log;
mod panics;
mod scrape;

use crew::Crew;

/// Runs a plan against a target on an engine.
///
/// It always comes back: a scenario that cannot end is stopped at its limit, and a panic in a
/// simulated task becomes a fact of the trace.
pub fn run(plan: &Plan, target: &Target, engine: Engine) -> Trace {
    with_world(plan, target, |plan, actors, main| net::run(engine, plan, actors, main))
}

/// As [`run`] on the event-driven engine, but each fact goes to a watcher as it happens, and no
/// trace is kept: for runs of which a trace would be too large.
pub fn watch(plan: &Plan, target: &Target, watcher: Watcher) {
    with_world(plan, target, |plan, actors, main| net::watch(plan, actors, main, watcher));
}

fn with_world<T>(
    plan: &Plan,
    target: &Target,
    run: impl FnOnce(&Plan, Vec<Actor>, Main) -> T,
) -> T {
    panics::are_recorded();
    log::is_never_forgotten();
    let _heard = log::is_recorded(plan);
    let plan = Arc::new(plan.clone());
    let crew = Arc::new(Crew::new(plan.clients.iter().map(|client| client.name.as_str())));
    let progress: BTreeMap<String, Progress> =
        plan.clients.iter().map(|client| (client.name.clone(), Progress::new())).collect();
    let marks = Arc::new(Marks::default());
    let browsers = Tabs::of(&plan.clients);
    let mut actors = vec![provider(&plan, &marks)];
    actors.extend(hops(&plan, target));
    actors.extend(plan.clients.iter().map(|one| {
        let tabs = one.tab_of.as_ref().and_then(|browser| browsers.get(browser)).cloned();
        let progress = progress[&one.name].clone();
        let shared = Shared { progress, marks: Arc::clone(&marks), tabs };
        customer(&plan, one, &crew, shared)
    }));
    let conducted = Arc::clone(&plan);
    let main: Main = Box::new(move |world| {
        Box::pin(conductor::conduct(world, conducted, crew, progress, marks))
    });
    run(&plan, actors, main)
}

/// The name of a host's neighbour on the provider's side.
fn next_hop(plan: &Plan, position: usize) -> Name {
    plan.hops.get(position).map_or("upstream", |hop| hop.name.as_str()).into()
}

/// What a relay speaks with its neighbour: only the provider may speak another version.
fn upstream_http(plan: &Plan, next: &str) -> ProviderHttp {
    let said = plan.hosts.get(next).and_then(|limits| limits.http);
    said.unwrap_or_default()
}

fn provider(plan: &Plan, marks: &Arc<Marks>) -> Actor {
    let (script, seed, marks) = (plan.upstream.clone(), plan.seed, Arc::clone(marks));
    let start = move |host: Host| -> Task {
        let (name, recorder) = (Arc::clone(host.name()), host.recorder().clone());
        let marks = Arc::clone(&marks);
        let mock = Mock {
            script: script.clone(),
            seed,
            epoch: host.unix_time(),
            journal: Arc::new(move |entry| {
                let mark = if let ProviderEvent::Marked { name } = &entry.event {
                    Some(name.clone())
                } else {
                    None
                };
                recorder.record(&name, Fact::Provider(entry));
                // Whoever waits is woken after the fact that it waits for.
                if let Some(mark) = mark {
                    marks.pass(&mark);
                }
            }),
        };
        Box::pin(async move {
            if let Ok(listener) = host.listen() {
                // It ends with the host alone.
                drop(mock_openai::serve(listener, mock).await);
            }
        })
    };
    Actor { host: "upstream".into(), start: Arc::new(start) }
}

fn hops(plan: &Plan, target: &Target) -> Vec<Actor> {
    // What the two relays of a balanced path share, they share for this run.
    let target = target.deployed();
    let actor = |(position, hop): (usize, &crate::plan::Hop), name: &str| {
        let next = next_hop(plan, position + 1);
        let start: Arc<dyn Fn(Host) -> Task + Send + Sync> = match &hop.what {
            HopKind::Relay => {
                let (target, switches) = (target.clone(), plan.switches.clone());
                let http = upstream_http(plan, &next);
                Arc::new(move |host| {
                    let (target, next, switches) =
                        (target.clone(), Arc::clone(&next), switches.clone());
                    Box::pin(async move {
                        // Nothing else listens on its host.
                        drop(target.serve(host, next, http, switches).await);
                    })
                })
            }
            HopKind::Middlebox(spec) => {
                let spec = spec.clone();
                Arc::new(move |host| middlebox::serve(&spec, host, Arc::clone(&next)))
            }
        };
        Actor { host: name.into(), start }
    };
    let first = plan.hops.iter().enumerate().map(|hop| actor(hop, &hop.1.name));
    let relay = plan.hops.iter().enumerate().find(|(_, hop)| hop.what == HopKind::Relay);
    let second = plan.second_relay.iter().zip(relay).map(|(name, relay)| actor(relay, name));
    first.chain(second).collect()
}

fn customer(plan: &Plan, client: &Client, crew: &Arc<Crew>, shared: Shared) -> Actor {
    let (first, seed) = (next_hop(plan, 0), plan.seed);
    let (client, crew) = (client.clone(), Arc::clone(crew));
    let host = client.from.as_str().into();
    let start = move |host: Host| -> Task {
        let (client, crew) = (client.clone(), Arc::clone(&crew));
        let playing = client::play(client.clone(), Arc::clone(&first), host, seed, shared.clone());
        Box::pin(async move {
            // Told on drop too: a client that panics is done.
            let _told = crew.member(client.name);
            playing.await;
        })
    };
    Actor { host, start: Arc::new(start) }
}

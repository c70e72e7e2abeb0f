//! Whether what a scenario says makes sense: one file for each part of it.

mod clients;
mod expect;
mod head;
mod hosts;
mod http2;
mod kind;
mod links;
mod marks;
mod moves;
mod network;
mod not_built;
mod path;
mod size;

use mock_openai::{
    script,
    yaml::{Diagnostic, Place},
};

use super::{SECOND_RELAY, Scenario, client_names};

/// All that makes no sense, in no order.
pub(super) fn check(scenario: &Scenario, root: Place<'_>, rules: &[&str]) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    not_built::check(root, &mut wrong);
    head::check(scenario, root, rules, &mut wrong);
    path::check(scenario, root.key("path"), &mut wrong);
    script::check(&scenario.upstream, root.key("upstream"), &mut wrong);
    // Names stand for what a count makes of them: one that is too large is told alone.
    let is_countable = clients::check_counts(scenario, root.key("clients"), &mut wrong);
    if is_countable {
        let names = Names::of(scenario);
        size::check(scenario, root, &mut wrong);
        clients::check(scenario, root.key("clients"), &mut wrong);
        network::check(scenario, &names, root.key("network"), &mut wrong);
        hosts::check(scenario, &names, root.key("hosts"), &mut wrong);
        expect::check(scenario, &names, rules, root.key("expect"), &mut wrong);
    }
    wrong
}

/// The names that can be spoken of.
struct Names {
    /// Entries under `clients`, with how many clients each stands for where it has a count.
    groups: Vec<(String, Option<u64>)>,
    /// Clients one by one.
    clients: Vec<String>,
    /// Hosts: those on the path, and those of clients.
    hosts: Vec<String>,
    /// Links between neighbours on the path.
    links: Vec<String>,
}

impl Names {
    fn of(scenario: &Scenario) -> Self {
        let groups = scenario.clients.iter();
        let clients: Vec<String> = groups.clone().flat_map(client_names).collect();
        let on_path = scenario.path.iter().map(super::PathStep::host_name);
        let mut hosts: Vec<String> =
            on_path.filter(|name| *name != "client").map(str::to_owned).collect();
        hosts.extend(scenario.second_relay().map(str::to_owned));
        for client in groups.clone() {
            match client.address() {
                Some(from) if !hosts.iter().any(|host| host == from) => hosts.push(from.to_owned()),
                Some(_) => {}
                None => hosts.extend(client_names(client)),
            }
        }
        Self {
            groups: groups.map(|client| (client.name.clone(), client.count)).collect(),
            clients,
            hosts,
            links: scenario.link_names(),
        }
    }

    /// The group of that name, if it stands for several clients.
    fn counted_group(&self, name: &str) -> Option<u64> {
        self.groups.iter().find(|(group, _)| group == name).and_then(|(_, count)| *count)
    }

    /// What to call clients in a list of known words: groups, not each of a hundred.
    fn group_words(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|(name, _)| name.as_str())
    }
}

/// Whether a text can be the name of a client or a host: it stands in ids, reports and file names.
fn is_name(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(inside)
}

const NAME: &str = "wanted: lower-case letters, digits, `-` and `_`, a letter first, at most 64";

/// Names that mean something by themselves.
const RESERVED: &[&str] = &["client", "relay", SECOND_RELAY, "upstream", "world", "events"];

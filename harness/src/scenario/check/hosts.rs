//! The limits of hosts, and whether there are such hosts.

use mock_openai::{
    quantity::Size,
    yaml::{Diagnostic, Place},
};

use super::{Names, http2};
use crate::scenario::{KeepAlive, PathStep, Scenario};

/// The fewest files with which a relay carries a stream.
const FILES_MIN: u64 = 3;

pub(super) fn check(
    scenario: &Scenario,
    names: &Names,
    hosts: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    for (name, limits) in &scenario.hosts {
        let place = hosts.key(name);
        if names.counted_group(name).is_none() {
            check_name(scenario, name, names, place.at_key(), wrong);
        }
        let is_between = names.hosts.iter().any(|host| host == name)
            && scenario.path.iter().any(|step| step.host_name() == name)
            && name != "upstream";
        let needs = if is_between { FILES_MIN } else { 1 };
        if let Some(files) = limits.files.filter(|files| *files < needs) {
            let message = format!("a host of {files} files carries no stream");
            let help = "a relay needs three: where it listens, its client's, and its provider's";
            wrong.push(place.key("files").wrong(message).help(help));
        }
        if let Some(keepalive) = limits.keepalive {
            check_keepalive(keepalive, place.key("keepalive"), wrong);
        }
        http2::check_host(scenario, (name, limits.http), place, wrong);
        for (key, size) in
            [("recv_buffer", limits.recv_buffer), ("send_buffer", limits.send_buffer)]
        {
            if size == Some(Size(0)) {
                wrong.push(place.key(key).wrong("a buffer of no bytes passes nothing"));
            }
        }
    }
}

fn check_keepalive(keepalive: KeepAlive, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    for (key, time) in [("idle", keepalive.idle), ("interval", keepalive.interval)] {
        if time.0.is_zero() {
            let message = "a host that asks without a pause does nothing else";
            wrong.push(place.key(key).wrong(message).help("write a time above zero"));
        }
    }
    if keepalive.count == 0 {
        let message = "a host that asks no question gives up a peer that is well";
        wrong.push(place.key("count").wrong(message).help("write a count from 1"));
    }
}

/// Whether one host has this name.
pub(super) fn check_name(
    scenario: &Scenario,
    name: &str,
    names: &Names,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    if let Some(count) = names.counted_group(name) {
        let message = format!("`{name}` stands for {count} clients");
        wrong.push(place.wrong(message).help(format!("name one of them, such as `{name}-1`")));
    } else if !names.hosts.iter().any(|known| known == name) {
        let message = format!("unknown host `{name}`");
        wrong.push(place.wrong(message).known(name, host_words(scenario)));
    }
}

/// What to list as known hosts: a group of clients by its name, not each of a hundred.
pub(super) fn host_words(scenario: &Scenario) -> impl Iterator<Item = &str> {
    let on_path = scenario.path.iter().map(PathStep::host_name).filter(|name| *name != "client");
    let of_clients = scenario.clients.iter().map(|c| c.address().unwrap_or(&c.name));
    on_path.chain(of_clients)
}

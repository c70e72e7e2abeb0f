//! What lies between the hosts, and what happens to it.

use mock_openai::yaml::{Diagnostic, Place};

use super::{Names, clients, hosts, links, marks};
use crate::scenario::{NetEvent, NetFault, ReadPoint, Scenario, When, client_names};

pub(super) fn check(
    scenario: &Scenario,
    names: &Names,
    network: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    for name in scenario.network.links.keys() {
        check_link(name, names, network.key(name).at_key(), wrong);
        links::check(&scenario.network.links[name], network.key(name), wrong);
    }
    for (index, event) in scenario.network.events.iter().enumerate() {
        let place = network.key("events").nth(index);
        check_point(scenario, names, event, place, wrong);
        check_subject(scenario, names, event, place, wrong);
    }
}

/// When it happens: at a time, or after something.
fn check_point(
    scenario: &Scenario,
    names: &Names,
    event: &NetEvent,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    match (&event.at, &event.after) {
        (None, None) => wrong.push(place.wrong("the event has no point in time").help(
            "write `at: 5s`, `after: { client: reader, frames: 3 }` or \
                     `after: { mark: name }`",
        )),
        (Some(_), Some(_)) => wrong.push(
            place
                .key("after")
                .at_key()
                .wrong("`at` and `after` stand together")
                .help("keep one of them: an event happens once"),
        ),
        (Some(at), None) if *at > scenario.limit => {
            let message = format!("this is after the scenario's limit of {}", scenario.limit);
            wrong.push(place.key("at").wrong(message));
        }
        (Some(_), None) => {}
        (None, Some(when)) => check_when(scenario, names, when, place.key("after"), wrong),
    }
}

fn check_when(
    scenario: &Scenario,
    names: &Names,
    when: &When,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    let client = place.key("client");
    let name = match (&when.client, &when.mark) {
        (Some(name), None) => name,
        (None, Some(mark)) => {
            for key in ["frames", "bytes"].into_iter().filter(|key| place.key(key).exists()) {
                let message =
                    format!("`{key}` counts what a client received, and `mark` stands alone");
                wrong.push(place.key(key).at_key().wrong(message).help("keep one of them"));
            }
            return marks::check(&scenario.upstream, mark, place.key("mark"), wrong);
        }
        (Some(_), Some(_)) => {
            let message = "`client` and `mark` stand together";
            let help = "keep one of them: an event waits for one thing";
            wrong.push(place.key("mark").at_key().wrong(message).help(help));
            return;
        }
        (None, None) => {
            let help = "write `client: reader` with `frames: 3`, or `mark: name`";
            wrong.push(place.wrong("the event waits for nobody").help(help));
            return;
        }
    };
    if let Some(count) = names.counted_group(name) {
        let message = format!("`{name}` stands for {count} clients");
        wrong.push(client.wrong(message).help(format!("name one of them, such as `{name}-1`")));
    } else if !names.clients.iter().any(|known| known == name) {
        let message = format!("unknown client `{name}`");
        let words: Vec<String> =
            scenario.clients.iter().flat_map(|c| client_names(c).take(1)).collect();
        wrong.push(client.wrong(message).known(name, words.iter().map(String::as_str)));
    }
    let most = clients::frames_max(scenario);
    match (when.frames, when.bytes) {
        (None, None) => {
            let help = "write `frames: 3` or `bytes: 417B`";
            wrong.push(place.wrong("the event waits for nothing of the client").help(help));
        }
        (Some(_), Some(_)) => {
            let message = "`frames` and `bytes` stand together";
            wrong.push(place.key("bytes").at_key().wrong(message).help("keep one of them"));
        }
        (Some(frames), None) => {
            clients::check_point(ReadPoint::Frames(frames), most, place, wrong);
        }
        (None, Some(bytes)) => {
            clients::check_point(ReadPoint::Bytes(bytes), most, place, wrong);
        }
    }
}

/// What it happens to: a link or a host, as the fault needs.
fn check_subject(
    scenario: &Scenario,
    names: &Names,
    event: &NetEvent,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    let (word, needs_link) = match event.fault {
        NetFault::Reset => ("reset", true),
        NetFault::Hold => ("hold", true),
        NetFault::Drop => ("drop", true),
        NetFault::Refuse => ("refuse", false),
        NetFault::Blackhole => ("blackhole", false),
        NetFault::Terminate => ("terminate", false),
        NetFault::Crash => ("crash", false),
        NetFault::Restart => ("restart", false),
    };
    let (needs, other) = if needs_link { ("link", "host") } else { ("host", "link") };
    match (&event.link, &event.host) {
        (Some(_), Some(_)) => wrong.push(
            place
                .key(other)
                .at_key()
                .wrong("`link` and `host` stand together")
                .help(format!("`{word}` happens to a {needs}: leave `{other}` out")),
        ),
        (None, None) => {
            let message = format!("`{word}` happens to a {needs}, and none is named");
            let help = format!("write `{needs}: ...`");
            wrong.push(place.key("do").wrong(message).help(help));
        }
        (Some(link), None) if needs_link => {
            check_link(link, names, place.key("link"), wrong);
        }
        (None, Some(host)) if !needs_link => {
            hosts::check_name(scenario, host, names, place.key("host"), wrong);
        }
        (Some(_), None) | (None, Some(_)) => {
            let message = format!("`{word}` happens to a {needs}, not to a {other}");
            wrong.push(place.key(other).at_key().wrong(message));
        }
    }
    if event.way.is_some() && event.fault != NetFault::Drop {
        let message = format!("`{word}` knows no ways");
        let help = "only `drop` can happen to one way alone";
        wrong.push(place.key("way").at_key().wrong(message).help(help));
    }
    let is_instant = matches!(event.fault, NetFault::Reset | NetFault::Crash | NetFault::Restart);
    if event.lasts.is_some() && is_instant {
        let message = format!("`{word}` happens at once and lasts no time");
        wrong.push(place.key("for").at_key().wrong(message).help("leave `for` out"));
    } else if event.lasts.is_some_and(|time| time.0.is_zero()) {
        wrong.push(place.key("for").wrong("what lasts no time changes nothing"));
    }
}

fn check_link(name: &str, names: &Names, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if !names.links.iter().any(|known| known == name) {
        let unknown = place.wrong(format!("unknown link `{name}`"));
        let unknown = unknown.known(name, names.links.iter().map(String::as_str));
        let mut ends = names.links.iter().filter(|link| is_reversed(link, name));
        wrong.push(match ends.next() {
            Some(link) => unknown.help(format!("the client's side stands first: `{link}`")),
            None => unknown,
        });
    }
}

/// Whether two links have the same ends in the other order. A host's name may hold a `-` itself.
fn is_reversed(link: &str, other: &str) -> bool {
    link.match_indices('-').any(|(at, _)| other == format!("{}-{}", &link[at + 1..], &link[..at]))
}

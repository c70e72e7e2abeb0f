//! What is expected beyond the rules.

use mock_openai::{
    script::Extent,
    yaml::{Diagnostic, Place},
};

use super::{Names, clients, head};
use crate::scenario::{
    Bound, Client, Does, Expect, Frames, Kind, ReadPoint, Relay, Scenario, Upstream,
};

pub(super) fn check(
    scenario: &Scenario,
    names: &Names,
    rules: &[&str],
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    for (index, expect) in scenario.expect.iter().enumerate() {
        let here = place.nth(index);
        check_subject(expect, here, wrong);
        if expect.client.is_some() {
            check_client(scenario, names, expect, here, wrong);
        }
        if let Some(upstream) = &expect.upstream {
            check_upstream(upstream, here.key("upstream"), wrong);
        }
        if let Some(relay) = &expect.relay {
            check_relay(scenario, relay, here.key("relay"), wrong);
        }
        if let Some(rule) = &expect.excused {
            head::check_rule(rule, rules, here.key("excused"), wrong);
        }
    }
}

/// The keys that speak of a client, in the order of the language.
const OF_CLIENT: &[&str] = &[
    "status",
    "headers",
    "frames",
    "first_frame",
    "longest_gap",
    "ends",
    "script_reads",
    "attempts",
];

/// One thing that it speaks of, and something that is said of it.
fn check_subject(expect: &Expect, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let subjects: Vec<&str> = ["client", "upstream", "relay", "excused"]
        .into_iter()
        .filter(|subject| place.key(subject).exists())
        .collect();
    let of_client = OF_CLIENT.iter().find(|key| place.key(key).exists());
    match (subjects.as_slice(), of_client) {
        ([], Some(key)) => {
            let message = format!("`{key}` speaks of no client");
            let help = "say of which: `client: reader`";
            wrong.push(place.key(key).at_key().wrong(message).help(help));
        }
        ([], None) => wrong.push(
            place
                .wrong("the expectation is about nothing")
                .wanted("wanted: one of `client`, `upstream`, `relay`, `excused`"),
        ),
        (["client"], None) => {
            let message = "nothing is expected of the client";
            let help = "say what, such as `frames: as_sent` or `ends: clean`";
            wrong.push(place.key("client").at_key().wrong(message).help(help));
        }
        (["client"], Some(_)) | ([_], None) => {}
        ([subject], Some(key)) => {
            let message = format!("`{key}` speaks of a client, and this is about `{subject}`");
            let help = "make it an expectation of its own, with `client: ...`";
            wrong.push(place.key(key).at_key().wrong(message).help(help));
        }
        ([first, second, ..], _) => {
            let message = format!("`{first}` and `{second}` stand in one expectation");
            let help = "make each an expectation of its own";
            wrong.push(place.key(second).at_key().wrong(message).help(help));
        }
    }
    let says_why = expect.because.as_ref().is_some_and(|why| !why.trim().is_empty());
    match (&expect.excused, &expect.because) {
        (Some(_), _) if !says_why => {
            let message = "an excuse needs its reason";
            let help = "write `because: ...`: the report prints it";
            wrong.push(place.key("excused").at_key().wrong(message).help(help));
        }
        (None, Some(_)) => {
            let message = "`because` excuses no rule";
            let help = "say which: `excused: prompt-frames`";
            wrong.push(place.key("because").at_key().wrong(message).help(help));
        }
        (Some(_), _) | (None, None) => {}
    }
}

fn check_client(
    scenario: &Scenario,
    names: &Names,
    expect: &Expect,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    let name = expect.client.as_deref().unwrap_or_default();
    let mut known = names.group_words().chain(names.clients.iter().map(String::as_str));
    if !known.any(|known| known == name) {
        let message = format!("unknown client `{name}`");
        wrong.push(place.key("client").wrong(message).known(name, names.group_words()));
        return;
    }
    if expect.status.is_some_and(|status| !(100..=599).contains(&status)) {
        let wanted = "wanted: 100 to 599";
        wrong.push(place.key("status").wrong("this is no status").wanted(wanted));
    }
    if expect.ends.as_ref().is_some_and(|ends| ends.how.is_empty()) {
        let message = "no ending at all is accepted";
        wrong.push(place.key("ends").wrong(message));
    }
    check_bound(expect.first_frame, place.key("first_frame"), wrong);
    check_bound(expect.longest_gap, place.key("longest_gap"), wrong);
    check_bound(expect.attempts, place.key("attempts"), wrong);
    let group = scenario
        .clients
        .iter()
        .find(|client| client.name == name || super::client_names(client).any(|one| one == name));
    let Some(client) = group else { return };
    if expect.script_reads.is_some() && client.kind != Kind::Browser {
        let message = "only a browser has a script that reads";
        let help = format!("give `{name}` the kind `as: browser`");
        wrong.push(place.key("script_reads").at_key().wrong(message).help(help));
    }
    let tries = client.retries.as_ref().map_or(1, |retries| retries.max.saturating_add(1));
    if let Some(least) = expect.attempts.and_then(|bound| bound.at_least)
        && least > tries
    {
        let message = format!("`{name}` asks at most {tries} times");
        wrong.push(place.key("attempts").wrong(message).help("give it more `retries`"));
    }
    if let Some(frames) = &expect.frames {
        check_frames(scenario, client, frames, place.key("frames"), wrong);
    }
}

fn check_frames(
    scenario: &Scenario,
    client: &Client,
    frames: &Frames,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    let (least, here) = match frames {
        // Of the most, an error event of the relay's and a usage chunk may not come.
        Frames::AsSent => match clients::frames_max(scenario) {
            Some(most) => (most.saturating_sub(2), place),
            None => return,
        },
        Frames::List(_) => return,
        Frames::AsSentFirst(first) => (*first, place.key("as_sent")),
        Frames::Count(bound) => {
            check_bound(Some(*bound), place.key("count"), wrong);
            (bound.at_least.unwrap_or(0), place.key("count"))
        }
    };
    if let Some(most) = clients::frames_max(scenario)
        && least > most
    {
        wrong.push(clients::beyond(least, most, here));
    } else {
        check_leaver(client, least, here, wrong);
    }
}

/// Frames that come after the client has left by its own will. It may have read on past the point
/// at which it left, so this asks only what can never hold.
fn check_leaver(client: &Client, least: u64, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let mut read = None;
    for step in &client.does {
        match *step {
            Does::Read(ReadPoint::Frames(frames)) => read = Some(frames),
            Does::Read(ReadPoint::Bytes(_)) | Does::Wait(_) | Does::Reconnect(_) => read = None,
            Does::Leave(_) => {
                if let Some(read) = read.filter(|read| least > *read) {
                    let message = format!("`{}` leaves after {read} frames", client.name);
                    let help = format!("expect `frames: {{ as_sent: {read} }}`, or read on");
                    wrong.push(place.wrong(message).help(help));
                }
                return;
            }
        }
    }
}

fn check_upstream(upstream: &Upstream, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if *upstream == Upstream::default() {
        let help = "say what, such as `requests: 1`";
        wrong.push(place.at_key().wrong("nothing is expected of the provider").help(help));
    }
    check_bound(upstream.requests, place.key("requests"), wrong);
    check_bound(upstream.waits, place.key("waits"), wrong);
}

fn check_relay(scenario: &Scenario, relay: &Relay, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let bytes = place.key("held_bytes");
    if *relay == Relay::default() {
        let help = "say what, such as `held_bytes: { at_most: 64KiB }`";
        wrong.push(place.at_key().wrong("nothing is expected of the relay").help(help));
    }
    check_bound(relay.held_bytes, bytes, wrong);
    // A stream that fits below the bound proves nothing: any relay could hold it whole.
    let sent = Extent::of_rules(&scenario.upstream).bytes;
    if let Some(most) = relay.held_bytes.and_then(|bound| bound.at_most)
        && let Some(sent) = sent
        && sent <= most.0
    {
        let message = format!("the provider never sends more than {sent} bytes");
        let help = format!("a relay can hold more than {most} only of a stream that is larger");
        wrong.push(bytes.wrong(message).help(help));
    }
}

fn check_bound<T: Copy + PartialOrd>(
    bound: Option<Bound<T>>,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    let Some(bound) = bound else { return };
    match (bound.at_least, bound.at_most) {
        (None, None) => {
            let wanted = "wanted: `at_least`, `at_most` or both";
            wrong.push(place.wrong("the bound bounds nothing").wanted(wanted));
        }
        (Some(least), Some(most)) if least > most => {
            wrong.push(place.wrong("`at_least` is more than `at_most`: nothing can be both"));
        }
        (Some(_) | None, Some(_) | None) => {}
    }
}

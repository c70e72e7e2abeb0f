//! Who asks, and how each behaves.

use std::collections::BTreeSet;

use mock_openai::{
    quantity::Size,
    script::{Extent, is_header_name, is_header_value},
    yaml::{Diagnostic, Place},
};

use super::{NAME, RESERVED, http2, is_name, kind, moves};
use crate::scenario::{Client, ReadPoint, Request, Retries, Scenario, client_names};

/// How many clients a scenario may have; a run of a thousand takes seconds.
const CLIENTS_MAX: u64 = 10_000;

/// Headers that tell where a request ends: with others it would not be the one that was meant.
const SET_BY_THE_CLIENT: [&str; 2] = ["content-length", "transfer-encoding"];

/// Whether the clients can be counted out at all.
pub(super) fn check_counts(
    scenario: &Scenario,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) -> bool {
    if scenario.clients.is_empty() {
        let help = "one client is enough: `clients: [ { name: reader } ]`";
        wrong.push(place.at_key().wrong("the scenario has no client").help(help));
    }
    let mut sum = 0_u64;
    for (index, client) in scenario.clients.iter().enumerate() {
        let count = place.nth(index).key("count");
        if client.count == Some(0) {
            let message = "a count of 0 makes no client";
            wrong.push(count.wrong(message).wanted("wanted: 1 or more"));
        }
        sum = sum.saturating_add(client.count.unwrap_or(1));
        if sum > CLIENTS_MAX {
            wrong.push(count.wrong(format!("more than {CLIENTS_MAX} clients are refused")));
            return false;
        }
    }
    true
}

pub(super) fn check(scenario: &Scenario, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let frames = frames_max(scenario);
    let mut taken = BTreeSet::new();
    for (index, client) in scenario.clients.iter().enumerate() {
        let here = place.nth(index);
        check_name(scenario, client, here.key("name"), wrong);
        if let Some(twice) = client_names(client).find(|name| taken.contains(name)) {
            let message = format!("two clients are called `{twice}`");
            wrong.push(here.key("name").wrong(message));
        }
        taken.extend(client_names(client));
        check_address(scenario, index, here, wrong);
        kind::check(client, here, wrong);
        http2::check(scenario, client, here, wrong);
        check_request(&client.request, here.key("request"), wrong);
        check_patience(client, here.key("gives_up"), wrong);
        moves::check(client, &scenario.upstream, frames, here, wrong);
        if let Some(retries) = &client.retries {
            check_retries(retries, here.key("retries"), wrong);
        }
        if client.starts.at > scenario.limit {
            let message = format!("it starts after the scenario's limit of {}", scenario.limit);
            wrong.push(here.key("starts").key("at").wrong(message));
        } else if client.starts.at.0.saturating_add(client.starts.spread.0) > scenario.limit.0 {
            let message = format!("it may start after the scenario's limit of {}", scenario.limit);
            wrong.push(here.key("starts").key("spread").wrong(message));
        }
        if client.recv_buffer == Some(Size(0)) {
            wrong.push(here.key("recv_buffer").wrong("a buffer of no bytes never receives"));
        }
    }
}

/// The most frames of an answer that any client can see, if that can be known: what the relay may
/// add is an error event, and heartbeats where they are switched on.
pub(super) fn frames_max(scenario: &Scenario) -> Option<u64> {
    let beats = scenario.relay.get("heartbeat").is_some_and(|switch| switch.0 != "off");
    let most = Extent::of_rules(&scenario.upstream).frames?;
    (!beats).then_some(most.saturating_add(1))
}

fn check_name(scenario: &Scenario, client: &Client, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let name = client.name.as_str();
    let on_path = scenario.path.iter().any(|step| step.host_name() == name);
    if on_path || RESERVED.contains(&name) {
        let message = format!("`{name}` is no name for a client: it means something else");
        wrong.push(place.wrong(message));
    } else if !is_name(name) {
        wrong.push(place.wrong(format!("`{name}` is no name")).wanted(NAME));
    }
}

/// Clients of one address share a host and so its buffer.
fn check_address(scenario: &Scenario, index: usize, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let client = &scenario.clients[index];
    let Some(from) = client.address() else { return };
    let from_place = place.key(if client.from.is_some() { "from" } else { "tab_of" });
    let on_path = scenario.path.iter().any(|step| step.host_name() == from);
    if on_path || RESERVED.contains(&from) {
        let message = format!("`{from}` is no address for clients: it means something else");
        wrong.push(from_place.wrong(message));
    } else if !is_name(from) {
        wrong.push(from_place.wrong(format!("`{from}` is no name")).wanted(NAME));
    }
    let before = &scenario.clients[..index];
    let differs =
        |other: &&Client| other.address() == Some(from) && other.recv_buffer != client.recv_buffer;
    if let Some(other) = before.iter().find(differs) {
        let message = format!(
            "`{}` and `{}` share the host `{from}` but not its `recv_buffer`",
            other.name, client.name
        );
        wrong.push(from_place.wrong(message).help("say the same `recv_buffer` at both"));
    }
    let elsewhere = |other: &&Client| {
        client.tab_of.is_some() && other.tab_of == client.tab_of && other.address() != Some(from)
    };
    if let Some(other) = before.iter().find(elsewhere) {
        let message = format!(
            "`{}` and `{}` are tabs of one browser at two addresses",
            other.name, client.name
        );
        wrong.push(from_place.wrong(message).help("say the same `from` at both, or leave it out"));
    }
}

fn check_request(request: &Request, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if request.get.is_some() && request.post.is_some() {
        let message = "`get` and `post` stand together: a request has one method";
        wrong.push(place.key("post").at_key().wrong(message).help("keep one of them"));
    }
    if request.get.is_some() && request.json.is_some() {
        let message = "a GET carries no `json`";
        wrong.push(place.key("json").at_key().wrong(message).help("write `post` for `get`"));
    }
    for (key, path) in [("get", &request.get), ("post", &request.post)] {
        let fits = |path: &String| path.starts_with('/') && !path.contains([' ', '\r', '\n']);
        if path.as_ref().is_some_and(|path| !fits(path)) {
            let wanted = "wanted: a path from `/`, without spaces";
            wrong.push(place.key(key).wrong("this is no path").wanted(wanted));
        }
    }
    for (name, value) in &request.headers {
        let here = place.key("headers").key(name);
        if !is_header_name(name) {
            wrong.push(here.at_key().wrong(format!("`{name}` cannot be the name of a header")));
        }
        if SET_BY_THE_CLIENT.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            let message = format!("`{name}` says how long the body is, and the client sets that");
            wrong.push(here.at_key().wrong(message).help("leave it out"));
        }
        if !is_header_value(value) {
            wrong.push(here.wrong("a header's value holds a control character"));
        }
    }
}

fn check_patience(client: &Client, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let patience = client.gives_up;
    let budgets = [
        ("connect", patience.connect),
        ("first_byte", patience.first_byte),
        ("silence", patience.silence),
        ("total", patience.total),
    ];
    for (key, time) in budgets {
        if time.is_some_and(|time| time.0.is_zero()) {
            let message = "a client without any patience never asks";
            wrong.push(place.key(key).wrong(message).help("leave it out to wait for ever"));
        }
    }
}

/// A point that the client can come to.
pub(super) fn check_point(
    point: ReadPoint,
    most: Option<u64>,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    match (point, most) {
        (ReadPoint::Frames(0), _) => {
            wrong.push(place.key("frames").wrong("0 frames are read before the answer begins"));
        }
        (ReadPoint::Bytes(Size(0)), _) => {
            wrong.push(place.key("bytes").wrong("0 bytes are read before the answer begins"));
        }
        (ReadPoint::Frames(wanted), Some(most)) if wanted > most => {
            wrong.push(beyond(wanted, most, place.key("frames")));
        }
        (ReadPoint::Frames(_) | ReadPoint::Bytes(_), _) => {}
    }
}

/// More frames than the provider ever sends.
pub(super) fn beyond(wanted: u64, most: u64, place: Place<'_>) -> Diagnostic {
    let sends = most.saturating_sub(1);
    let message = format!("{wanted} frames never come: the provider sends at most {sends}");
    place.wrong(message).help("give the stream more `chunks`, or read less")
}

fn check_retries(retries: &Retries, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if retries.max == 0 {
        let message = "at most 0 retries are none";
        wrong.push(place.key("max").wrong(message).help("leave `retries` out"));
    }
    if retries.on.is_empty() {
        let message = "no status is retried";
        wrong.push(place.key("on").wrong(message).help("write `on: [429, 503]`"));
    }
    for (index, status) in retries.on.iter().enumerate() {
        if !(300..=599).contains(status) {
            let message = format!("`{status}` is no status to try again after");
            wrong.push(place.key("on").nth(index).wrong(message).wanted("wanted: 300 to 599"));
        }
    }
    let backoff = place.key("backoff");
    if retries.backoff.factor == 0 {
        let message = "a factor of 0 makes every later wait none";
        wrong.push(backoff.key("factor").wrong(message).wanted("wanted: 1 or more"));
    }
    if retries.backoff.cap < retries.backoff.base {
        let message =
            format!("the longest wait is shorter than the first, {}", retries.backoff.base);
        wrong.push(backoff.key("cap").wrong(message));
    }
}

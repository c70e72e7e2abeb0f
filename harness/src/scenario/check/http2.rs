//! What a version of HTTP has, and another has not.

use mock_openai::yaml::{Diagnostic, Place};

use crate::scenario::{Client, Does, Http, Leave, PathStep, ProviderHttp, Scenario};

/// Fields that speak of one connection (RFC 9113 8.2.2).
const OF_ONE_CONNECTION: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

pub(super) fn check(
    scenario: &Scenario,
    client: &Client,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    let does = place.key("does");
    for (index, step) in client.does.iter().enumerate() {
        let leaves = does.nth(index).key("leave");
        match (step, client.http) {
            (Does::Leave(Leave::StreamReset), Http::H10 | Http::H1) => {
                let message = "HTTP/1 has no stream to give up";
                wrong.push(leaves.wrong(message).help("write `http: h2`, or `leave: rst`"));
            }
            (Does::Leave(Leave::HalfClose), Http::H2) => {
                let message = "in HTTP/2 each stream has its own end, and a request ends its own";
                wrong.push(leaves.wrong(message).help("leave it out, or write `http: h1`"));
            }
            _ => {}
        }
    }
    if client.http != Http::H2 {
        return;
    }
    for name in client.request.headers.keys() {
        if OF_ONE_CONNECTION.contains(&name.to_ascii_lowercase().as_str()) {
            let message = format!("HTTP/2 has no field `{name}`: it speaks of one connection");
            let header = place.key("request").key("headers").key(name).at_key();
            wrong.push(header.wrong(message).help("leave it out, or write `http: h1`"));
        }
    }
    let mut before_relay = scenario.path.iter().take_while(|step| **step != PathStep::Relay);
    if before_relay.any(|step| matches!(step, PathStep::Middlebox(_))) {
        let message = "the boxes before the relay speak HTTP/1 alone";
        let help = "take them away, or write `http: h1`";
        wrong.push(place.key("http").wrong(message).help(help));
    }
}

/// The version of HTTP that a host speaks with the one before it.
pub(super) fn check_host(
    scenario: &Scenario,
    (host, http): (&str, Option<ProviderHttp>),
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    if http.is_some() && host != "upstream" {
        let message = format!("`{host}` takes the version that its peer speaks");
        let help = "say `http` of `upstream`, or of a client";
        wrong.push(place.key("http").at_key().wrong(message).help(help));
    }
    let relay = scenario.path.iter().rposition(|step| *step == PathStep::Relay);
    let mut behind = scenario.path.iter().skip(relay.map_or(0, |at| at + 1));
    if http == Some(ProviderHttp::H2) && behind.any(|step| matches!(step, PathStep::Middlebox(_))) {
        let message = "the boxes behind the relay speak HTTP/1 alone";
        let help = "take them away, or write `http: h1`";
        wrong.push(place.key("http").wrong(message).help(help));
    }
}

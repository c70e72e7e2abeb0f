//! The clients of a plan: counts multiplied out, starts drawn, requests written out.

use std::time::Duration;

use mock_openai::{draw::draw_below, quantity::Time};
use serde_json::{Map, Value, json};

use super::{Client, Request};
use crate::{
    profile,
    scenario::{self, Http, Kind, Patience, Scenario, Starts, client_names},
};

/// Where a completion is asked for.
const COMPLETIONS: &str = "/v1/chat/completions";

pub(super) fn expand(scenario: &Scenario, seed: u64) -> Vec<Client> {
    let named = scenario
        .clients
        .iter()
        .flat_map(|group| client_names(group).map(move |name| one(group, name, seed)));
    named.collect()
}

fn one(group: &scenario::Client, name: String, seed: u64) -> Client {
    Client {
        group: group.name.clone(),
        starts: start(group.starts, &name, seed),
        from: group.address().unwrap_or(&name).to_owned(),
        tab_of: group.tab_of.clone(),
        kind: group.kind,
        http: group.http,
        request: match group.kind {
            Kind::Eventsource => event_source(&group.request),
            Kind::Raw | Kind::EventsourceStream | Kind::Browser | Kind::Sdk(_) => {
                request(&group.request, &name)
            }
        },
        recv_buffer: group.recv_buffer.filter(|_| group.http == Http::H2),
        origin: group.origin.clone(),
        credentials: group.credentials,
        reads: group.reads,
        does: group.does.clone(),
        gives_up: patience(group),
        retries: group.retries.clone(),
        name,
    }
}

/// As the scenario says; else an SDK's own.
fn patience(group: &scenario::Client) -> Patience {
    let said = group.gives_up;
    let Kind::Sdk(sdk) = group.kind else { return said };
    let Some(profile) = profile::find(sdk.name()) else { return said };
    let own = profile.patience;
    Patience {
        connect: said.connect.or_else(|| own.connect.map(Time)),
        first_byte: said.first_byte.or_else(|| own.first_byte.map(Time)),
        silence: said.silence.or_else(|| own.silence.map(Time)),
        total: said.total,
    }
}

/// Spread uniformly over the whole milliseconds from `at` to `at + spread`.
fn start(starts: Starts, name: &str, seed: u64) -> Duration {
    let spread = u64::try_from(starts.spread.0.as_millis()).unwrap_or(u64::MAX);
    let drawn = draw_below(seed, &format!("client {name} start"), 0, spread.saturating_add(1));
    starts.at.0.saturating_add(Duration::from_millis(drawn))
}

fn request(said: &scenario::Request, name: &str) -> Request {
    let mut headers = vec![
        ("host".to_owned(), "relay".to_owned()),
        ("user-agent".to_owned(), "whitewater".to_owned()),
        ("accept".to_owned(), "text/event-stream".to_owned()),
    ];
    let (method, target, body) = if let Some(path) = &said.get {
        ("GET", path.clone(), String::new())
    } else {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        let path = said.post.clone().unwrap_or_else(|| COMPLETIONS.to_owned());
        ("POST", path, body(said.json.as_ref(), name))
    };
    headers.push(("authorization".to_owned(), "Bearer sk-test".to_owned()));
    if said.get.is_none() {
        headers.push(("content-length".to_owned(), body.len().to_string()));
    }
    for (header, value) in &said.headers {
        match headers.iter_mut().find(|(usual, _)| usual.eq_ignore_ascii_case(header)) {
            Some((_, usual)) => usual.clone_from(value),
            None => headers.push((header.clone(), value.clone())),
        }
    }
    Request { method: method.to_owned(), target, headers, body }
}

/// What an `EventSource` asks: script can choose nothing but the path (HTML 9.2.2). Its cache mode is
/// `no-store`, of which Fetch makes the last two.
fn event_source(said: &scenario::Request) -> Request {
    let headers = [
        ("host", "relay"),
        ("user-agent", "whitewater"),
        ("accept", "text/event-stream"),
        ("pragma", "no-cache"),
        ("cache-control", "no-cache"),
    ];
    Request {
        method: "GET".to_owned(),
        target: said.get.clone().unwrap_or_default(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: String::new(),
    }
}

/// The body as text. It names the client, so that the provider counts each client by itself and a
/// byte of one stream in another can be told.
fn body(said: Option<&Map<String, Value>>, name: &str) -> String {
    let usual = || {
        let mut usual = Map::new();
        usual.insert("model".to_owned(), json!("gpt-4o-mini"));
        usual.insert("stream".to_owned(), json!(true));
        usual.insert(
            "messages".to_owned(),
            json!([{ "role": "user", "content": "Tell me about rivers." }]),
        );
        usual
    };
    let mut body = said.cloned().unwrap_or_else(usual);
    if !body.contains_key("user") {
        body.insert("user".to_owned(), json!(name));
    }
    Value::Object(body).to_string()
}

//! What a plan makes of a scenario: names, links, starts, requests.

use std::time::Duration;

use harness::{
    plan::{HopKind, Plan, plan},
    scenario::{LinkSpec, load},
};
use mock_openai::quantity::{Rate, Size, Time};
use serde_json::{Value, json};

fn planned(text: &str, seed: u64) -> Plan {
    let scenario = load("test.yaml", text.as_bytes(), &[]).unwrap_or_else(|wrong| {
        let texts: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        panic!("{}", texts.join("\n"))
    });
    plan(&scenario, "area/test", seed)
}

const HEAD: &str = "title: A test\nupstream: [ { then: [ { stream: {} } ] } ]\n";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_count_is_multiplied_out_and_each_start_drawn_within_the_spread() {
    let text = format!(
        "{HEAD}clients: [ {{ name: caller, count: 100, starts: {{ at: 2s, spread: 500ms }} }} ]"
    );
    let plan = planned(&text, 1);
    let names: Vec<&str> = plan.clients.iter().map(|client| client.name.as_str()).collect();
    assert_eq!((names.len(), names[0], names[99]), (100, "caller-1", "caller-100"));
    assert!(plan.clients.iter().all(|client| client.group == "caller"));
    let starts: Vec<Duration> = plan.clients.iter().map(|client| client.starts).collect();
    assert!(starts.iter().all(|at| (millis(2_000)..=millis(2_500)).contains(at)), "{starts:?}");
    let early = starts.iter().filter(|at| **at < millis(2_250)).count();
    assert!((30..=70).contains(&early), "{early} of 100 in the first half");
    let other: Vec<Duration> =
        planned(&text, 2).clients.iter().map(|client| client.starts).collect();
    assert_ne!(starts, other);
}

#[test]
fn a_client_more_does_not_shift_the_starts_of_the_others() {
    let clients = |count: u64| {
        let text = format!(
            "{HEAD}clients: [ {{ name: a, count: {count}, starts: {{ spread: 1s }} }}, \
             {{ name: b, count: 2, starts: {{ spread: 1s }} }} ]"
        );
        planned(&text, 1).clients
    };
    let (few, many) = (clients(2), clients(3));
    assert_eq!(few[..2], many[..2]);
    assert_eq!(few[2..], many[3..]);
}

#[test]
fn every_pair_of_neighbours_has_a_link_and_one_direction_may_differ() {
    let text = format!(
        "{HEAD}path: [client, {{ buffering_proxy: {{ name: edge }} }}, relay, upstream]
network:
  client-edge: {{ latency: 20ms, jitter: 5ms, up: {{ latency: 1ms }} }}
  relay-upstream: {{ down: {{ bandwidth: 10KiB/s }} }}
clients: [ {{ name: reader }} ]"
    );
    let plan = planned(&text, 1);
    let names: Vec<&str> = plan.links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["client-edge", "edge-relay", "relay-upstream"]);
    let latency = |millis| Some(Time(Duration::from_millis(millis)));
    let both = LinkSpec {
        latency: latency(20),
        jitter: latency(5).map(harness::scenario::Jitter::AtMost),
        ..LinkSpec::default()
    };
    assert_eq!(plan.links[0].down, both);
    assert_eq!(plan.links[0].up, LinkSpec { latency: latency(1), ..both });
    assert_eq!(plan.links[1].down, LinkSpec::default());
    let slow = LinkSpec { bandwidth: Some(Rate(10 * 1024)), ..LinkSpec::default() };
    assert_eq!((plan.links[2].down, plan.links[2].up), (slow, LinkSpec::default()));
    assert_eq!(plan.hops[0].name, "edge");
    assert!(matches!(plan.hops[1].what, HopKind::Relay), "{:?}", plan.hops);
}

#[test]
fn a_client_s_buffer_is_its_host_s() {
    let text = format!(
        "{HEAD}hosts: {{ relay: {{ send_buffer: 16KiB }}, crowd: {{ send_buffer: 8KiB }} }}
clients:
  - {{ name: slow, recv_buffer: 4KiB }}
  - {{ name: crowd, count: 2, recv_buffer: 2KiB }}
  - {{ name: a, from: office, recv_buffer: 1KiB }}
  - {{ name: plain }}"
    );
    let hosts = planned(&text, 1).hosts;
    let buffers: Vec<(&str, Option<Size>, Option<Size>)> = hosts
        .iter()
        .map(|(name, limits)| (name.as_str(), limits.recv_buffer, limits.send_buffer))
        .collect();
    let kib = |n: u64| Some(Size(n << 10));
    assert_eq!(
        buffers,
        [
            ("relay", None, kib(16)),
            ("crowd-1", kib(2), kib(8)),
            ("crowd-2", kib(2), kib(8)),
            ("slow", kib(4), None),
            ("office", kib(1), None),
        ]
    );
}

#[test]
fn a_request_left_out_asks_for_a_streamed_completion() {
    let plan = planned(&format!("{HEAD}clients: [ {{ name: reader, count: 2 }} ]"), 1);
    let request = &plan.clients[1].request;
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/v1/chat/completions")
    );
    let header = |name: &str| {
        let mut values = request.headers.iter().filter(|(header, _)| header == name);
        (values.next().map(|(_, value)| value.as_str()), values.count())
    };
    assert_eq!(header("host"), (Some("relay"), 0));
    assert_eq!(header("accept"), (Some("text/event-stream"), 0));
    assert_eq!(header("content-type"), (Some("application/json"), 0));
    assert_eq!(header("authorization"), (Some("Bearer sk-test"), 0));
    assert_eq!(header("content-length"), (Some(request.body.len().to_string().as_str()), 0));
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["model"], json!("gpt-4o-mini"));
    assert_eq!(body["stream"], json!(true));
    assert_eq!(body["user"], json!("reader-2"));
    assert_eq!(body["messages"][0]["role"], json!("user"));
}

#[test]
fn what_the_scenario_says_of_a_request_stands() {
    let text = format!(
        "{HEAD}clients:
  - name: own
    request: {{ headers: {{ Authorization: Bearer k1, x-a: \"1\" }}, json: {{ user: me, n: 2 }} }}
  - {{ name: models, request: {{ get: /v1/models }} }}"
    );
    let plan = planned(&text, 1);
    let own = &plan.clients[0].request;
    assert_eq!(own.body, r#"{"user":"me","n":2}"#);
    let keys: Vec<&(String, String)> =
        own.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).collect();
    assert_eq!(keys, [&("authorization".to_owned(), "Bearer k1".to_owned())]);
    assert_eq!(own.headers.last(), Some(&("x-a".to_owned(), "1".to_owned())));
    let models = &plan.clients[1].request;
    assert_eq!((models.method.as_str(), models.body.as_str()), ("GET", ""));
    assert!(models.headers.iter().all(|(name, _)| !name.starts_with("content-")), "{models:?}");
}

#[test]
fn the_printed_plan_says_everything_in_units() {
    let text = "\
title: The provider dies after three frames
proves: []
limit: 2m
relay: { heartbeat: 15s, cors_credentials: true }
upstream:
  - when: { first: 1 }
    then:
      - stream: { chunks: 10, every: 20ms, stop: { after: { frames: 3 }, end: reset } }
network:
  client-relay: { latency: 20ms, loss: 0.5% }
  events:
    - { after: { client: reader, frames: 2 }, link: client-relay, do: hold, for: 30s }
clients:
  - name: reader
    starts: { at: 1s }
    recv_buffer: 4KiB
    does: [ { read: { frames: 3 } }, { leave: fin } ]
    retries: { max: 2, on: [429] }
expect:
  - { client: reader, frames: { as_sent: 3 }, ends: left, first_frame: { at_most: 50ms } }
";
    insta::assert_json_snapshot!(planned(text, 42));
}

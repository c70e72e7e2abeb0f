//! What a target says of itself decides what its runs are judged by: what it does to streams, and how
//! its metrics are called.

use std::convert::Infallible;

use axum::{
    Router,
    body::Body,
    extract::Request,
    routing::{get, post},
};
use futures_util::StreamExt as _;
use harness::{
    metrics::Names,
    net::Upstream,
    plan::RelayKind,
    report::Outcome,
    scenario,
    suite::{self, Case, Settings},
    target::Target,
};
use tower::ServiceExt as _;

const SCENARIO: &str = "
title: A relay writes events in its own way, and miscounts
upstream:
  - then: [{ stream: { chunks: 3, every: 20ms } }]
clients:
  - name: reader
";

/// Leaves out the blank behind `data:`, which means nothing, and counts seven answers of one.
fn reframes(upstream: Upstream) -> Router {
    let answer = async move |asked: Request| {
        let (head, body) = asked.into_parts();
        let url = "http://upstream/v1/chat/completions".parse().expect("it is a URL");
        let mut request = reqwest::Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        request.headers_mut().remove("host");
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("a chat is short");
        *request.body_mut() = Some(body.into());
        let response = upstream.oneshot(request).await.expect("the provider answers");
        let id = response.headers()["x-request-id"].to_str().expect("it is a name").to_owned();
        let events = response.bytes_stream().map(|bytes| {
            let text =
                String::from_utf8_lossy(&bytes.expect("the provider ends well")).into_owned();
            Ok::<_, Infallible>(text.replace("data: ", "data:"))
        });
        let head = [
            ("content-type", "text/event-stream".to_owned()),
            ("cache-control", "no-cache".to_owned()),
            ("x-accel-buffering", "no".to_owned()),
            ("x-request-id", id),
        ];
        (head, Body::from_stream(events))
    };
    let told = "# TYPE proxy_answers counter\nproxy_answers{outcome=\"done\"} 7\n";
    Router::new()
        .route("/v1/chat/completions", post(answer))
        .route("/metrics", get(async move || told))
}

/// What becomes of one run, where the relay says something of itself.
fn judged(says: impl Fn(Target) -> Target) -> Outcome {
    let scenario = scenario::load("claims.yaml", SCENARIO.as_bytes(), &[]);
    let scenario = scenario.expect("the scenario of this test is right");
    let target = says(Target::router("reframes", reframes));
    suite::outcome(&Case { id: "claims".to_owned(), scenario }, &Settings::of(target))
}

fn broke(outcome: &Outcome) -> Vec<&str> {
    outcome.failures.iter().map(|failure| failure.rule.as_str()).collect()
}

#[test]
fn a_relay_that_says_nothing_is_held_against_the_providers_bytes() {
    let outcome = judged(|target| target);
    assert!(broke(&outcome).contains(&"payload-intact"), "{outcome:#?}");
}

#[test]
fn a_relay_that_says_that_it_reframes_is_held_against_the_providers_events() {
    let outcome = judged(|target| target.of_kind(RelayKind::Reframing));
    assert_eq!(broke(&outcome), [] as [&str; 0], "{outcome:#?}");
    assert!(outcome.held.iter().any(|rule| rule == "payload-intact"), "{outcome:#?}");
}

#[test]
fn a_relay_that_says_that_it_translates_is_held_against_no_bytes() {
    let outcome = judged(|target| target.of_kind(RelayKind::Translating));
    let because = "the relay says that it translates what the provider sends";
    for rule in ["payload-intact", "any-cut", "any-line-end", "fields-survive"] {
        let found = outcome.not_applicable.iter().find(|note| note.rule == rule);
        assert_eq!(found.map(|note| note.because.as_str()), Some(because), "{rule}: {outcome:#?}");
    }
}

#[test]
fn a_relay_that_says_how_its_metrics_are_called_is_held_to_them() {
    let judged =
        |says: fn(Target) -> Target| judged(|target| says(target.of_kind(RelayKind::Reframing)));
    assert_eq!(broke(&judged(|target| target)), [] as [&str; 0]);
    let outcome = judged(|target| {
        target.with_metrics(Names {
            streams: "answers".to_owned(),
            end: "outcome".to_owned(),
            complete: vec!["done".to_owned()],
            ..Names::default()
        })
    });
    assert_eq!(broke(&outcome), ["metrics-true"], "{outcome:#?}");
    assert_eq!(outcome.failures[0].got, "7 are counted");
}

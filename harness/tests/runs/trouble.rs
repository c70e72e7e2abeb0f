//! What goes wrong inside a run stays inside it: panics, and scenarios that cannot end.

use std::time::Duration;

use axum::{Router, routing::post};
use futures_util::StreamExt as _;
use harness::{
    net::Engine,
    report::Conclusion,
    scenario,
    suite::{self, Case, Settings},
    target::Target,
};
use tower::ServiceExt as _;

fn case(yaml: &str) -> Case {
    let scenario = scenario::load("trouble.yaml", yaml.as_bytes(), &[]);
    Case {
        id: "trouble".to_owned(),
        scenario: scenario.expect("the scenario of this test is right"),
    }
}

const PLAIN: &str = "
title: One reader of one stream
upstream:
  - then: [{ stream: { chunks: 3, every: 10ms } }]
clients:
  - name: reader
    gives_up: { total: 5s }
";

fn panicking() -> Target {
    Target::router("panicking", |_| Router::new().route("/v1/chat/completions", post(answer)))
}

async fn answer() -> String {
    panic!("the relay panics on purpose")
}

#[test]
fn a_panic_in_the_relay_fails_its_own_scenario_and_no_other() {
    for engine in [Engine::TurmoilNet, Engine::Turmoil] {
        let settings = Settings { engine, ..Settings::of(panicking()) };
        let outcome = suite::outcome(&case(PLAIN), &settings);
        assert_eq!(outcome.result, Conclusion::Broke, "{engine}");
        let told = outcome.failures.iter().any(|f| f.got.contains("the relay panics on purpose"));
        assert!(told, "{engine}: {:#?}", outcome.failures);

        let settings = Settings { engine, ..Settings::of(Target::reference()) };
        let outcome = suite::outcome(&case(PLAIN), &settings);
        assert_eq!(outcome.result, Conclusion::Held, "{engine}: {:#?}", outcome.failures);
    }
}

/// Reads on behind each error of the provider's answer.
fn spinning() -> Target {
    Target::router("spinning", |upstream| {
        let relay = move || async move {
            let url = "http://provider/v1/chat/completions".parse().expect("a URL");
            let request = reqwest::Request::new(reqwest::Method::POST, url);
            let answer = upstream.oneshot(request).await.expect("an answer");
            let mut body = answer.bytes_stream();
            while let Some(_item) = body.next().await {}
        };
        Router::new().route("/v1/chat/completions", post(relay))
    })
}

#[test]
fn a_relay_that_reads_a_failed_answer_for_ever_fails_and_hangs_nobody() {
    let reset = "
title: The provider resets its stream
hosts: { upstream: { http: h2 } }
upstream:
  - then: [{ stream: { chunks: 3, stop: { after: { frames: 2 }, end: { stream_reset: cancel } } } }]
clients:
  - name: reader
    gives_up: { total: 5s }
";
    let outcome = suite::outcome(&case(reset), &Settings::of(spinning()));
    let told = outcome.failures.iter().any(|f| f.got.contains("stop at its first error"));
    assert!(told, "{:#?}", outcome.failures);
}

#[test]
fn a_scenario_that_cannot_end_stops_at_its_limit_with_a_verdict() {
    let endless = "
title: The provider never ends and the reader waits for ever
limit: 30s
upstream:
  - then: [{ stream: { chunks: 3 } }, { wait: forever }]
clients:
  - name: reader
";
    let settings = Settings::of(Target::reference());
    let outcome = suite::outcome(&case(endless), &settings);
    assert_eq!(outcome.result, Conclusion::Broke);
    let failure = outcome.failures.iter().find(|failure| failure.rule == "finishes");
    let failure = failure.expect("the limit is a failure of its own");
    assert_eq!(failure.at, Duration::from_secs(30));
    assert!(failure.got.contains("reader"), "{}", failure.got);
}

#[test]
fn a_stream_that_the_provider_ends_without_its_terminator_is_not_the_relays_fault() {
    let plain = "
title: The smallest scenario
upstream:
  - then: [{ send: { data: x } }]
clients:
  - name: reader
";
    let settings = Settings::of(Target::reference());
    let outcome = suite::outcome(&case(plain), &settings);
    assert_eq!(outcome.result, Conclusion::Held, "{:#?}", outcome.failures);
}

#[test]
fn a_relay_that_refuses_everybody_does_not_hold() {
    let target = Target::router("refusing", |_| Router::new());
    let settings = Settings::of(target);
    let outcome = suite::outcome(&case(PLAIN), &settings);
    let told = outcome.failures.iter().any(|f| f.rule == "every client is answered");
    assert!(told, "{:#?}", outcome.failures);
}

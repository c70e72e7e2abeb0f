//! What goes wrong inside a run stays inside it: panics, and scenarios that cannot end.

use std::time::Duration;

use axum::{Router, routing::post};
use harness::{
    net::Engine,
    report::Conclusion,
    scenario,
    suite::{self, Case, Settings},
    target::Target,
};

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

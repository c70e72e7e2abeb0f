//! What a relay logs is heard whatever the process told before, and from which thread.
//!
//! A program of its own: what it shows happens to the first run of a process alone.

use std::{convert::Infallible, thread};

use axum::{Router, body::Body, routing::post};
use futures_util::stream;
use harness::{
    report::Conclusion,
    scenario,
    suite::{self, Case, Settings},
    target::{Capability, Target},
};

const SCENARIO: &str = "
title: The relay logs each request
needs: [log]
upstream:
  - then: [{ stream: { chunks: 1 } }]
clients:
  - name: reader
    gives_up: { total: 5s }
expect:
  - relay: { logged: asked }
";

fn tell() {
    tracing::info!(target: "relay", "asked");
}

#[test]
fn a_line_that_another_thread_told_first_is_heard() {
    let target = Target::router("tells", |_| {
        // `tracing` remembers for all threads whether anybody listens to a line, and asks when the
        // line is told first: here by a thread that nobody listens to.
        thread::spawn(tell).join().expect("it only logs");
        let answer = || async {
            tell();
            let events = Body::from_stream(stream::iter([Ok::<_, Infallible>("data: [DONE]\n\n")]));
            (
                [
                    ("content-type", "text/event-stream"),
                    ("cache-control", "no-cache, no-transform"),
                    ("x-accel-buffering", "no"),
                ],
                events,
            )
        };
        Router::new().route("/v1/chat/completions", post(answer))
    })
    .claiming(Capability::Log);
    let scenario = scenario::load("log.yaml", SCENARIO.as_bytes(), &[]);
    let scenario = scenario.expect("the scenario of this test is right");
    let outcome = suite::outcome(&Case { id: "log".to_owned(), scenario }, &Settings::of(target));
    assert_eq!(outcome.result, Conclusion::Held, "{:#?}", outcome.failures);
}

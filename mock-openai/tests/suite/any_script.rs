//! Whatever script passes the checks plays to an end.

use std::{cell::Cell, fmt::Write as _, time::Duration};

use mock_openai::{journal::Event, script, yaml::NoFiles};
use proptest::{prelude::*, sample::select, test_runner::TestRunner};

use crate::support::Bench;

/// One step as YAML in flow style. Not each can stand wherever it comes to stand: what contradicts
/// itself is for the checks to find.
fn step() -> impl Strategy<Value = String> {
    let cut = select(vec![
        "at: [1, 2, 7]",
        "at: []",
        "every: 1",
        "every: 5",
        "inside: utf8",
        "inside: crlf",
        "inside: bom",
        "inside: field",
        "inside: json_escape",
        "random: { min: 1, max: 4 }",
        "by: none",
        "by: 3",
        "by: inside_field",
    ]);
    let form = select(vec!["", ", level: segment", ", gap: 5ms", ", joined: true"]);
    one_of(&LEAVES).prop_recursive(3, 12, 4, move |inner| {
        let steps = prop::collection::vec(inner, 1..4).prop_map(|steps| steps.join(", "));
        let repeat = (1_u8..4, steps.clone())
            .prop_map(|(times, steps)| format!("{{repeat: {{times: {times}, steps: [{steps}]}}}}"));
        let cut = (cut.clone(), form.clone(), steps)
            .prop_map(|(cut, form, steps)| format!("{{cut: {{{cut}{form}, steps: [{steps}]}}}}"));
        prop_oneof![repeat, cut]
    })
}

fn one_of(steps: &[&str]) -> impl Strategy<Value = String> + use<> {
    select(steps.iter().map(|step| format!("{{{step}}}")).collect::<Vec<_>>())
}

const FIRST: [&str; 6] = [
    "head: {}",
    "head: {when: with_first_frame}",
    "head: {framing: {length: 12}, headers: {x-a: ['1', '2'], cache-control: absent}}",
    "head: {framing: until_close, status: 204}",
    "trip: {after: {time: 40ms}, end: clean}",
    "trip: {after: {frames: 1}, end: half_close}",
];

const LEAVES: [&str; 14] = [
    "stream: {text: 'héllo 😀'}",
    "stream: {chunks: 2, every: {uniform: {min: 1ms, max: 9ms}}}",
    "send: {data: \"é {i}\\n{n}\", eol: mixed, bom: true}",
    "send: {raw: \"a\\r\"}",
    "send: {raw: \"\\n\\r\\n\"}",
    "send: {hex: 'ff c3'}",
    "send: {preset: openrouter-comment, final_blank_line: false}",
    "wait: 20ms",
    "wait: {lognormal: {median: 20ms, sigma: 5}}",
    "wait: {exponential: {mean: 1s}}",
    "wait: {until: {mark: m}}",
    "mark: m",
    "mark: 'm{i}'",
    "trip: {after: {bytes: 3B}, end: fin}",
];

const LAST: [&str; 12] = [
    "stream: {chunks: 3, stop: {after: {frames: 2}, end: reset}}",
    "stream: {chunks: 3, every: 20ms, stop: {after: {time: 30ms}, end: clean}}",
    "json: {a: 1}",
    "error: {preset: server_error}",
    "wait: forever",
    "wait: {until: peer_closed}",
    "wait: {until: {mark: 'm0'}}",
    "end: clean",
    "end: no_terminator",
    "end: truncated",
    "end: hold",
    "end: {close_idle_after: 5s}",
];

/// Serves two requests, leaves, and waits until the connection is closed.
async fn plays_to_an_end(text: &str) {
    let bench = Bench::new(text);
    let mut peer = bench.connect();
    for _ in 0..2 {
        peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await;
    }
    // So long that every wait is over that is not for ever.
    tokio::time::sleep(Duration::from_hours(100_000)).await;
    peer.leave();
    tokio::time::sleep(Duration::from_hours(1)).await;
    let events = bench.events();
    assert!(!bench.server.is_finished(), "{text}");
    assert_eq!(events.last(), Some(&Event::Closed), "{text}\n{events:?}");
}

/// Whether a script passes; then it is played.
fn is_played(steps: &[String]) -> bool {
    let mut text = "[{then: [".to_owned();
    write!(text, "{}]}}]", steps.join(", ")).expect("a string takes all");
    let passes = script::load("test", text.as_bytes(), &NoFiles).is_ok();
    if passes {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(plays_to_an_end(&text));
    }
    passes
}

#[test]
fn a_script_that_passes_the_checks_plays_to_an_end() {
    let config =
        ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let steps = (
        prop::collection::vec(one_of(&FIRST), 0..2),
        prop::collection::vec(prop_oneof![one_of(&LEAVES), step()], 1..4),
        prop::collection::vec(one_of(&LAST), 0..2),
    );
    let played = Cell::new(0);
    let done = runner.run(&steps, |(first, middle, last)| {
        played.set(played.get() + u32::from(is_played(&[first, middle, last].concat())));
        Ok(())
    });
    assert!(done.is_ok(), "{done:?}");
    assert!(played.get() > 100, "only {} passed", played.get());
}

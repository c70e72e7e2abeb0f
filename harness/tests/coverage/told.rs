//! All that the relay can tell of itself, it tells in some scenario: each metric, each reason for a
//! stream's end, each limit, each error of its own.

use super::{Excuses, all_are_met, catalogue::seen, source::words};

/// Where the relay's words stand: the file, and the function that gives them.
const WORDS: &[(&str, &str)] = &[
    ("relay/src/stream/mod.rs", "row"),
    ("relay/src/caps.rs", "admit"),
    ("relay/src/state.rs", "spend"),
    ("relay/src/account.rs", "window"),
    ("relay/src/errors.rs", "code"),
];

/// Words that no simulation makes it say.
const UNTOLD: Excuses = &[
    ("invalid_body", "clients send whole requests: relay/tests/bad_requests.rs"),
    ("invalid_head", "clients send one Host, and no transfer coding: relay/tests/bad_requests.rs"),
    ("store_failed", "no store refuses in a simulation: relay/tests/resume.rs"),
    (
        "stream_store_unavailable",
        "no store is away in a simulation: relay/src/resume/redis_tests.rs",
    ),
    ("upstream_tls_failed", "nothing simulated speaks TLS: relay/tests/tls.rs"),
];

/// Metrics that are 0 whenever a run is over.
const ZERO_AT_THE_END: Excuses = &[
    ("relay_held_bytes", "what was not taken by then is let go: relay/src/account_tests.rs"),
    ("relay_open_streams", "all are over by then: relay/tests/seeing.rs"),
];

#[test]
fn each_word_of_the_relay_is_told_in_some_scenario() -> Result<(), String> {
    let all: Vec<String> =
        WORDS.iter().flat_map(|(path, function)| words(path, function)).collect();
    let all = all.iter().map(String::as_str);
    all_are_met("word of the relay", all, |word| seen().told.contains(word), UNTOLD)
}

#[test]
fn each_metric_counts_something_in_some_scenario() -> Result<(), String> {
    let all = seen().metrics.iter().map(String::as_str);
    let counts = |name: &str| {
        let samples = ["", "_total", "_count"].map(|end| format!("{name}{end}"));
        samples.iter().any(|sample| seen().told.contains(sample))
    };
    all_are_met("metric", all, counts, ZERO_AT_THE_END)
}

//! What a scrape says.

use super::*;

/// One sample of every family.
fn used() -> Metrics {
    let metrics = Metrics::default();
    metrics.answered("/v1/chat/completions", http::StatusCode::OK);
    metrics.answered("/v1", http::StatusCode::BAD_GATEWAY);
    metrics.refused("concurrency");
    let base: Url = "http://a:1/v1".parse().unwrap();
    metrics.breaker(1, &base, State::Open);
    metrics.breaker(0, &base, State::Closed);
    metrics.streams.get_or_create(&[("end", "complete".to_owned())]).inc();
    metrics.cancels.get_or_create(&[("window", "idle".to_owned())]).inc();
    metrics.read_on_tokens.get_or_create(&[("kind", "input".to_owned())]).inc();
    for seconds in [0.2, 0.3, 400.0] {
        metrics.time_to_first_byte.observe(seconds);
        metrics.longest_gap.observe(seconds);
    }
    metrics
}

#[test]
fn labels_are_sorted_and_buckets_keep_their_order() {
    let text = used().text();
    let samples = |name: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
    };
    let states = [(0, 0), (1, 2)].map(|(index, state)| {
        format!("relay_breaker_state{{index=\"{index}\",upstream=\"http://a:1/v1\"}} {state}")
    });
    assert_eq!(samples("relay_breaker_state"), states);
    let buckets = samples("relay_longest_gap_seconds_bucket");
    assert_eq!(buckets[0], "relay_longest_gap_seconds_bucket{le=\"0.025\"} 0");
    assert_eq!(buckets[GAP.len()], "relay_longest_gap_seconds_bucket{le=\"+Inf\"} 3");
    assert_eq!(text, used().text());
}

#[test]
fn names_hold_their_units_and_counters_end_in_total() {
    let text = used().text();
    let after = |kind: &str| -> Vec<(&str, &str)> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(kind));
        lines.filter_map(|rest| rest.trim_start().split_once(' ')).collect()
    };
    for (name, unit) in after("# UNIT") {
        assert!(name.ends_with(&format!("_{unit}")), "{name} {unit}");
    }
    let types = after("# TYPE");
    assert_eq!(types.len(), 16);
    for (name, kind) in types {
        assert!(name.starts_with("relay_"), "{name}");
        let sample = match kind {
            "counter" => format!("{name}_total"),
            "histogram" => format!("{name}_count"),
            _ => name.to_owned(),
        };
        assert!(text.lines().any(|line| line.starts_with(&sample)), "{sample}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn an_independent_parser_reads_the_text() {
    use std::{io::Write as _, process};
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/sdk/venv/bin/python");
    let script = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
        print(sum(len(family.samples) for family in read(sys.stdin.read())))";
    let found = process::Command::new(python)
        .args(["-c", "import prometheus_client"])
        .stderr(process::Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        let missing =
            format!("{python} has no prometheus_client; the `sdks` of `.ci/run` install it");
        let must = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!must, "{missing}");
        eprintln!("SKIPPED: {missing}");
        return;
    }
    let mut child = process::Command::new(python)
        .args(["-c", script])
        .stdin(process::Stdio::piped())
        .stdout(process::Stdio::piped())
        .spawn()
        .unwrap();
    let text = used().text();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), samples.to_string());
}

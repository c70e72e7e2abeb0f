//! Each number that a rule judges by is read: set otherwise, a verdict of its rule turns, the report
//! says by which number it was judged, and the run is the same.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use futures_util::{Stream, StreamExt as _, stream};
use harness::{
    net::Upstream,
    report::{Conclusion, Failure, Format, Outcome},
    rules::limits::{self, Limit},
    scenario::{self, catalogue},
    suite::{self, Case, Settings},
    target::Target,
};
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

use super::support;

/// Where a verdict turns with a limit: the limit and another value than its default, the relay that is
/// judged, and the scenario, by its id or as it is written.
struct Turn {
    limit: &'static str,
    set: &'static str,
    relay: &'static str,
    at: &'static str,
}

const LATE: &str = "late";

#[rustfmt::skip]
const TURNS: &[Turn] = &[
    Turn { limit: "long-line.event", set: "1KiB", relay: "broken/drops-late-events", at: "responses/text-answer-has-no-done" },
    Turn { limit: "long-line.half", set: "128KiB", relay: "broken/reads-lines-of-64-kib", at: "long-lines/line-that-never-ends" },
    Turn { limit: "no-cross-talk", set: "2KiB", relay: "broken/shares-a-buffer", at: "cross-talk/streams-cut-inside-their-events" },
    Turn { limit: "headers-first", set: "1h", relay: "broken/head-with-the-first-chunk", at: "heads/head-comes-before-the-first-byte" },
    Turn { limit: "prompt-frames", set: "200ms", relay: "broken/forgets-flush", at: "proxy-buffering/ten-events-come-one-by-one" },
    Turn { limit: "no-total-deadline.age", set: "31s", relay: "broken/thirty-second-timeout", at: "heartbeats/frames-flow-and-no-beat-comes" },
    Turn { limit: "no-total-deadline.silence", set: "1s", relay: "broken/thirty-second-timeout", at: "heartbeats/frames-flow-and-no-beat-comes" },
    Turn { limit: "separate-budgets", set: "31ms", relay: LATE, at: SILENT },
    Turn { limit: "heartbeat-when-idle", set: "7ms", relay: LATE, at: BEATS },
    Turn { limit: "cancel-upstream", set: "1h", relay: "broken/detached-upstream", at: "dropped-connections/client-resets-mid-stream" },
    Turn { limit: "drain.grace", set: "1500ms", relay: Target::REFERENCE, at: "load-balancing/drained-relay-ends-what-it-has" },
    Turn { limit: "drain.last-words", set: "300ms", relay: Target::REFERENCE, at: "deployments/stalled-reader-is-cut-after-the-grace" },
    Turn { limit: "bounded-memory", set: "64MiB", relay: "broken/unbounded-channel", at: "long-lines/event-that-never-ends" },
    Turn { limit: "no-head-of-line", set: "1h", relay: "broken/one-lock", at: "http2/slow-reader-shuts-the-providers-window" },
    Turn { limit: "stalled-reader-ends.client", set: "1h", relay: "broken/bears-stalled-readers", at: "slow-clients/one-that-never-reads-is-let-go" },
    Turn { limit: "stalled-reader-ends.provider", set: "1h", relay: "broken/detached-upstream", at: "slow-clients/one-that-never-reads-is-let-go" },
    Turn { limit: "caps-answer-429.refusal", set: "199ms", relay: LATE, at: REFUSED },
    Turn { limit: "caps-answer-429.place", set: "1h", relay: "broken/keeps-places-of-leavers", at: "limits/place-of-a-client-that-left-is-free-again" },
    Turn { limit: "storm-is-damped", set: "2", relay: Target::REFERENCE, at: "retries/sum-of-waits-is-bounded" },
    Turn { limit: "accept-survives", set: "100ms", relay: LATE, at: OUT_OF_FILES },
];

const BEATS: &str = "
title: The provider is silent for twelve seconds
relay: { heartbeat: 5s }
upstream:
  - then: [{ send: { data: x } }, { wait: 12s }, { send: { data: '[DONE]' } }]
clients:
  - name: reader
";

const SILENT: &str = "
title: The provider falls silent for a minute
relay: { first_byte: 20s, idle: 20s }
upstream:
  - then: [{ send: { data: x } }, { wait: 1m }]
clients:
  - name: reader
";

const REFUSED: &str = "
title: A client is refused by the relay itself
upstream:
  - then: [{ send: { data: x } }]
clients:
  - name: reader
    request: { post: /refused }
";

const OUT_OF_FILES: &str = "
title: A client comes while the relay has no file, and there is room half a second later
hosts:
  relay: { files: 3 }
upstream:
  - then: [{ stream: { chunks: 10, every: 100ms } }]
clients:
  - name: early
  - name: late
    starts: { at: 500ms }
";

/// How long it waits before it says that the provider is silent.
const BEAT: Duration = Duration::from_millis(5_008);

/// A relay that is late in all that it does by itself, each by less than is usually borne: it beats after
/// 5,008 ms of silence, gives up with the fourth beat, and refuses after 200 ms. Its server is axum's,
/// which leaves accepting alone for a second.
fn late() -> Target {
    let router = |upstream: Upstream| {
        let relay = move |body: Bytes| passed(upstream, body);
        Router::new().route("/v1/chat/completions", post(relay)).route("/refused", post(refused))
    };
    Target::router(LATE, router).with_switches(|_, _| Ok(()))
}

async fn refused() -> Response {
    sleep(Duration::from_millis(200)).await;
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response()
}

async fn passed(upstream: Upstream, body: Bytes) -> Response {
    let url = "http://provider/v1/chat/completions".parse().expect("a URL");
    let mut request = reqwest::Request::new(reqwest::Method::POST, url);
    *request.body_mut() = Some(body.into());
    let answer = upstream.oneshot(request).await.expect("the provider answers");
    let body = Body::from_stream(with_beats(answer.bytes_stream().boxed()));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn with_beats(
    body: impl Stream<Item = reqwest::Result<Bytes>> + Unpin,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(Some((body, 0)), |state| async {
        let (mut body, beats) = state?;
        match timeout(BEAT, body.next()).await {
            Ok(item) => Some((Ok(item?.ok()?), Some((body, 0)))),
            Err(_) if beats == 3 => {
                let error = "data: {\"error\":{\"message\":\"silence\",\"type\":\"timeout\"}}\n\n";
                Some((Ok(error.into()), None))
            }
            Err(_) => Some((Ok(": beat\n\n".into()), Some((body, beats + 1)))),
        }
    })
}

impl Turn {
    fn limit(&self) -> &'static Limit {
        limits::ALL.iter().find(|limit| limit.name == self.limit).expect("there is such a limit")
    }

    fn text(&self) -> String {
        format!("{}={}", self.limit, self.set)
    }

    fn case(&self) -> Case {
        if self.at.starts_with('\n') {
            let scenario = scenario::load("limits.yaml", self.at.as_bytes(), &[]);
            let scenario = scenario.expect("the scenario of this test is right");
            return Case { id: "limits/own".to_owned(), scenario };
        }
        let files = catalogue::find(&[self.at.to_owned()], &support::root()).expect("it is found");
        support::read(&files[0]).expect("it is right").remove(0)
    }

    fn settings(&self, limits: &[String]) -> Settings {
        let target = if self.relay == LATE { Some(late()) } else { Target::named(self.relay) };
        let limits = limits::read(limits).expect("the limit of this test is one");
        Settings { limits, ..Settings::of(target.expect("there is such a relay")) }
    }
}

/// How the rule of a limit broke in a run, if it did.
fn breach<'a>(outcome: &'a Outcome, limit: &Limit) -> Option<&'a Failure> {
    outcome.failures.iter().find(|failure| failure.rule == limit.rule())
}

#[test]
fn a_verdict_turns_with_each_limit_and_the_run_stays_the_same() {
    let turning: Vec<&str> = TURNS.iter().map(|turn| turn.limit).collect();
    let all: Vec<&str> = limits::ALL.iter().map(|limit| limit.name).collect();
    assert_eq!(turning, all, "one turn a limit, in the order of the table");
    for turn in TURNS {
        let (case, limit) = (turn.case(), turn.limit());
        let run = |limits: &[String]| suite::outcome(&case, &turn.settings(limits));
        let (usual, other) = (run(&[]), run(&[turn.text()]));
        assert_eq!(usual.hash, other.hash, "{}", turn.text());
        let at = format!("{} in {}: {:#?}", turn.text(), usual.id, usual.failures);
        let (failure, judged_by, replay) = match (breach(&usual, limit), breach(&other, limit)) {
            (Some(failure), None) => (failure, limit.default.to_string(), false),
            (None, Some(failure)) => (failure, turn.set.to_owned(), true),
            (usual, other) => panic!("it does not turn at {at}: {usual:#?}, {other:#?}"),
        };
        assert!(failure.demand.contains(&judged_by), "{} lacks {judged_by}", failure.demand);
        let repeats = failure.replay.ends_with(&format!(" --limit {}", turn.text()));
        assert_eq!(repeats, replay, "{}", failure.replay);
    }
}

#[test]
fn a_report_names_each_limit_that_is_not_the_usual_one_and_json_all_of_them() {
    let turn = TURNS.iter().find(|turn| turn.limit == "prompt-frames").expect("it is there");
    let texts = ["bounded-memory=1MiB", "storm-is-damped=3", "prompt-frames=5ms"];
    let settings = turn.settings(&texts.map(str::to_owned));
    let report = suite::run(&[turn.case()], &settings, &|_, _| {});
    let rendered = |format: Format| {
        let mut bytes = Vec::new();
        format.render(&report, &mut bytes).expect("memory takes it");
        String::from_utf8(bytes).expect("it is text")
    };
    let head = "limit  prompt-frames=5ms, by default 10ms\n\
                limit  bounded-memory=1MiB, by default 256KiB\n\n family";
    let text = rendered(Format::Text);
    assert!(text.starts_with(head), "{text}");
    assert!(text.contains("): each event leaves within 5ms of its arrival, not with the next"));
    let replay = " --seed 1 --limit prompt-frames=5ms --limit bounded-memory=1MiB\n";
    assert!(text.contains(replay), "{text}");
    let json: serde_json::Value = serde_json::from_str(&rendered(Format::Json)).expect("JSON");
    let told = json["limits"].as_object().expect("it is a mapping");
    assert_eq!(told.len(), limits::ALL.len());
    let used = |value, default| serde_json::json!({ "value": value, "default": default });
    assert_eq!(told["bounded-memory"], used("1MiB", "256KiB"));
    assert_eq!(told["prompt-frames"], used("5ms", "10ms"));
    assert_eq!(told["storm-is-damped"], serde_json::json!({ "value": 3, "default": 3 }));
    let usual = suite::report(vec![], &turn.settings(&[]), Duration::ZERO);
    let mut bytes = Vec::new();
    Format::Text.render(&usual, &mut bytes).expect("memory takes it");
    assert!(bytes.starts_with(b" family"));
}

/// Scenarios of the catalogue are written for the usual limits: with others an excuse may not be needed,
/// and a rule have nothing to judge. A number that a scenario says itself stays.
#[test]
fn what_a_scenario_says_of_a_rule_bears_another_limit_and_its_own_numbers_stay() {
    let held = |at, text: &str| {
        let turn = Turn { limit: "", set: "", relay: Target::REFERENCE, at };
        let outcome = suite::outcome(&turn.case(), &turn.settings(&[text.to_owned()]));
        assert_eq!(outcome.result, Conclusion::Held, "{text}: {:#?}", outcome.failures);
        outcome
    };
    let waits = "proxy-buffering/haproxy-waits-for-full-segments";
    assert!(!held(waits, "bounded-memory=1MiB").excused.is_empty());
    assert!(held(waits, "prompt-frames=1h").excused.is_empty());
    let long = held("long-lines/event-of-two-mebibytes", "long-line.event=3MiB");
    let missing = long.not_applicable.iter().find(|note| note.rule == "long-line");
    let why = missing.map(|note| note.because.as_str());
    assert_eq!(why, Some("no client was to get an event of 3MiB"));
    // Its switch says a grace.
    held("deployments/endless-stream-ends-honestly-after-the-grace", "drain.grace=1h");
}

//! The official SDKs behind the relay: what they make of its answers is what users get.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use mock_openai::journal::Event;
use serde_json::{Value, json};

use crate::{
    mock::Upstream,
    relay::{Relay, nobody},
    runner::{self, Api, EVERY, Sdk, here},
};

const TEXT: &str = "Grüezi! Two lines\nand a 😀.";

pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sdk").join(name)
}

/// What the SDK makes of a question that it may send again so often.
fn outcome(sdk: Sdk, api: Api, relay: &Relay, key: &str, retries: u32) -> Option<Value> {
    let mut command = sdk.prepare(&script("outcome"), &relay.address(), api, key)?;
    Some(runner::run(command.args(["gpt-4o", &retries.to_string()])))
}

/// The same error, streamed and whole, before there is any text.
fn refused(class: &str, status: u16, code: &str, retry_after: Option<&str>) -> Value {
    let error = json!({
        "class": class, "status": status, "code": code, "retry_after": retry_after,
    });
    let both = json!({ "text": "", "error": error });
    json!({ "streamed": both, "whole": both })
}

/// Refuses both APIs in the same way.
fn refusing(error: &str) -> Upstream {
    Upstream::play(&format!("- then: [{{ error: {error} }}]\n"))
}

#[test]
fn a_text_is_read_whole_and_in_pieces() {
    let answers = std::fs::read_to_string(here().join("answers.yaml")).expect("it is there");
    let upstream = Upstream::play(&answers);
    let relay = Relay::start(&upstream, &[]);
    for (sdk, api) in EVERY {
        let command = sdk.prepare(&here().join("text"), &relay.address(), api, "k");
        let Some(mut command) = command else { continue };
        let got = runner::run(&mut command);
        for way in ["streamed", "whole"] {
            assert_eq!(got[way]["text"], TEXT, "{sdk:?} {api} {way}");
            assert_eq!(got[way]["usage"], true, "{sdk:?} {api} {way}");
        }
        assert_eq!(got["streamed"]["deltas"], true, "{sdk:?} {api}");
        let finish = if api == Api::Chat { "stop" } else { "response.completed" };
        assert_eq!(got["streamed"]["finish"], finish, "{sdk:?}");
    }
}

#[test]
fn a_key_that_the_relay_does_not_know_never_reaches_the_provider() {
    let upstream = refusing("{ preset: server_error }");
    let relay = Relay::start(&upstream, &["--keys", "sk-right"]);
    for (sdk, api) in EVERY {
        let Some(got) = outcome(sdk, api, &relay, "sk-wrong", 2) else { continue };
        let expected = refused("AuthenticationError", 401, "invalid_api_key", None);
        assert_eq!(got, expected, "{sdk:?} {api}");
    }
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn a_missing_model_stays_the_providers_own_error() {
    let upstream = refusing("{ preset: model_not_found }");
    let relay = Relay::start(&upstream, &[]);
    for (sdk, api) in EVERY {
        let Some(got) = outcome(sdk, api, &relay, "k", 2) else { continue };
        assert_eq!(got, refused("NotFoundError", 404, "model_not_found", None), "{sdk:?} {api}");
    }
}

#[test]
fn a_rate_limit_is_asked_as_often_as_relay_and_sdk_may_and_no_more() {
    // Both wait as long as the provider says; milliseconds count before seconds.
    let headers = "{ retry-after: '1', retry-after-ms: '50' }";
    let upstream = refusing(&format!("{{ preset: rate_limit, headers: {headers} }}"));
    let patient = Relay::start(&upstream, &["--retries", "1"]);
    let plain = Relay::start(&upstream, &["--retries", "0"]);
    let expected = refused("RateLimitError", 429, "rate_limit_exceeded", Some("1"));
    // Times two, since each is asked streamed and whole.
    for (relay, retries, attempts) in [(&patient, 0, 4), (&plain, 1, 4), (&plain, 0, 2)] {
        for sdk in [Sdk::Python, Sdk::Node] {
            let before = upstream.requests();
            let Some(got) = outcome(sdk, Api::Chat, relay, "k", retries) else { continue };
            assert_eq!(got, expected, "{sdk:?}");
            assert_eq!(upstream.requests() - before, attempts, "{sdk:?}, {retries} retries");
        }
    }
}

#[test]
fn a_provider_that_is_down_is_a_502() {
    let upstream = format!("http://{}/v1", nobody());
    let relay = Relay::start_at("127.0.0.1:0", &upstream, &["--retries", "0"]);
    for (sdk, api) in EVERY {
        let Some(got) = outcome(sdk, api, &relay, "k", 0) else { continue };
        let expected = refused("InternalServerError", 502, "upstream_unreachable", None);
        assert_eq!(got, expected, "{sdk:?} {api}");
    }
}

#[test]
fn a_provider_that_never_answers_is_a_504() {
    let upstream = Upstream::play("- then: [{ wait: forever }]\n");
    let relay = Relay::start(&upstream, &["--first-byte", "200ms", "--retries", "0"]);
    for (sdk, api) in EVERY {
        let Some(got) = outcome(sdk, api, &relay, "k", 0) else { continue };
        let expected = refused("InternalServerError", 504, "upstream_first_byte_timeout", None);
        assert_eq!(got, expected, "{sdk:?} {api}");
    }
}

/// Streams that break off after some text, in each of three ways.
fn breaking(end: &str) -> Upstream {
    let stop = format!("stop: {{ after: {{ frames: 6 }}, end: {end} }}");
    Upstream::play(&format!(
        "- match: {{ path: /v1/chat/completions }}
  then: [{{ stream: {{ chunks: 20, {stop} }} }}]
- match: {{ path: /v1/responses }}
  then: [{{ stream: {{ dialect: openai-responses, chunks: 20, {stop} }} }}]
"
    ))
}

#[test]
fn a_stream_that_breaks_off_is_the_sdks_own_error_after_the_text_so_far() {
    for end in ["reset", "truncated", "no_terminator"] {
        let upstream = breaking(end);
        let relay = Relay::start(&upstream, &[]);
        for (sdk, api) in EVERY {
            let Some(got) = outcome(sdk, api, &relay, "k", 0) else { continue };
            let streamed = &got["streamed"];
            let text = streamed["text"].as_str().expect("text");
            assert!(text.contains(' '), "{sdk:?} {api} {end}: {streamed}");
            // For Python an error event of Responses is one more event; there the broken framing
            // behind it is the error.
            let is_event = (sdk, api) == (Sdk::Python, Api::Responses);
            let class = if is_event { "APIConnectionError" } else { "APIError" };
            assert_eq!(streamed["error"]["class"], class, "{sdk:?} {api} {end}: {streamed}");
            assert_eq!(text.ends_with(']'), is_event, "{sdk:?} {api} {end}: {streamed}");
        }
    }
}

#[test]
fn an_sdk_that_leaves_in_the_middle_cancels_the_provider() {
    for (sdk, api) in EVERY {
        let upstream = breaking("hold");
        let relay = Relay::start(&upstream, &[]);
        let command = sdk.prepare(&script("leaves"), &relay.address(), api, "k");
        let Some(mut command) = command else { continue };
        let mut child = Staying::start(&mut command);
        let what = format!("that {sdk:?} left {api}: {}", child.line());
        upstream
            .wait_for(&what, |event| matches!(event, Event::PeerGone { during_answer: true, .. }));
    }
}

/// A script that stays until it is dropped.
pub(crate) struct Staying {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Staying {
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the interpreter starts");
        let says = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, says }
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).expect("text");
        line
    }

    /// Lets it go on, where it waits for a line.
    pub(crate) fn go_on(&mut self) {
        self.child.stdin.as_mut().expect("it is piped").write_all(b"\n").expect("it listens");
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

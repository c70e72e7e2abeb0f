//! How the binary ends.

use mock_openai::journal::Event;

use crate::{PATIENCE, mock::Upstream, relay::Relay};

/// A frame, and the rest when somebody posts to `/release`.
const HELD: &str = r#"
- match: { path: /v1/release }
  then: [{ mark: go }, { json: {} }]
- then:
    - send: { data: '{"choices":[{"index":0,"delta":{"content":"a"}}]}' }
    - wait: { until: { mark: go } }
    - send: { data: '{"choices":[{"index":0,"delta":{"content":"z"}}]}' }
    - send: { data: "[DONE]" }
"#;

async fn ask(relay: &Relay) -> reqwest::Response {
    let chat = relay.url("/v1/chat/completions");
    reqwest::Client::new().post(chat).body(r#"{"stream":true}"#).send().await.expect("it answers")
}

/// Reads until the text has come, or to the end; what came, and whether it ended well.
async fn read(response: &mut reqwest::Response, until: &str) -> (String, bool) {
    let mut got = String::new();
    while until.is_empty() || !got.contains(until) {
        let chunk = tokio::time::timeout(PATIENCE, response.chunk()).await.expect("no silence");
        match chunk {
            Ok(Some(bytes)) => got.push_str(std::str::from_utf8(&bytes).expect("text")),
            Ok(None) => return (got, true),
            Err(_) => return (got, false),
        }
    }
    (got, true)
}

#[tokio::test]
async fn a_running_stream_finishes_after_sigterm_and_then_the_relay_exits_0() {
    let upstream = Upstream::play(HELD);
    let mut relay = Relay::start(&upstream, &[]);
    let mut stream = ask(&relay).await;
    read(&mut stream, "\"a\"").await;
    relay.signal("TERM");
    // It listens no longer; until then a connection is still taken.
    while tokio::net::TcpStream::connect(relay.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let release = format!("{}/release", upstream.url());
    reqwest::Client::new().post(release).send().await.expect("the provider answers");
    let (rest, well) = read(&mut stream, "").await;
    assert!(rest.ends_with("data: [DONE]\n\n") && well, "{rest:?}");
    assert_eq!(relay.wait().code(), Some(0));
}

#[tokio::test]
async fn a_stream_that_outlasts_the_drain_is_told_so_and_broken_off() {
    let upstream = Upstream::play(HELD);
    let mut relay = Relay::start(&upstream, &["--drain", "100ms"]);
    let mut stream = ask(&relay).await;
    read(&mut stream, "\"a\"").await;
    relay.signal("TERM");
    let (rest, well) = read(&mut stream, "").await;
    assert!(rest.contains("relay_shutdown") && !rest.contains("[DONE]") && !well, "{rest:?}");
    upstream.wait_for("its peer gone", |event| {
        matches!(event, Event::PeerGone { during_answer: true, .. })
    });
    assert_eq!(relay.wait().code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let upstream = Upstream::play(HELD);
    let mut relay = Relay::start(&upstream, &["--drain", "1h"]);
    let mut stream = ask(&relay).await;
    read(&mut stream, "\"a\"").await;
    relay.signal("TERM");
    while tokio::net::TcpStream::connect(relay.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    relay.signal("INT");
    assert_eq!(relay.wait().code(), Some(0));
    let (rest, well) = read(&mut stream, "").await;
    assert!(!rest.contains("[DONE]") && !well, "{rest:?}");
}

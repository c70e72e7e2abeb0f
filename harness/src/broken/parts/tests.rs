//! The parts, put together and without a mistake, are a right relay.

use std::time::Duration;

use axum::body::Body as AxumBody;
use http::Request;
use indexmap::IndexMap;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceExt as _;

use super::{
    testing::{Act, DONE, Provider, Reply, Seen, ask, chat, preflight, send, wait},
    *,
};
use crate::{
    net::Stop,
    target::{WriteBuffer, connection},
};

async fn streamed(acts: Vec<Act>) -> Seen {
    ask(right, &Provider::new(vec![Reply::stream(acts)]), chat()).await
}

#[tokio::test(start_paused = true)]
async fn each_piece_passes_as_it_comes() {
    let seen = streamed(vec![send("da"), wait(20), send("ta: 1\r\r"), wait(20), send(DONE)]).await;
    let expected = [(0, "da"), (20, "ta: 1\r\r"), (40, DONE)];
    assert_eq!(seen.pieces, expected.map(|(at, text)| (at, text.to_owned())));
    assert!(!seen.broke);
    assert_eq!(seen.status, 200);
    assert_eq!(seen.header("content-type"), Some("text/event-stream"));
    assert_eq!(seen.header("x-accel-buffering"), Some("no"));
    assert_eq!(seen.header("cache-control"), Some("no-cache"));
}

#[tokio::test(start_paused = true)]
async fn a_cut_between_events_is_told_by_an_event_and_by_the_framing() {
    let seen = streamed(vec![send("data: 1\n\n"), Act::Break]).await;
    let text = seen.text();
    let event =
        text.strip_prefix("data: 1\n\ndata: ").and_then(|e| e.strip_suffix("\n\n")).unwrap();
    let error: serde_json::Value = serde_json::from_str(event).unwrap();
    // reqwest's words for any failure of a body.
    let message = "the provider's stream broke: error decoding response body";
    let keys = json!({ "message": message, "type": "upstream_error", "param": null, "code": null });
    assert_eq!(error, json!({ "error": keys }));
    assert!(seen.broke);
}

#[tokio::test(start_paused = true)]
async fn a_cut_inside_an_event_or_after_the_terminator_is_told_by_the_framing_alone() {
    for text in ["data: 1\n\ndata: ha", "data: 1\n", DONE] {
        let seen = streamed(vec![send(text), Act::Break]).await;
        assert_eq!((seen.text().as_str(), seen.broke), (text, true));
    }
}

#[tokio::test(start_paused = true)]
async fn a_clean_end_without_the_terminator_stays_what_it_is() {
    let seen = streamed(vec![send("data: 1\n\n")]).await;
    assert_eq!((seen.text().as_str(), seen.broke), ("data: 1\n\n", false));
}

#[tokio::test(start_paused = true)]
async fn silence_between_events_is_filled_where_heartbeats_are_on() {
    let acts = vec![
        wait(15_000),
        send("data: "),
        wait(30_000),
        send("1\n\n"),
        wait(25_000),
        send(DONE),
        wait(30_000),
    ];
    let provider = Provider::new(vec![Reply::stream(acts)]);
    let seen = ask(right, &provider.clone().switched("heartbeat", "10s"), chat()).await;
    let ping = ": ping\n\n";
    let expected = [
        (10_000, ping),
        (15_000, "data: "),
        (45_000, "1\n\n"),
        (55_000, ping),
        (65_000, ping),
        (70_000, DONE),
    ];
    assert_eq!(seen.pieces, expected.map(|(at, text)| (at, text.to_owned())));
    for silent in [provider.clone().switched("heartbeat", "off"), provider] {
        assert!(!ask(right, &silent, chat()).await.text().contains(ping));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_keeps_its_status_and_its_headers() {
    let seen = ask(right, &Provider::new(vec![Reply::error(429)]), chat()).await;
    assert_eq!(seen.status, 429);
    assert_eq!(seen.text(), r#"{"error":"wait"}"#);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("retry-after"), Some("7"));
    assert_eq!(seen.header("connection"), None);
    assert_eq!(seen.header("content-length"), None);
    assert_eq!(seen.header("x-accel-buffering"), None);
    assert_eq!(seen.header("access-control-allow-origin"), Some("https://app.example"));
    let exposed = seen.header("access-control-expose-headers").unwrap();
    assert!(exposed.split(", ").any(|name| name == "retry-after"), "{exposed}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_cannot_be_reached_is_a_502_in_json() {
    let seen = ask(right, &Provider::new(vec![]), chat()).await;
    assert_eq!(seen.status, 502);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let error: serde_json::Value = serde_json::from_str(&seen.text()).unwrap();
    let message = &error["error"]["message"];
    assert_eq!(message, "the provider did not answer: connection refused");
    assert_eq!(seen.header("access-control-allow-origin"), Some("https://app.example"));
}

#[tokio::test(start_paused = true)]
async fn a_request_arrives_as_it_was_sent_less_what_is_of_one_connection() {
    let provider = Provider::new(vec![Reply::error(400)]);
    let request = Request::post("/v1/embeddings?a=b%20c")
        .header("host", "relay")
        .header("content-length", "9")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("authorization", "Bearer k1")
        .header("last-event-id", "7")
        .body(AxumBody::from("{\"a\" : 1}"))
        .unwrap();
    ask(right, &provider, request).await;
    let asked = provider.asked();
    assert_eq!(asked.method(), "POST");
    assert_eq!(asked.url().as_str(), "http://upstream/v1/embeddings?a=b%20c");
    let mut names: Vec<_> = asked.headers().keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["authorization", "last-event-id"]);
    assert_eq!(asked.body().unwrap().as_bytes().unwrap(), b"{\"a\" : 1}");
}

#[tokio::test(start_paused = true)]
async fn a_preflight_is_answered_without_the_provider_and_names_what_a_page_sends() {
    let provider = Provider::new(vec![Reply::error(500)]);
    let seen = ask(right, &provider, preflight()).await;
    assert_eq!((seen.status.as_u16(), provider.calls()), (204, 0));
    assert_eq!(seen.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(seen.header("access-control-allow-credentials"), Some("true"));
    let names = seen.header("access-control-allow-headers").unwrap();
    assert_eq!(names, "authorization, content-type, last-event-id");
    assert_eq!(seen.header("access-control-allow-methods"), Some("GET, POST"));
    assert_eq!(seen.header("vary"), Some("Origin"));
}

#[tokio::test(start_paused = true)]
async fn what_lacks_a_mark_of_a_preflight_is_the_providers_to_answer() {
    let provider = Provider::new(vec![Reply::error(405)]);
    let mut plain = preflight();
    plain.headers_mut().remove("access-control-request-method");
    assert_eq!(ask(right, &provider, plain).await.status, 405);
    let mut post = preflight();
    *post.method_mut() = http::Method::POST;
    assert_eq!(ask(right, &provider, post).await.status, 405);
}

#[tokio::test(start_paused = true)]
async fn only_the_origins_that_were_allowed_may_read() {
    let switches = [("origins", "https://a.example, https://b.example"), ("credentials", "off")];
    let switches: IndexMap<_, _> =
        switches.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let provider = Provider::new(vec![Reply::error(500)]);
    let relay = right(Setup::new(provider.upstream(), &switches));
    let cases = [("https://b.example", true), ("https://app.example", false)];
    for (origin, may) in cases {
        let mut request = chat();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let response = relay.clone().oneshot(request).await.unwrap();
        let allowed = response.headers().get("access-control-allow-origin");
        assert_eq!(allowed.map(|value| value.to_str().unwrap()), may.then_some(origin));
        assert!(!response.headers().contains_key("access-control-allow-credentials"));
        assert_eq!(response.headers()["vary"], "Origin");
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_cut_is_on_the_wire_before_the_cut() {
    let acts = vec![send("data: 1\n\n"), Act::Break];
    let provider = Provider::new(vec![Reply::stream(acts)]);
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let peer = ([192, 0, 2, 7], 4711).into();
    let bounded = WriteBuffer::AtMost(16 << 10);
    tokio::spawn(connection(server, peer, right(provider.setup()), bounded, Stop::default()));
    client.write_all(b"GET /v1/models HTTP/1.1\r\nhost: relay\r\n\r\n").await.unwrap();
    let mut text = String::new();
    let read = client.read_to_string(&mut text);
    tokio::time::timeout(Duration::from_secs(1), read).await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("\r\n\r\n9\r\ndata: 1\n\n\r\n"), "{text}");
    assert!(text.contains("data: {\"error\":"), "{text}");
    assert!(!text.ends_with("0\r\n\r\n"), "{text}");
}

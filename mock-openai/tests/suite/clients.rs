//! Several clients: counters, quotas, and independence from the order of arrival.

use std::time::Duration;

use mock_openai::journal::Event;

use crate::support::{Bench, Peer, json_head};

#[tokio::test(start_paused = true)]
async fn requests_are_counted_by_user_and_else_by_address() {
    let bench = Bench::new("[{when: {nth: 1}, then: [{json: first}]}, {then: [{json: later}]}]");
    let mut got = Vec::new();
    for (address, body) in [
        ("10.0.0.1:1", r#"{"user":"ann"}"#),
        ("10.0.0.2:1", r#"{"user":"ann"}"#),
        ("10.0.0.1:2", r#"{"user":"bob"}"#),
        ("10.0.0.1:3", ""),
        ("10.0.0.1:4", "{}"),
        ("10.0.0.3:1", ""),
    ] {
        let mut peer = bench.connect_from(address, 1 << 16);
        peer.post(body).await;
        let answer = peer.all().await;
        got.push(answer.rsplit("\r\n").next().unwrap().to_owned());
    }
    let expected = ["first", "later", "first", "first", "later", "first"];
    assert_eq!(got, expected.map(|word| format!("\"{word}\"")));
}

/// What `user` gets for one request, on a connection of its own.
async fn ask(bench: &Bench, user: &str) -> String {
    let mut peer = bench.connect();
    peer.post(&format!(r#"{{"stream":true,"user":"{user}"}}"#)).await;
    peer.all().await
}

#[tokio::test(start_paused = true)]
async fn an_answer_does_not_depend_on_what_other_clients_do() {
    let script = "[{then: [{stream: {chunk_size: 40B}}]}]";
    let strip = |answer: String| {
        // `created` is the time, which does differ.
        let at = answer.find("\"created\":").unwrap();
        let created = answer[at..at + 20].to_owned();
        answer.replace(&created, "")
    };
    let alone = Bench::new(script);
    let first = strip(ask(&alone, "ann").await);
    let second = strip(ask(&alone, "ann").await);
    let crowded = Bench::new(script);
    let other = strip(ask(&crowded, "bob").await);
    assert_eq!(strip(ask(&crowded, "ann").await), first);
    ask(&crowded, "bob").await;
    assert_eq!(strip(ask(&crowded, "ann").await), second);
    assert_ne!(first, second);
    assert_ne!(first, other);
}

async fn head_of_answer(peer: &mut Peer) -> String {
    peer.post("").await;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head += &peer.read(1).await;
    }
    let length = value(&head, "content-length").and_then(|length| length.parse().ok());
    let body = peer.read(length.expect("a JSON answer has a length")).await;
    if head.starts_with("HTTP/1.1 429") {
        assert!(body.contains(r#""type":"requests","param":null,"code":"rate_limit_exceeded""#));
    }
    head
}

fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let line = head.lines().find_map(|line| line.strip_prefix(name))?;
    line.strip_prefix(": ")
}

#[tokio::test(start_paused = true)]
async fn a_quota_refuses_with_true_headers_until_its_window_is_over() {
    let bench = Bench::new("[{limit: {requests: 2, per: 90s}, then: [{json: {}}]}]");
    let mut peer = bench.connect();
    let sleep = |millis| tokio::time::sleep(Duration::from_millis(millis));
    for remaining in ["1", "0"] {
        let head = head_of_answer(&mut peer).await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert_eq!(value(&head, "x-ratelimit-remaining-requests"), Some(remaining));
        assert_eq!(value(&head, "retry-after"), None);
    }
    sleep(5_500).await;
    let head = head_of_answer(&mut peer).await;
    let expected = json_head("429 Too Many Requests", 0);
    assert!(head.starts_with(expected.lines().next().unwrap()), "{head}");
    for (name, expected) in [
        ("retry-after", "85"),
        ("retry-after-ms", "84500"),
        ("x-ratelimit-limit-requests", "2"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "1m24.5s"),
    ] {
        assert_eq!(value(&head, name), Some(expected), "{name}");
    }
    assert!(bench.events().contains(&Event::Limited { rule: 0 }));
    sleep(84_499).await;
    assert!(head_of_answer(&mut peer).await.starts_with("HTTP/1.1 429"));
    sleep(1).await;
    assert!(head_of_answer(&mut peer).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(start_paused = true)]
async fn a_busy_answer_does_not_starve_the_others() {
    let bench = Bench::new(
        "[{match: {model: busy}, then: [{repeat: {times: 20000, steps: [{mark: m}]}}]},
          {then: [{json: {}}]}]",
    );
    let (mut busy, mut quick) = (bench.connect(), bench.connect());
    busy.post(r#"{"model":"busy"}"#).await;
    quick.post("").await;
    quick.all().await;
    let entries = bench.journal().entries();
    let ended = |connection| {
        let is_end = |event: &Event| matches!(event, Event::Ended { .. });
        entries.iter().position(|(_, e)| e.connection == connection && is_end(&e.event))
    };
    assert!(ended(1).unwrap() < ended(0).unwrap());
}

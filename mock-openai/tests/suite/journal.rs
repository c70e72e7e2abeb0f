//! The journal: what is told, and when.

use std::time::Duration;

use mock_openai::{
    journal::{Entry, Event, PeerEnd},
    script::End,
};

use crate::support::{Bench, Peer};

fn wrote(offset: u64, bytes: &'static str) -> Event {
    Event::Wrote { offset, bytes: bytes.into() }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_told_from_the_accept_to_the_close() {
    let bench =
        Bench::new("[{then: [{send: {raw: abc}}, {mark: m}, {wait: 5ms}, {send: {raw: de}}]}]");
    let mut peer = bench.connect();
    tokio::time::sleep(Duration::from_millis(3)).await;
    peer.send("POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-A: 1\r\ncontent-length: 4\r\n\r\nbo").await;
    tokio::time::sleep(Duration::from_millis(3)).await;
    peer.send("dy").await;
    peer.all().await;
    peer.leave();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [
        (0, None, Event::Accepted { peer: "10.0.0.1:1000".parse().unwrap() }),
        (
            6,
            Some(0),
            Event::Request {
                method: "POST".into(),
                target: "/a?b=c".into(),
                headers: vec![
                    header("Host", "x"),
                    header("X-A", "1"),
                    header("content-length", "4"),
                ],
                body: "body".into(),
            },
        ),
        (6, Some(0), Event::Matched { rule: 0 }),
        (6, Some(0), Event::Head { status: 200 }),
        (6, Some(0), wrote(0, "abc")),
        (6, Some(0), Event::Marked { name: "m".into() }),
        (11, Some(0), wrote(3, "de")),
        (11, Some(0), Event::Ended { how: End::Clean }),
        (3_600_011, None, Event::PeerGone { how: PeerEnd::Fin, during_answer: false }),
        (3_600_011, None, Event::Closed),
    ];
    let expected = expected.map(|(millis, request, event)| {
        (Duration::from_millis(millis), Entry { connection: 0, request, event })
    });
    assert_eq!(bench.journal().entries(), expected);
}

/// How the peer goes in the middle of an answer, and what is told of it.
async fn departs(
    script: &str,
    leaves: impl AsyncFnOnce(&mut Peer),
) -> Vec<(u128, Option<u64>, Event)> {
    let bench = Bench::new(script);
    let mut peer = bench.connect();
    peer.post("").await;
    tokio::time::sleep(Duration::from_millis(25)).await;
    leaves(&mut peer).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let told = |(at, entry): (Duration, Entry)| (at.as_millis(), entry.request, entry.event);
    bench.journal().entries().into_iter().map(told).collect()
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_goes_is_told_at_once_and_stops_the_answer() {
    for script in [
        "[{then: [{stream: {every: 10ms}}]}]",
        "[{then: [{wait: 1h}]}]",
        "[{then: [{wait: forever}]}]",
        "[{then: [{send: {raw: a}}, {end: hold}]}]",
    ] {
        let left = departs(script, async |peer: &mut Peer| peer.leave()).await;
        let reset = departs(script, async |peer: &mut Peer| peer.reset()).await;
        for (how, entries) in [(PeerEnd::Fin, left), (PeerEnd::Reset, reset)] {
            let gone = Event::PeerGone { how, during_answer: true };
            let expected = [(25, Some(0), gone), (25, None, Event::Closed)];
            assert!(entries.ends_with(&expected), "{script}: {entries:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_only_shuts_its_sending_side_counts_as_gone() {
    let entries = departs("[{then: [{stream: {every: 10ms}}]}]", Peer::shut_down).await;
    let gone = Event::PeerGone { how: PeerEnd::Fin, during_answer: true };
    assert!(entries.ends_with(&[(25, Some(0), gone), (25, None, Event::Closed)]), "{entries:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_wait_for_its_peer_to_go_and_then_goes_on() {
    let script = "[{then: [{send: {raw: a}}, {wait: { until: peer_closed }}, {mark: seen}, {wait: 10ms}, {send: {raw: b}}, {mark: late}]}]";
    let entries = departs(script, Peer::shut_down).await;
    let mark = |name: &str| Event::Marked { name: name.into() };
    let expected = [
        (25, Some(0), Event::PeerGone { how: PeerEnd::Fin, during_answer: true }),
        (25, Some(0), mark("seen")),
        (35, Some(0), wrote(1, "b")),
        (35, Some(0), mark("late")),
        (35, Some(0), Event::Ended { how: End::Clean }),
        (35, None, Event::Closed),
    ];
    assert!(entries.ends_with(&expected), "{entries:?}");
}

#[tokio::test(start_paused = true)]
async fn bytes_are_told_when_the_socket_takes_them_and_not_before() {
    let bench = Bench::new(
        r#"[{then: [{head: {status: 200, headers: {a: b}, framing: {length: 40}}}, {send: {raw: "0123456789012345678901234567890123456789"}}]}]"#,
    );
    let mut peer = bench.connect_from("10.0.0.1:1", 16);
    peer.post("").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!bench.events().iter().any(|e| matches!(e, Event::Head { .. })), "the head is not out");
    // The head, then the body: 16 bytes of it lie in the pipe when these are read.
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head += &peer.read(1).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // All that was told so far, in however many pieces the socket took it.
    let told = || {
        let mut body = Vec::new();
        for event in bench.events() {
            if let Event::Wrote { offset, bytes } = event {
                assert_eq!(offset, body.len() as u64);
                body.extend_from_slice(&bytes);
            }
        }
        String::from_utf8(body).unwrap()
    };
    assert_eq!(told(), "0123456789012345");
    assert_eq!(peer.read(10).await, "0123456789");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told(), "01234567890123456789012345");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_the_peer_did_not_take_are_counted_when_it_goes() {
    let script = r#"[{then: [{head: {status: 200, framing: {length: 40}}}, {send: {raw: "0123456789012345678901234567890123456789"}}]}]"#;
    let bench = Bench::new(script);
    let mut peer = bench.connect_from("10.0.0.1:1", 16);
    peer.post("").await;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head += &peer.read(1).await;
    }
    peer.read(10).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    peer.reset();
    tokio::time::sleep(Duration::from_secs(1)).await;
    // 10 were read and 16 lie in the pipe.
    let gone = Event::PeerGone { how: PeerEnd::Reset, during_answer: true };
    let events = bench.events();
    assert!(
        events.ends_with(&[Event::NotAccepted { bytes: 14 }, gone, Event::Closed]),
        "{events:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn connections_and_requests_are_numbered_in_order() {
    let bench = Bench::new("[{then: [{json: {}}]}]");
    let mut peers = [bench.connect(), bench.connect()];
    tokio::task::yield_now().await;
    for index in [1, 0, 1] {
        peers[index].post("").await;
        peers[index].all().await;
    }
    let requests: Vec<_> = bench
        .journal()
        .entries()
        .into_iter()
        .filter(|(_, entry)| matches!(entry.event, Event::Request { .. }))
        .map(|(_, entry)| (entry.connection, entry.request))
        .collect();
    assert_eq!(requests, [(1, Some(0)), (0, Some(1)), (1, Some(2))]);
}

//! Requests as peers send them: whole, in pieces, several at once, too large, wrong.

use std::time::Duration;

use bytes::Bytes;
use mock_openai::journal::{Event, PeerEnd};

use crate::support::{Bench, Ended, hide, json_head, post};

const SCRIPT: &str = "[{then: [{json: {}}]}]";

fn ok() -> String {
    json_head("200 OK", 2) + "{}"
}

fn bodies(bench: &Bench) -> Vec<Bytes> {
    let body = |event| if let Event::Request { body, .. } = event { Some(body) } else { None };
    bench.events().into_iter().filter_map(body).collect()
}

#[tokio::test(start_paused = true)]
async fn a_request_may_come_byte_by_byte() {
    let bench = Bench::new(SCRIPT);
    let mut peer = bench.connect();
    for byte in post("ab").chars() {
        peer.send(&byte.to_string()).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(hide(&peer.all().await), ok());
    assert_eq!(bodies(&bench), ["ab"]);
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_order() {
    let bench = Bench::new(SCRIPT);
    let mut peer = bench.connect();
    peer.send(&(post("1") + &post("2") + &post("3"))).await;
    assert_eq!(hide(&peer.all().await), ok().repeat(3));
    assert_eq!(bodies(&bench), ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn a_chunked_body_is_read_with_its_extensions_and_trailers() {
    let bench = Bench::new(SCRIPT);
    let mut peer = bench.connect();
    let chunks = "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nt: 1\r\n\r\n";
    let head = "POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    peer.send(&format!("{head}{chunks}{}", post("next"))).await;
    assert_eq!(hide(&peer.all().await), ok().repeat(2));
    assert_eq!(bodies(&bench), ["abc0123456789", "next"]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_waits_for_continue_is_told_to_go_on() {
    let bench = Bench::new(SCRIPT);
    let mut peer = bench.connect();
    peer.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 2\r\n\r\n")
        .await;
    assert_eq!(peer.all().await, "HTTP/1.1 100 Continue\r\n\r\n");
    peer.send("ab").await;
    assert_eq!(hide(&peer.all().await), ok());
    // Who sends the body unasked does not wait for it.
    peer.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nab")
        .await;
    assert_eq!(hide(&peer.all().await), ok());
}

#[tokio::test(start_paused = true)]
async fn a_request_to_close_is_obeyed() {
    let bench = Bench::new(SCRIPT);
    let mut peer = bench.connect();
    peer.send("GET / HTTP/1.1\r\nhost: a\r\nConnection: foo, Close\r\n\r\n").await;
    let (got, ended) = peer.rest().await;
    let head = json_head("200 OK", 2);
    let head = head.strip_suffix("\r\n").unwrap().to_owned() + "connection: close\r\n\r\n";
    assert_eq!((hide(&got), ended), (head + "{}", Ended::Fin));
}

/// Sends what is no request, and sees how it is refused.
async fn refused(bytes: &str, status: &str) {
    let what = &bytes[..bytes.len().min(90)];
    let bench = Bench::new(SCRIPT);
    let mut peer = bench.connect();
    peer.send(bytes).await;
    let (got, ended) = peer.rest().await;
    let (head, body) = got.split_once("\r\n\r\n").expect("a head");
    let expected = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close",
        body.len()
    );
    assert_eq!((head, ended), (&*expected, Ended::Fin), "{what:?}");
    let body: serde_json::Value = serde_json::from_str(body).expect("it is JSON");
    assert_eq!(body["error"]["type"], "invalid_request_error");
    let told = bench.events().into_iter().filter(|e| matches!(e, Event::BadRequest { .. }));
    assert_eq!(told.count(), 1, "{what:?}");
    assert_eq!(bodies(&bench).len(), 0, "{what:?}");
    // The peer may still be sending; then it is over.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(bench.events().last(), Some(&Event::Closed), "{what:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_is_refused_and_the_connection_closed() {
    let long = "x".repeat(70_000);
    let many = "a: b\r\n".repeat(300);
    let host = "host: a\r\n";
    for (bytes, status) in [
        ("\u{16}\u{3}\u{1}\u{2}", "400 Bad Request"),
        ("PRI * HTTP/2.0\r\n\r\nNO\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", "400 Bad Request"),
        (&format!("GET / HTTP/1.1\r\n{host}a: {long}"), "431 Request Header Fields Too Large"),
        (&format!("GET / HTTP/1.1\r\n{host}{many}\r\n"), "431 Request Header Fields Too Large"),
        (
            &format!("POST / HTTP/1.1\r\n{host}content-length: 67108865\r\n\r\n"),
            "413 Content Too Large",
        ),
        (
            &format!("POST / HTTP/1.1\r\n{host}content-length: 99999999999999999999\r\n\r\n"),
            "413 Content Too Large",
        ),
        (&format!("POST / HTTP/1.1\r\n{host}content-length: +1\r\n\r\n1"), "400 Bad Request"),
        (
            &format!("POST / HTTP/1.1\r\n{host}content-length: 1\r\ncontent-length: 2\r\n\r\n1"),
            "400 Bad Request",
        ),
        (
            &format!(
                "POST / HTTP/1.1\r\n{host}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1"
            ),
            "400 Bad Request",
        ),
        (
            &format!("POST / HTTP/1.1\r\n{host}transfer-encoding: gzip, chunked\r\n\r\n"),
            "400 Bad Request",
        ),
        (
            &format!("POST / HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n\r\n"),
            "400 Bad Request",
        ),
        (
            &format!("POST / HTTP/1.1\r\n{host}transfer-encoding: ,\r\ncontent-length: 1\r\n\r\n1"),
            "400 Bad Request",
        ),
        (&format!("POST / HTTP/1.1\r\n{host}content-length:\r\n\r\n"), "400 Bad Request"),
        (
            &format!("POST / HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n"),
            "400 Bad Request",
        ),
        (
            &format!("POST / HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n0\r\na b\r\n\r\n"),
            "400 Bad Request",
        ),
        (
            &format!("POST / HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n1\r\nabc"),
            "400 Bad Request",
        ),
        (
            &format!("POST / HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n4000001\r\n"),
            "413 Content Too Large",
        ),
        (
            &format!("POST / HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n0\r\nt: {long}"),
            "431 Request Header Fields Too Large",
        ),
        ("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "400 Bad Request"),
    ] {
        refused(bytes, status).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_goes_before_its_request_is_whole_is_told_as_gone() {
    for sent in ["", "POST / HT", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nab"] {
        let bench = Bench::new(SCRIPT);
        let mut peer = bench.connect();
        peer.send(sent).await;
        peer.leave();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let gone = Event::PeerGone { how: PeerEnd::Fin, during_answer: false };
        assert_eq!(bench.events()[1..], [gone, Event::Closed], "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_rule_matches_is_answered_501_with_the_nearest_miss() {
    let bench = Bench::new("[{match: {path: /v1/models}, then: []}]");
    let mut peer = bench.connect();
    peer.post("").await;
    let nearest = "rule 0: path is `/v1/chat/completions`, not `/v1/models`";
    let body = format!(
        r#"{{"error":{{"message":"No rule of the script answers this request; {nearest}.","type":"invalid_request_error","param":null,"code":"no_rule_matches"}}}}"#
    );
    assert_eq!(hide(&peer.all().await), json_head("501 Not Implemented", body.len()) + &body);
    assert!(bench.events().contains(&Event::Unmatched { nearest: nearest.to_owned() }));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_connections_whose_peers_are_gone() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let bench = Bench::new("[{then: [{stream: {chunks: 1000, chunk_size: 1KiB}}, {end: hold}]}]");
    tokio::task::yield_now().await;
    let before = alive();
    let mut peers: Vec<_> = (0..50).map(|_| bench.connect_from("10.0.0.1:1", 4096)).collect();
    for (index, peer) in peers.iter_mut().enumerate() {
        // Some send no request, some half of one, some read nothing of the answer.
        match index % 3 {
            0 => {}
            1 => peer.send("POST / HTTP/1.1\r\nhost: a\r\n").await,
            _ => peer.post("").await,
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(alive(), before + 50);
    for (index, peer) in peers.iter_mut().enumerate() {
        match index % 2 {
            0 => peer.leave(),
            _ => peer.reset(),
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(alive(), before);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_drops_its_connections() {
    let bench = Bench::new("[{then: [{send: {raw: a}}, {end: hold}]}]");
    let mut peer = bench.connect();
    peer.post("").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.server.abort();
    assert_eq!(peer.rest().await.1, Ended::Fin);
}

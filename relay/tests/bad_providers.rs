//! Providers that break HTTP: one row a case, with the ending that its client must get. A healthy
//! stream runs beside them all, and is whole at the end.

mod support;

use std::io;

use support::{Client, Provider, Running, Seen, Step, bare, chunk, post, stream_head, whole};

/// What a client must get.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// Status 502 and the reason.
    Refused,
    /// So much of the stream, then an error event and broken framing.
    BrokenAfter(&'static str),
    /// This body, whole, with status 200.
    Body(&'static str),
    /// This body, shorter than its length promised.
    Cut(&'static str),
}

use Wanted::{Body, BrokenAfter, Cut, Refused};

fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

/// An answer with these headers and this body, as they are.
fn answer(headers: &str, body: &str) -> Vec<Step> {
    vec![send(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{headers}\r\n{body}"))]
}

/// A stream whose framing goes wrong after its first event.
fn framed(wrong: &[Step]) -> Vec<Step> {
    [&[stream_head(), chunk("data: 1\n\n")], wrong].concat()
}

/// Heads that are none, or that cannot be trusted.
fn heads() -> Vec<(&'static str, Vec<Step>, Wanted)> {
    let begun = || send("HTTP/1.1 200 OK\r\n");
    let line = |line: &str| vec![send(line), Step::Hold];
    vec![
        ("TLS in place of HTTP", line("\x16\x03\x01\x02\0\x01\0\x01"), Refused),
        ("another protocol", line("SSH-2.0-OpenSSH_9.9\r\n"), Refused),
        ("a body without a head", line("{\"choices\":[]}\n\n"), Refused),
        ("HTTP/2 unasked", line("HTTP/2 200\r\n\r\n"), Refused),
        ("a status of two digits (RFC 9112 4)", line("HTTP/1.1 20 OK\r\n\r\n"), Refused),
        ("a status below 100 (RFC 9110 15)", line("HTTP/1.1 099 OK\r\n\r\n"), Refused),
        ("an upgrade nobody asked for", line("HTTP/1.1 101 Switching\r\n\r\n\0\x01"), Refused),
        (
            "an endless status line",
            vec![send("HTTP/1.1 200 "), Step::Flood(vec![b'x'; 1 << 16])],
            Refused,
        ),
        ("endless fields", vec![begun(), Step::Flood(b"x: y\r\n".repeat(1 << 13))], Refused),
        ("an endless field", vec![begun(), send("x: "), Step::Flood(vec![b'y'; 1 << 16])], Refused),
        ("10,000 fields", answer(&"x: y\r\n".repeat(10_000), ""), Refused),
        ("a field of 1 MiB", answer(&format!("x: {}\r\n", "y".repeat(1 << 20)), ""), Refused),
        ("NUL in a value (RFC 9110 5.5)", answer("x: a\0b\r\n", ""), Refused),
        ("a bare CR in a value (RFC 9110 5.5)", answer("x: a\rb\r\n", ""), Refused),
        ("no colon (RFC 9112 5)", answer("x y\r\n", ""), Refused),
        ("a folded line (RFC 9112 5.2)", answer("x: a\r\n b\r\n", ""), Refused),
        (
            "obs-text passes (RFC 9110 5.5)",
            answer("x: \u{e9}\r\ncontent-length: 2\r\n", "ok"),
            Body("ok"),
        ),
        (
            "two lengths (RFC 9112 6.3)",
            answer("content-length: 1\r\ncontent-length: 2\r\n", "ok"),
            Refused,
        ),
        (
            "equal lengths in one line are one (RFC 9110 8.6)",
            answer("content-length: 2, 2\r\n", "ok"),
            Body("ok"),
        ),
        ("two lengths in one line", answer("content-length: 1, 2\r\n", "ok"), Refused),
        ("a negative length", answer("content-length: -1\r\n", "ok"), Refused),
        ("a length with a sign", answer("content-length: +2\r\n", "ok"), Refused),
        (
            "a length beyond 64 bits",
            answer("content-length: 18446744073709551616\r\n", "ok"),
            Refused,
        ),
        (
            "chunked in HTTP/1.0 (RFC 9112 6.1)",
            vec![send("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")],
            Refused,
        ),
        (
            "a coding that nobody undoes (RFC 9112 6.1)",
            answer("transfer-encoding: gzip\r\n", "\x1f\u{8b}"),
            Refused,
        ),
        (
            "chunked not last (RFC 9112 6.3)",
            answer("transfer-encoding: chunked, gzip\r\n", "0\r\n\r\n"),
            Refused,
        ),
    ]
}

/// Bodies that are not as long, or not framed, as their head says.
fn bodies() -> Vec<(&'static str, Vec<Step>, Wanted)> {
    let first = BrokenAfter("data: 1\n\n");
    let wrong = |size: &str| framed(&[send(size), Step::Hold]);
    vec![
        (
            "a length too short",
            answer("content-length: 2\r\n", "okHTTP/1.1 200 OK\r\n\r\n"),
            Body("ok"),
        ),
        ("a length too long", answer("content-length: 9\r\n", "ok"), Cut("ok")),
        (
            "a stream shorter than its length",
            answer("content-type: text/event-stream\r\ncontent-length: 99\r\n", "data: 1\n\n"),
            first,
        ),
        (
            "a short length beside chunked: chunked counts (RFC 9112 6.3)",
            answer(
                "content-length: 2\r\ntransfer-encoding: chunked\r\n",
                "5\r\nhello\r\n0\r\n\r\n",
            ),
            Body("hello"),
        ),
        (
            "a long length beside chunked: chunked counts (RFC 9112 6.3)",
            answer(
                "transfer-encoding: chunked\r\ncontent-length: 50\r\n",
                "5\r\nhello\r\n0\r\n\r\n",
            ),
            Body("hello"),
        ),
        ("a negative size", wrong("-1\r\n"), first),
        ("a size that is no number", wrong("zz\r\n"), first),
        ("no size", wrong("\r\n"), first),
        ("a size beyond 64 bits", wrong("10000000000000000\r\n"), first),
        (
            "a size that is a lie",
            framed(&[send("7fffffffffffffff\r\ndata: 2\n\n")]),
            BrokenAfter("data: 1\n\ndata: 2\n\n"),
        ),
        (
            "no CRLF after a chunk (RFC 9112 7.1)",
            framed(&[send("9\r\ndata: 2\n\nX"), Step::Hold]),
            BrokenAfter("data: 1\n\ndata: 2\n\n"),
        ),
        ("an endless size", framed(&[Step::Flood(vec![b'0'; 1 << 16])]), first),
        ("an endless extension", framed(&[send("5;"), Step::Flood(vec![b'x'; 1 << 16])]), first),
        (
            "endless trailers",
            framed(&[send("0\r\n"), Step::Flood(b"x: y\r\n".repeat(1 << 13))]),
            first,
        ),
        (
            "an endless trailer",
            framed(&[send("0\r\nx: "), Step::Flood(vec![b'y'; 1 << 16])]),
            first,
        ),
        ("a NUL in a trailer", framed(&[send("0\r\nx: \0\r\n\r\n"), Step::Hold]), first),
    ]
}

/// Checks what a client got against what it must get.
fn judge(name: &str, client: &Client, wanted: Wanted) {
    let text = client.text();
    assert!(text.starts_with("HTTP/1.1 "), "{name}: {text:?}");
    let status = if matches!(wanted, Refused) { 502 } else { 200 };
    assert_eq!(client.status(), status, "{name}: {text}");
    match wanted {
        Refused => {
            assert!(client.plain().contains("\"code\":\"upstream_broken\""), "{name}: {text}");
        }
        BrokenAfter(begin) => {
            let (body, complete) = client.chunked();
            let body = String::from_utf8_lossy(&body);
            let error = body.strip_prefix(begin).unwrap_or_else(|| panic!("{name}: {body:?}"));
            assert!(error.starts_with("data: {\"error\":{"), "{name}: {error:?}");
            assert!(error.contains("\"code\":\"upstream_broken\""), "{name}: {error:?}");
            assert!(!complete, "{name}: the framing looks complete");
        }
        Body(body) => assert_eq!(whole_body(client).as_deref(), Some(body), "{name}: {text}"),
        Cut(body) => {
            assert_eq!(client.plain(), body, "{name}");
            assert_eq!(whole_body(client), None, "{name}: it looks whole");
        }
    }
}

/// The body as its one kind of framing has it; `None` where that is unfinished.
fn whole_body(client: &Client) -> Option<String> {
    let head = client.head();
    let Some(length) = head.lines().find_map(|line| line.strip_prefix("content-length: ")) else {
        let (body, complete) = client.chunked();
        return complete.then(|| String::from_utf8_lossy(&body).into_owned());
    };
    assert!(!head.contains("transfer-encoding"), "two framings: {head}");
    Some(client.plain()).filter(|body| length == body.len().to_string())
}

#[tokio::test]
async fn each_ends_clearly_and_is_let_go_while_another_stream_goes_on() -> io::Result<()> {
    let healthy =
        vec![stream_head(), chunk("data: 1\n\n"), Step::Gate, chunk("data: [DONE]\n\n"), chunk("")];
    let cases = [heads(), bodies()].concat();
    let answers = cases.iter().map(|(_, steps, _)| steps.clone());
    let mut provider = Provider::start(std::iter::once(healthy).chain(answers).collect()).await?;
    let relay = Running::start(provider.address, &[("breaker", "off")]).await?;
    let mut stream = Client::chat(relay.address).await?;
    stream.until("data: 1\n\n").await;
    assert!(matches!(provider.next().await, Seen::Request(_)));
    for (name, steps, wanted) in cases {
        let request = post("/v1/chat/completions", "connection: close\r\n");
        let mut client = Client::send(relay.address, &request).await?;
        client.rest().await;
        judge(name, &client, wanted);
        assert!(matches!(provider.next().await, Seen::Request(_)), "{name}");
        if matches!(steps.last(), Some(Step::Hold | Step::Flood(_))) {
            assert_eq!(provider.next().await, Seen::Gone, "{name}: it is let go");
        }
    }
    provider.go();
    let (body, complete) = stream.until("\r\n0\r\n\r\n").await.chunked();
    let body = String::from_utf8_lossy(&body);
    assert_eq!((&*body, complete), ("data: 1\n\ndata: [DONE]\n\n", true));
    Ok(())
}

#[tokio::test]
async fn a_flood_of_interim_answers_is_no_answer_and_holds_nobody_up() -> io::Result<()> {
    let flood = Step::Flood(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(1 << 10));
    let quick = vec![stream_head(), chunk("data: [DONE]\n\n"), chunk("")];
    let mut provider = Provider::start(vec![vec![flood], quick]).await?;
    let relay = Running::start(provider.address, &[("first_byte", "1s")]).await?;
    let request = post("/v1/chat/completions", "connection: close\r\n");
    let mut flooded = Client::send(relay.address, &request).await?;
    assert!(matches!(provider.next().await, Seen::Request(_)));
    let mut other = Client::send(relay.address, &request).await?;
    assert!(other.rest().await.chunked().1);
    assert!(flooded.received.is_empty(), "interim answers stay");
    flooded.rest().await;
    assert_eq!(flooded.status(), 504, "{}", flooded.text());
    assert!(flooded.plain().contains("upstream_first_byte_timeout"), "{}", flooded.text());
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert_eq!(provider.next().await, Seen::Gone);
    Ok(())
}

#[tokio::test]
async fn interim_answers_before_the_answer_are_skipped() -> io::Result<()> {
    let interim = send("HTTP/1.1 100 Continue\r\n\r\n".repeat(50));
    let provider =
        Provider::start(vec![[vec![interim], whole("200 OK", "", "ok")].concat()]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let request = post("/v1/chat/completions", "connection: close\r\n");
    let mut client = Client::send(relay.address, &request).await?;
    judge("interim", client.rest().await, Body("ok"));
    Ok(())
}

#[tokio::test]
async fn a_chunk_whose_size_never_ends_is_silence_to_the_client_for_uploads() -> io::Result<()> {
    let zeros = framed(&[Step::Flood(vec![b'0'; 1 << 16])]);
    let mut provider = Provider::start(vec![zeros]).await?;
    let relay =
        Running::start(provider.address, &[("idle", "500ms"), ("idle_warn", "off")]).await?;
    let mut client = Client::send(relay.address, &post("/v1/x", "incremental: ?1\r\n")).await?;
    let (body, complete) = client.rest().await.chunked();
    let body = String::from_utf8_lossy(&body);
    assert!(body.starts_with("data: 1\n\n") && !complete, "{body}");
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert_eq!(provider.next().await, Seen::Gone);
    Ok(())
}

/// Zeros, packed to a 158th (RFC 1951 3.2.6: the fixed codes of 258 equal bytes take 13 bits).
fn bomb(packed: usize) -> Vec<u8> {
    let bits = |text: &'static str| text.bytes().map(|bit| bit == b'1');
    // The last block, of fixed codes; one zero; then "258 bytes, from 1 back" again and again.
    let begun = bits("110").chain(bits("00110000"));
    let packed: Vec<bool> = begun
        .chain(std::iter::repeat_n((), packed * 8 / 13).flat_map(|()| bits("1100010100000")))
        .collect();
    let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    head.into_iter().chain(packed.chunks(8).map(byte)).collect()
}

#[tokio::test]
async fn a_bomb_is_never_unpacked_whatever_is_switched_on() -> io::Result<()> {
    let bomb = bomb(200_000);
    let answer = vec![
        send(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\
             transfer-encoding: chunked\r\n\r\n",
        ),
        chunk(&bomb),
        chunk(""),
    ];
    let provider = Provider::start(vec![answer]).await?;
    let switches = [("head", "at_content"), ("heartbeat", "1ms"), ("resume", "on")];
    for switches in [&[][..], &switches] {
        let relay = Running::start(provider.address, switches).await?;
        let mut client = Client::chat(relay.address).await?;
        let (body, complete) = client.until("\r\n0\r\n\r\n").await.chunked();
        assert!(complete && body == bomb, "{} bytes of {}", body.len(), bomb.len());
        assert!(client.head().contains("content-encoding: gzip"), "{}", client.head());
    }
    Ok(())
}

/// An answer to HEAD has the length that it would have to GET, or none (RFC 9110 8.6).
#[tokio::test]
async fn a_head_without_a_length_stays_without_one() -> io::Result<()> {
    for (field, length) in [("", None), ("content-length: 42\r\n", Some("content-length: 42"))] {
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{field}\r\n");
        let provider = Provider::start(vec![vec![Step::Send(head.into_bytes())]]).await?;
        let relay = Running::start(provider.address, &[]).await?;
        let request = bare("HEAD", "/v1/models", "");
        let mut client = Client::send(relay.address, &request).await?;
        let head = client.rest().await.head();
        assert_eq!(client.status(), 200);
        assert_eq!(head.lines().find(|line| line.starts_with("content-length")), length, "{head}");
    }
    Ok(())
}

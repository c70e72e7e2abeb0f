//! Requests that are no good: one row a case, with the answer that the standards ask for. A
//! healthy stream runs beside them all, and is whole at the end.

mod support;

use std::io;

use support::{Client, Provider, Running, Seen, Step, bare, chunk, post, stream_head, whole};

/// What is sent, the status that must come, and whether the connection must end after it.
fn cases() -> Vec<(&'static str, Vec<u8>, u16)> {
    let post = |head: &str| format!("POST /v1/x HTTP/1.1\r\n{head}\r\n").into_bytes();
    let get = |head: &str| format!("GET /v1/x HTTP/1.1\r\n{head}\r\n").into_bytes();
    let many = "x: y\r\n".repeat(200);
    let long = format!("x: {}\r\n", "y".repeat(40_000));
    let path = format!("GET /v1/{} HTTP/1.1\r\nhost: r\r\n\r\n", "p".repeat(70_000));
    vec![
        ("garbage", b"\x16\x03\x01\x02\x00\r\n\r\n".to_vec(), 400),
        ("no Host (RFC 9112 3.2)", get(""), 400),
        ("two Hosts (RFC 9112 3.2)", get("host: a\r\nhost: b\r\n"), 400),
        ("NUL in a value (RFC 9110 5.5)", get("host: r\r\nx: a\0b\r\n"), 400),
        ("space before the colon (RFC 9112 5.1)", get("host: r\r\nx : a\r\n"), 400),
        ("a folded line (RFC 9112 5.2)", get("host: r\r\nx: a\r\n b\r\n"), 400),
        ("too many fields (RFC 6585 5)", get(&format!("host: r\r\n{many}")), 431),
        ("a field too long (RFC 6585 5)", get(&format!("host: r\r\n{long}")), 431),
        ("a target too long (RFC 9110 15.5.15)", path.into_bytes(), 431),
        (
            "two lengths (RFC 9112 6.3)",
            post("host: r\r\ncontent-length: 1\r\ncontent-length: 2\r\n"),
            400,
        ),
        ("no number (RFC 9112 6.3)", post("host: r\r\ncontent-length: -1\r\n"), 400),
        (
            "a coding unknown (RFC 9112 6.1)",
            post("host: r\r\ntransfer-encoding: gzip, chunked\r\n"),
            400,
        ),
        (
            "codings on two lines",
            post("host: r\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n"),
            400,
        ),
        (
            "chunked not last (RFC 9112 6.3)",
            post("host: r\r\ntransfer-encoding: chunked, gzip\r\n"),
            400,
        ),
        (
            "chunked in HTTP/1.0 (RFC 9112 6.1)",
            b"POST /v1/x HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
            400,
        ),
        ("a chunk without size", post("host: r\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), 400),
        (
            "a length beside chunked: chunked counts (RFC 9112 6.1)",
            post("host: r\r\ncontent-length: 50\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"),
            200,
        ),
        (
            "obs-text passes (RFC 9110 5.5)",
            get("host: r\r\nconnection: close\r\nx: \u{e9}\r\n"),
            200,
        ),
        ("HTTP/1.0 needs no Host", b"GET /v1/x HTTP/1.0\r\n\r\n".to_vec(), 200),
    ]
}

#[tokio::test]
async fn each_gets_its_status_and_its_connection_ends_while_others_go_on() -> io::Result<()> {
    let stream =
        vec![stream_head(), chunk("data: 1\n\n"), Step::Gate, chunk("data: [DONE]\n\n"), chunk("")];
    let provider = Provider::start(vec![stream, whole("200 OK", "", "ok")]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let mut healthy = Client::chat(relay.address).await?;
    healthy.until("data: 1\n\n").await;
    for (name, request, status) in cases() {
        let mut client = Client::send(relay.address, "").await?;
        // It may answer and close before it has read all.
        drop(tokio::io::AsyncWriteExt::write_all(&mut client.socket, &request).await);
        client.rest().await;
        assert!(client.text().starts_with("HTTP/1."), "{name}: {:?}", client.text());
        assert_eq!(client.status(), status, "{name}: {}", client.text());
    }
    provider.go();
    let (body, complete) = healthy.until("\r\n0\r\n\r\n").await.chunked();
    assert_eq!(
        (String::from_utf8_lossy(&body).as_ref(), complete),
        ("data: 1\n\ndata: [DONE]\n\n", true)
    );
    Ok(())
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() -> io::Result<()> {
    let provider =
        Provider::start(vec![whole("200 OK", "", "first"), whole("200 OK", "", "second")]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let both = post("/v1/a", "") + &bare("GET", "/v1/b", "");
    let mut client = Client::send(relay.address, &both).await?;
    let text = client.rest().await.text();
    let at = |word| text.find(word).unwrap_or_else(|| panic!("{word}: {text}"));
    assert!(at("first") < at("second"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it_before_it_sends_its_body() -> io::Result<()> {
    let mut provider = Provider::start(vec![whole("200 OK", "", "ok")]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let head = "POST /v1/x HTTP/1.1\r\nhost: r\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\
                connection: close\r\n\r\n";
    let mut client = Client::send(relay.address, head).await?;
    client.until("HTTP/1.1 100 Continue\r\n\r\n").await;
    tokio::io::AsyncWriteExt::write_all(&mut client.socket, b"{}").await?;
    client.until("HTTP/1.1 200 OK").await;
    let Seen::Request(request) = provider.next().await else { panic!("a request") };
    assert!(request.ends_with("{}"), "{request}");
    Ok(())
}

#[tokio::test]
async fn an_upgrade_is_not_taken_and_goes_no_further() -> io::Result<()> {
    let mut provider = Provider::start(vec![whole("200 OK", "", "ok")]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let request =
        "GET /v1/x HTTP/1.1\r\nhost: r\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let mut client = Client::send(relay.address, request).await?;
    client.until("\r\n\r\nok").await;
    assert_eq!(client.status(), 200);
    let Seen::Request(request) = provider.next().await else { panic!("a request") };
    assert!(!request.to_lowercase().contains("upgrade"), "{request}");
    Ok(())
}

#[tokio::test]
async fn a_connection_ends_after_a_chunked_request() -> io::Result<()> {
    let provider = Provider::start(vec![whole("200 OK", "", "ok")]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let chunked = "POST /v1/a HTTP/1.1\r\nhost: r\r\ntransfer-encoding: chunked\r\n\r\n\
                   2\r\n{}\r\n0\r\n\r\n";
    // A `Content-Length` beside it may have been meant for somebody else: what follows is not read.
    let mut client = Client::send(relay.address, &(chunked.to_owned() + chunked)).await?;
    let text = client.rest().await.text();
    assert_eq!(text.matches("HTTP/1.1 200").count(), 1, "{text}");
    assert!(client.head().contains("connection: close"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_body_whose_chunks_are_none_is_refused_as_such() -> io::Result<()> {
    let provider = Provider::start(vec![]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    // RFC 9112 7.1: a chunk's size is hexadecimal.
    let request =
        "POST /v1/x HTTP/1.1\r\nhost: r\r\ntransfer-encoding: chunked\r\n\r\nsize\r\n{}\r\n";
    let mut client = Client::send(relay.address, request).await?;
    client.rest().await;
    assert_eq!(client.status(), 400, "{}", client.text());
    assert!(client.text().contains("\"code\":\"invalid_body\""), "{}", client.text());
    Ok(())
}

//! What the relay answers by itself: with the real status, in the family's error object.

mod support;

use std::{io, net::SocketAddr, time::Duration};

use support::{Client, Provider, Running, Seen, Step, bare, chunk, post, soon, stream_head, whole};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A port on which nobody listens.
async fn nobody() -> io::Result<SocketAddr> {
    tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()
}

async fn answer(relay: &Running, request: &str) -> io::Result<Client> {
    let mut client = Client::send(relay.address, request).await?;
    soon(client.rest()).await;
    Ok(client)
}

fn assert_error(client: &Client, status: u16, code: &str) {
    assert_eq!(client.status(), status, "{}", client.text());
    assert!(client.head().contains("content-type: application/json"), "{}", client.head());
    let body = client.plain();
    let keys = ["{\"error\":{\"message\":", ",\"type\":", ",\"param\":null,\"code\":"];
    assert!(keys.iter().all(|key| body.contains(key)), "{body}");
    assert!(body.contains(&format!("\"code\":\"{code}\"")), "{body}");
}

#[tokio::test]
async fn a_provider_that_is_not_there_gives_502() -> io::Result<()> {
    let relay = Running::start(nobody().await?, &[("retries", "0")]).await?;
    let client = answer(&relay, &post("/v1/chat/completions", "connection: close\r\n")).await?;
    assert_error(&client, 502, "upstream_unreachable");
    Ok(())
}

#[tokio::test]
async fn a_provider_that_breaks_off_before_its_head_gives_502_without_retry() -> io::Result<()> {
    let mut provider = Provider::start(vec![vec![Step::Reset], whole("200 OK", "", "")]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let client = answer(&relay, &post("/v1/chat/completions", "connection: close\r\n")).await?;
    assert_error(&client, 502, "upstream_broken");
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert!(provider.seen.try_recv().is_err(), "the request may have been worked on");
    Ok(())
}

#[tokio::test]
async fn a_provider_that_does_not_answer_in_time_gives_504() -> io::Result<()> {
    let provider = Provider::start(vec![vec![Step::Hold]]).await?;
    let relay = Running::start(provider.address, &[("first_byte", "100ms")]).await?;
    let client = answer(&relay, &post("/v1/chat/completions", "connection: close\r\n")).await?;
    assert_error(&client, 504, "upstream_first_byte_timeout");
    Ok(())
}

/// RFC 9110 10.1.1: who asks before it sends a body is told by the head alone, and not asked for it first.
#[tokio::test]
async fn a_body_that_is_said_to_be_too_large_is_refused_before_it_is_sent() -> io::Result<()> {
    let provider = Provider::start(vec![]).await?;
    let relay = Running::start(provider.address, &[("max_request", "15B")]).await?;
    for how in ["", "expect: 100-continue\r\n", "incremental: ?1\r\n"] {
        for length in ["16", "9223372036854775808"] {
            for path in ["/v1/chat/completions", "/v1/files"] {
                let head = format!(
                    "POST {path} HTTP/1.1\r\nhost: r\r\n{how}content-length: {length}\r\n\r\n"
                );
                let mut client = Client::send(relay.address, &head).await?;
                assert_error(client.rest().await, 413, "request_too_large");
            }
        }
    }
    Ok(())
}

/// A socket that is closed with bytes unread is reset, and the reset takes the answer with it (RFC 9112 9.6).
#[tokio::test]
async fn who_is_refused_while_it_sends_can_send_all_and_read_why() -> io::Result<()> {
    let provider = Provider::start(vec![]).await?;
    let relay = Running::start(provider.address, &[("keys", "k1")]).await?;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: r\r\nauthorization: Bearer k\r\n\
                content-length: 8388608\r\n\r\n";
    let Client { mut socket, mut received } = Client::send(relay.address, head).await?;
    let (mut reader, mut writer) = socket.split();
    // More than the kernel takes of it where nobody reads.
    let prompt = vec![b'x'; 8 << 20];
    let sent = async {
        writer.write_all(&prompt).await?;
        writer.shutdown().await
    };
    let (sent, read) = soon(async { tokio::join!(sent, reader.read_to_end(&mut received)) }).await;
    assert!(sent.is_ok(), "{sent:?}");
    assert!(read.is_ok(), "{read:?}");
    assert_error(&Client { socket, received }, 401, "invalid_api_key");
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_method_path_or_size_is_refused() -> io::Result<()> {
    let provider = Provider::start(vec![whole("200 OK", "", "ok")]).await?;
    let switches = [("keys", "k1"), ("max_request", "15B")];
    let relay = Running::start(provider.address, &switches).await?;
    let key = "authorization: Bearer k1\r\nconnection: close\r\n";
    let wrong = answer(&relay, &bare("GET", "/v1/models", "authorization: Bearer k\r\n")).await?;
    assert_error(&wrong, 401, "invalid_api_key");
    assert!(wrong.head().contains("www-authenticate: bearer"), "{}", wrong.head());
    let method = answer(&relay, &bare("GET", "/v1/chat/completions", key)).await?;
    assert_error(&method, 405, "method_not_allowed");
    assert!(method.head().contains("allow: post"), "{}", method.head());
    assert_error(
        &answer(&relay, &bare("OPTIONS", "/v1/models", key)).await?,
        405,
        "method_not_allowed",
    );
    for path in ["/v1/../x", "/v1/..%2fx", "/v1/x/..%2F%2E./x"] {
        assert_error(&answer(&relay, &bare("GET", path, key)).await?, 400, "invalid_url");
    }
    assert_error(&answer(&relay, &bare("GET", "/else", "")).await?, 404, "unknown_url");
    let large = answer(&relay, &post("/v1/chat/completions", key)).await?;
    assert_error(&large, 413, "request_too_large");
    let chunked =
        bare("POST", "/v1/chat/completions", &format!("{key}transfer-encoding: chunked\r\n"));
    let large = answer(&relay, &(chunked + "10\r\nsixteen is a lot\r\n0\r\n\r\n")).await?;
    assert_error(&large, 413, "request_too_large");
    let right = answer(&relay, &bare("GET", "/v1/models", key)).await?;
    assert_eq!((right.status(), right.plain().as_str()), (200, "ok"));
    let head = answer(&relay, &bare("HEAD", "/v1/chat/completions", key)).await?;
    assert_eq!((head.status(), head.plain().as_str()), (405, ""));
    Ok(())
}

#[tokio::test]
async fn over_a_cap_the_answer_is_429_at_once_and_the_place_comes_back() -> io::Result<()> {
    let held = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let mut provider = Provider::start(vec![held, whole("200 OK", "", "ok")]).await?;
    let relay = Running::start(provider.address, &[("max_streams_per_address", "1")]).await?;
    let mut first = Client::chat(relay.address).await?;
    first.until("data: 1").await;
    let request = post("/v1/chat/completions", "connection: close\r\n");
    let second = answer(&relay, &request).await?;
    assert_error(&second, 429, "rate_limit_exceeded");
    assert!(second.head().contains("retry-after: 1"), "{}", second.head());
    drop(first);
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert_eq!(provider.next().await, Seen::Gone);
    for _ in 0..100 {
        if answer(&relay, &request).await?.status() == 200 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the place did not come back");
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_unseen() -> io::Result<()> {
    let busy = || whole("503 Service Unavailable", "retry-after-ms: 20\r\n", "busy");
    let mut provider = Provider::start(vec![busy(), busy(), whole("200 OK", "", "ok")]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let client = answer(&relay, &post("/v1/chat/completions", "connection: close\r\n")).await?;
    assert_eq!((client.status(), client.plain().as_str()), (200, "ok"));
    let mut bodies = Vec::new();
    while let Ok(Seen::Request(request)) = provider.seen.try_recv() {
        bodies.push(request);
    }
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|request| *request == bodies[0]), "the same request each time");
    Ok(())
}

#[tokio::test]
async fn retries_are_bounded_and_the_last_answer_passes() -> io::Result<()> {
    let busy = whole("503 Service Unavailable", "retry-after-ms: 1\r\n", "busy");
    let mut provider = Provider::start(vec![busy]).await?;
    let relay = Running::start(provider.address, &[("retries", "1")]).await?;
    let client = answer(&relay, &post("/v1/chat/completions", "connection: close\r\n")).await?;
    assert_eq!((client.status(), client.plain().as_str()), (503, "busy"));
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert!(provider.seen.try_recv().is_err());
    Ok(())
}

#[tokio::test]
async fn who_breaks_off_its_streams_again_and_again_is_left_alone() -> io::Result<()> {
    let broken = vec![stream_head(), chunk("data: 1\n\n"), Step::Reset];
    let provider = Provider::start(vec![broken]).await?;
    let relay = Running::start(provider.address, &[("breaker_min", "2")]).await?;
    let request = post("/v1/chat/completions", "connection: close\r\n");
    for _ in 0..2 {
        let client = answer(&relay, &request).await?;
        assert_eq!(client.status(), 200, "its head was good");
        assert!(!client.chunked().1);
    }
    let third = answer(&relay, &request).await?;
    assert_error(&third, 503, "upstream_left_alone");
    assert!(third.head().contains("retry-after: 5"), "{}", third.head());
    Ok(())
}

#[tokio::test]
async fn a_provider_that_never_says_done_is_not_left_alone_where_that_is_tolerated()
-> io::Result<()> {
    let provider =
        Provider::start(vec![vec![stream_head(), chunk("data: 1\n\n"), chunk("")]]).await?;
    let switches = [("breaker_min", "2"), ("missing_done", "tolerate")];
    let relay = Running::start(provider.address, &switches).await?;
    for _ in 0..4 {
        let client = answer(&relay, &post("/v1/chat/completions", "connection: close\r\n")).await?;
        assert!(client.status() == 200 && client.chunked().1, "{}", client.text());
    }
    Ok(())
}

#[tokio::test]
async fn a_client_over_its_limit_does_not_shut_out_the_others() -> io::Result<()> {
    let over = "data: {\"error\":{\"message\":\"slower\",\"code\":429}}\n\n";
    let provider = Provider::start(vec![vec![stream_head(), chunk(over), chunk("")]]).await?;
    let relay = Running::start(provider.address, &[("breaker_min", "2")]).await?;
    for _ in 0..4 {
        let client = answer(&relay, &post("/v1/chat/completions", "connection: close\r\n")).await?;
        assert_eq!(client.status(), 200, "{}", client.text());
    }
    Ok(())
}

/// A provider has no part in it: it waits for what does not come, or comes wrong.
#[tokio::test]
async fn uploads_that_fail_say_nothing_of_the_provider() -> io::Result<()> {
    let provider = Provider::start(vec![
        vec![Step::Hold],
        vec![Step::Hold],
        vec![Step::Hold],
        whole("200 OK", "", "ok"),
    ])
    .await?;
    let switches = [("breaker_min", "2"), ("max_request", "10B"), ("first_byte", "100ms")];
    let relay = Running::start(provider.address, &switches).await?;
    let head = bare("POST", "/v1/files", "incremental: ?1\r\ntransfer-encoding: chunked\r\n");
    for (body, status, code) in [
        ("1\r\na\r\nZZ\r\n", 400, "invalid_body"),
        ("b\r\neleven long\r\n", 413, "request_too_large"),
        ("1\r\na\r\n", 408, "request_timeout"),
    ] {
        assert_error(&answer(&relay, &format!("{head}{body}")).await?, status, code);
    }
    let other = answer(&relay, &bare("GET", "/v1/models", "")).await?;
    assert_eq!((other.status(), other.plain().as_str()), (200, "ok"), "it is not left alone");
    Ok(())
}

#[tokio::test]
async fn what_is_not_safe_to_send_again_is_not() -> io::Result<()> {
    let busy = whole("503 Service Unavailable", "retry-after-ms: 1\r\n", "busy");
    let mut provider = Provider::start(vec![busy]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let client = answer(&relay, &post("/v1/fine_tuning/jobs", "connection: close\r\n")).await?;
    assert_eq!(client.status(), 503);
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert!(provider.seen.try_recv().is_err());
    Ok(())
}

const ORIGIN: &str = "origin: https://app.example\r\n";

#[tokio::test]
async fn a_preflight_needs_no_key_and_never_goes_on() -> io::Result<()> {
    let mut provider = Provider::start(vec![whole("200 OK", "", "ok")]).await?;
    let switches = [("keys", "k1"), ("origins", "https://app.example"), ("credentials", "on")];
    let relay = Running::start(provider.address, &switches).await?;
    let asks = format!(
        "{ORIGIN}access-control-request-method: POST\r\n\
         access-control-request-headers: authorization,content-type,last-event-id\r\n"
    );
    let preflight = answer(&relay, &bare("OPTIONS", "/v1/chat/completions", &asks)).await?;
    let head = preflight.head();
    assert_eq!(preflight.status(), 200);
    assert!(head.contains("access-control-allow-origin: https://app.example\r\n"), "{head}");
    assert!(head.contains("access-control-allow-credentials: true"), "{head}");
    assert!(head.contains("vary: origin"), "{head}");
    let allowed = head.lines().find(|line| line.starts_with("access-control-allow-headers:"));
    for name in ["authorization", "content-type", "last-event-id"] {
        assert!(allowed.is_some_and(|line| line.contains(name)), "{head}");
    }
    assert!(provider.seen.try_recv().is_err());
    Ok(())
}

#[tokio::test]
async fn cors_headers_stand_on_answers_and_refusals_alike() -> io::Result<()> {
    let foreign = "access-control-allow-origin: *\r\n";
    let provider = Provider::start(vec![whole("200 OK", foreign, "ok")]).await?;
    let switches = [("keys", "k1"), ("origins", "https://app.example")];
    let relay = Running::start(provider.address, &switches).await?;
    let right = format!("{ORIGIN}authorization: Bearer k1\r\n");
    for (headers, status) in [(right.as_str(), 200), (ORIGIN, 401)] {
        let head = answer(&relay, &bare("GET", "/v1/models", headers)).await?.head();
        assert!(head.contains(&format!(" {status} ")), "{head}");
        assert_eq!(head.matches("access-control-allow-origin").count(), 1, "{head}");
        assert!(head.contains("access-control-allow-origin: https://app.example"), "{head}");
        assert!(head.contains("access-control-expose-headers: x-stream-id,retry-after,"), "{head}");
        assert!(head.contains("vary: origin"), "{head}");
    }
    let stranger = "origin: https://evil.example\r\nauthorization: Bearer k1\r\n";
    let head = answer(&relay, &bare("GET", "/v1/models", stranger)).await?.head();
    assert!(!head.contains("access-control-allow-origin"), "{head}");
    Ok(())
}

#[tokio::test]
async fn told_to_stop_it_lets_streams_finish() -> io::Result<()> {
    let steps =
        vec![stream_head(), chunk("data: 1\n\n"), Step::Gate, chunk("data: [DONE]\n\n"), chunk("")];
    let provider = Provider::start(vec![steps]).await?;
    let mut relay = Running::start(provider.address, &[]).await?;
    let mut client = Client::chat(relay.address).await?;
    client.until("data: 1").await;
    relay.stop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(tokio::net::TcpStream::connect(relay.address).await.is_err(), "nothing new");
    provider.go();
    assert!(client.rest().await.chunked().1, "{}", client.text());
    soon(&mut relay.task).await?;
    Ok(())
}

#[tokio::test]
async fn at_the_end_of_the_drain_streams_end_honestly() -> io::Result<()> {
    let steps = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let mut provider = Provider::start(vec![steps]).await?;
    let mut relay = Running::start(provider.address, &[("drain", "50ms")]).await?;
    let mut client = Client::chat(relay.address).await?;
    client.until("data: 1").await;
    relay.stop();
    let (body, complete) = client.rest().await.chunked();
    let body = String::from_utf8_lossy(&body);
    assert!(!complete && body.contains("\"code\":\"relay_shutdown\""), "{body}");
    soon(&mut relay.task).await?;
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert_eq!(provider.next().await, Seen::Gone);
    Ok(())
}

#[tokio::test]
async fn at_the_end_of_the_drain_what_has_no_answer_yet_gets_503() -> io::Result<()> {
    let mut provider = Provider::start(vec![vec![Step::Hold]]).await?;
    let mut relay = Running::start(provider.address, &[("drain", "50ms")]).await?;
    let mut client = Client::chat(relay.address).await?;
    assert!(matches!(provider.next().await, Seen::Request(_)));
    relay.stop();
    soon(client.rest()).await;
    assert_error(&client, 503, "relay_shutdown");
    assert_eq!(provider.next().await, Seen::Gone);
    Ok(())
}

#[tokio::test]
async fn who_asks_for_no_stream_gets_no_heartbeat_before_the_answer() -> io::Result<()> {
    let answer = whole("400 Bad Request", "content-type: application/json\r\n", "{}");
    let held = [Step::Gate].into_iter().chain(answer).collect();
    let provider = Provider::start(vec![held]).await?;
    let early = [("early_heartbeat", "on"), ("heartbeat", "20ms")];
    let relay = Running::start(provider.address, &early).await?;
    let request = "POST /v1/chat/completions HTTP/1.1\r\nhost: r\r\ncontent-length: 2\r\n\
                   connection: close\r\n\r\n{}";
    let mut client = Client::send(relay.address, request).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    provider.go();
    assert_eq!(client.rest().await.status(), 400, "{}", client.text());
    assert_eq!(client.plain(), "{}");
    Ok(())
}

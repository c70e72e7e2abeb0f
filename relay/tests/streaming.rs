//! Streams pass byte for byte, as they come, and end as they did at the provider.

mod support;

use std::{io, path::Path};

use support::{Client, Provider, Running, Seen, Step, chunk, post, soon, stream_head, whole};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

async fn relayed(steps: Vec<Step>) -> io::Result<(Client, Running, Provider)> {
    let provider = Provider::start(vec![steps]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let client = Client::chat(relay.address).await?;
    Ok((client, relay, provider))
}

#[tokio::test]
async fn recorded_streams_pass_byte_for_byte() -> io::Result<()> {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/captures");
    let Ok(folder) = std::fs::read_dir(&captures) else {
        println!("skipped: no recorded streams at {}", captures.display());
        return Ok(());
    };
    for entry in folder {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "sse") {
            continue;
        }
        let recorded = std::fs::read(&path)?;
        // Cut where no event ends.
        let mut steps = vec![stream_head()];
        steps.extend(recorded.chunks(997).map(chunk));
        steps.push(chunk(""));
        let (mut client, _relay, _provider) = relayed(steps).await?;
        let (body, complete) = client.until("\r\n0\r\n\r\n").await.chunked();
        assert!(complete && body == recorded, "{}", path.display());
    }
    Ok(())
}

#[tokio::test]
async fn every_line_ending_passes_cut_at_each_byte() -> io::Result<()> {
    let made =
        "\u{feff}: hi\r\rdata: \u{1f600}\r\ndata: x\n\nid: 1\rdata:y\r\n\r\ndata: [DONE]\r\r";
    let mut steps = vec![stream_head()];
    steps.extend(made.as_bytes().chunks(1).map(chunk));
    steps.push(chunk(""));
    let (mut client, _relay, _provider) = relayed(steps).await?;
    let (body, complete) = client.until("\r\n0\r\n\r\n").await.chunked();
    assert!(complete);
    assert_eq!(String::from_utf8_lossy(&body), made);
    Ok(())
}

#[tokio::test]
async fn the_head_and_each_event_leave_before_the_next_comes() -> io::Result<()> {
    let gated = vec![
        stream_head(),
        Step::Gate,
        chunk("data: 1\n\n"),
        Step::Gate,
        chunk("data: 2\n\n"),
        Step::Gate,
        chunk("data: [DONE]\n\n"),
        chunk(""),
    ];
    let (mut client, _relay, provider) = relayed(gated).await?;
    client.until("\r\n\r\n").await;
    let head = client.head();
    for header in [
        "content-type: text/event-stream",
        "x-accel-buffering: no",
        "cache-control: no-cache",
        "x-request-id: r1",
    ] {
        assert!(head.contains(header), "{head}");
    }
    assert!(!head.contains("content-length") && !head.contains("connection:"), "{head}");
    for event in ["data: 1\n\n", "data: 2\n\n", "data: [DONE]\n\n"] {
        provider.go();
        client.until(event).await;
    }
    assert!(client.until("\r\n0\r\n\r\n").await.chunked().1);
    Ok(())
}

/// What a client sees of a stream that ended badly at the provider.
async fn broken(steps: Vec<Step>) -> io::Result<String> {
    let (mut client, _relay, _provider) = relayed(steps).await?;
    let (body, complete) = client.rest().await.chunked();
    assert!(!complete, "the framing looks complete");
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_reset_mid_stream_is_told_and_shown() -> io::Result<()> {
    let body = broken(vec![stream_head(), chunk("data: 1\n\n"), Step::Reset]).await?;
    let event = body.strip_prefix("data: 1\n\n").expect("what was sent before");
    assert!(event.starts_with("data: {\"error\":{") && event.ends_with("}}\n\n"), "{event}");
    assert!(event.contains("\"code\":\"upstream_broken\""), "{event}");
    Ok(())
}

#[tokio::test]
async fn a_fin_in_the_middle_of_an_event_is_told_and_shown() -> io::Result<()> {
    let body = broken(vec![stream_head(), chunk("data: 1\n\ndata: {\"a")]).await?;
    assert!(body.starts_with("data: 1\n\ndata: {\"a\n\ndata: {\"error\":{"), "{body}");
    Ok(())
}

#[tokio::test]
async fn a_fin_right_after_the_head_is_told_and_shown() -> io::Result<()> {
    let body = broken(vec![stream_head()]).await?;
    assert!(body.starts_with("data: {\"error\":{"), "{body}");
    Ok(())
}

#[tokio::test]
async fn a_clean_end_without_done_does_not_look_complete() -> io::Result<()> {
    let body = broken(vec![stream_head(), chunk("data: 1\n\n"), chunk("")]).await?;
    assert!(body.contains("\"code\":\"upstream_missing_done\""), "{body}");
    assert!(!body.contains("[DONE]\n"), "{body}");
    Ok(())
}

#[tokio::test]
async fn a_broken_json_answer_is_not_completed() -> io::Result<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{\"a\"";
    let (mut client, _relay, _provider) = relayed(vec![Step::Send(head.into())]).await?;
    client.rest().await;
    assert!(client.head().contains("content-length: 9"));
    assert_eq!(client.plain(), "{\"a\"");
    Ok(())
}

#[tokio::test]
async fn nothing_is_put_into_a_coded_stream() -> io::Result<()> {
    let Step::Send(head) = stream_head() else { unreachable!("a head is sent") };
    let head =
        String::from_utf8_lossy(&head).replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n");
    let body = broken(vec![Step::Send(head.into()), chunk("\u{1f}coded")]).await?;
    assert_eq!(body, "\u{1f}coded");
    Ok(())
}

#[tokio::test]
async fn a_slow_reader_gets_the_whole_error_event_too() -> io::Result<()> {
    let line = format!("data: {}\n\n", "x".repeat(65_000));
    let mut steps = vec![stream_head()];
    // More than the sockets on the way hold, so that the error meets full buffers.
    steps.extend(std::iter::repeat_n(chunk(&line), 200));
    steps.push(Step::Reset);
    let (mut client, _relay, _provider) = relayed(steps).await?;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let (body, complete) = client.rest().await.chunked();
    let body = String::from_utf8_lossy(&body);
    assert!(!complete);
    assert!(body.ends_with("\"code\":\"upstream_broken\"}}\n\n"), "{}", &body[body.len() - 200..]);
    Ok(())
}

#[tokio::test]
async fn other_answers_pass_as_they_are() -> io::Result<()> {
    let limits =
        "retry-after: 3600\r\nx-ratelimit-reset-tokens: 6m0s\r\ncontent-type: application/json\r\n";
    let cases = [
        (whole("429 Too Many Requests", limits, "{\"error\":{}}"), 429, "{\"error\":{}}"),
        // An event stream that is an error's body is nothing that `[DONE]` should end.
        (
            whole("400 Bad Request", "content-type: text/event-stream\r\n", "data: {}\n\n"),
            400,
            "data: {}\n\n",
        ),
        (whole("418 I'm a teapot", "", "short"), 418, "short"),
        (whole("200 OK", "content-type: application/json\r\n", "{}"), 200, "{}"),
        (
            vec![Step::Send(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec())],
            204,
            "",
        ),
    ];
    for (answer, status, body) in cases {
        let provider = Provider::start(vec![answer]).await?;
        let relay = Running::start(provider.address, &[]).await?;
        let request = post("/v1/chat/completions", "connection: close\r\n");
        let mut client = Client::send(relay.address, &request).await?;
        client.rest().await;
        assert_eq!((client.status(), client.plain().as_str()), (status, body));
        let metrics = support::bare("GET", "/metrics", "");
        let metrics = Client::send(relay.address, &metrics).await?.rest().await.plain();
        assert!(metrics.contains("relay_streams_total{end=\"complete\"} 1\n"), "{metrics}");
        if status == 429 {
            assert!(client.head().contains("retry-after: 3600"), "{}", client.head());
            assert!(client.head().contains("x-ratelimit-reset-tokens: 6m0s"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_request_arrives_byte_for_byte_below_the_base() -> io::Result<()> {
    let mut provider = Provider::start(vec![whole("200 OK", "", "ok")]).await?;
    let relay = Running::start(provider.address, &[("provider_key", "sk-provider")]).await?;
    let headers = "authorization: Bearer client\r\nlast-event-id: \u{e9}\r\nincremental: ?1\r\n\
                   connection: x-hop\r\nx-hop: 1\r\n";
    let mut client = Client::send(relay.address, &post("/v1/a?b=c%20d", headers)).await?;
    client.until("ok").await;
    let Seen::Request(request) = provider.next().await else { panic!("no request") };
    assert!(request.starts_with("POST /v1/a?b=c%20d HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"stream\": true}"), "{request}");
    for header in ["authorization: Bearer sk-provider", "last-event-id: \u{e9}", "incremental: ?1"]
    {
        assert!(request.contains(header), "{request}");
    }
    assert!(!request.contains("x-hop") && !request.contains("Bearer client"), "{request}");
    Ok(())
}

#[tokio::test]
async fn an_old_client_gets_no_chunks() -> io::Result<()> {
    let steps = vec![stream_head(), chunk("data: [DONE]\n\n"), chunk("")];
    let provider = Provider::start(vec![steps]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let request = post("/v1/chat/completions", "").replace("HTTP/1.1", "HTTP/1.0");
    let mut client = Client::send(relay.address, &request).await?;
    soon(client.rest()).await;
    assert!(!client.head().contains("transfer-encoding"), "{}", client.head());
    assert_eq!(client.plain(), "data: [DONE]\n\n");
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_the_clients_to_follow() -> io::Result<()> {
    // The key would go with it, wherever it leads.
    let answer = whole("303 See Other", "location: /v1/elsewhere\r\n", "");
    let answers = vec![answer.clone(), answer, whole("200 OK", "", "elsewhere")];
    let mut provider = Provider::start(answers).await?;
    let relay = Running::start(provider.address, &[]).await?;
    // By the client for whole requests, and by the one for those that are passed on as they come.
    for how in ["", "incremental: ?1\r\n"] {
        let request = post("/v1/x", &format!("connection: close\r\n{how}"));
        let mut client = Client::send(relay.address, &request).await?;
        assert_eq!(client.rest().await.status(), 303, "{}", client.text());
        assert!(client.head().contains("location: /v1/elsewhere"), "{}", client.head());
        assert!(matches!(provider.next().await, Seen::Request(_)));
    }
    assert!(provider.seen.try_recv().is_err(), "it was followed");
    Ok(())
}

#[tokio::test]
async fn an_answer_that_asks_to_be_passed_on_as_it_comes_is_whatever_its_type() -> io::Result<()> {
    // RFC 10036: the field goes on in both directions, and nothing is held back.
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nincremental: ?1\r\n\
                transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let steps = vec![Step::Send(head.into()), Step::Gate, chunk("{\"a"), Step::Gate, chunk("")];
    let (mut client, _relay, provider) = relayed(steps).await?;
    client.until("\r\n\r\n").await;
    assert!(client.head().contains("\r\nincremental: ?1"), "{}", client.head());
    provider.go();
    client.until("{\"a").await;
    provider.go();
    assert!(client.until("0\r\n\r\n").await.chunked().1);
    Ok(())
}

#[tokio::test]
async fn a_request_that_asks_to_be_passed_on_as_it_comes_is() -> io::Result<()> {
    let provider = TcpListener::bind("127.0.0.1:0").await?;
    let relay = Running::start(provider.local_addr()?, &[("max_request", "10B")]).await?;
    let head = "POST /v1/x HTTP/1.1\r\nhost: r\r\nincremental: ?1\r\ncontent-length: 10\r\n\
                connection: close\r\n\r\n";
    let mut client = Client::send(relay.address, &format!("{head}first")).await?;
    let (socket, _) = soon(provider.accept()).await?;
    let mut request = Client { socket, received: Vec::new() };
    request.until("\r\n\r\nfirst").await;
    assert!(request.head().contains("\r\nincremental: ?1"), "{}", request.head());
    client.socket.write_all(b"later").await?;
    request.until("firstlater").await;
    request.socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
    assert_eq!(client.rest().await.plain(), "ok", "{}", client.text());

    let large = head.replace("content-length: 10", "transfer-encoding: chunked");
    let large = large + "b\r\neleven long\r\n0\r\n\r\n";
    let mut client = Client::send(relay.address, &large).await?;
    assert_eq!(client.rest().await.status(), 413, "{}", client.text());
    Ok(())
}

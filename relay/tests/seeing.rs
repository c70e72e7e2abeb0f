//! What an operator sees of the relay: its log, its metrics and the ids of requests; and what must
//! never be seen there.

mod support;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use support::{Client, Provider, Running, Seen, Step, bare, chunk, post, soon, stream_head, whole};
use tracing::{Level, subscriber::DefaultGuard};

/// What is logged on the thread of a test, as JSON lines.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Hears all that is emitted on this thread, of whatever level, until the guard is dropped. The
    /// runtime of a test has no other thread.
    fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .without_time()
            .with_max_level(Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        (log, guard)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no writer panics").clone()).expect("it is UTF-8")
    }

    /// The lines of the relay itself; those of libraries stand beside them.
    fn lines(&self) -> Vec<BTreeMap<String, Value>> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).expect("it is JSON"));
        let is_own = |line: &BTreeMap<String, Value>| line["target"] == "relay::stream";
        lines.filter(is_own).collect()
    }
}

/// Asks on a connection of its own, and reads to the end.
async fn answer(relay: SocketAddr, request: &str) -> io::Result<Client> {
    let mut client = Client::send(relay, request).await?;
    client.rest().await;
    Ok(client)
}

/// Waits until nothing of the relay is left, so that all that it logs is logged.
async fn stop(mut relay: Running) -> io::Result<()> {
    relay.stop();
    soon(&mut relay.task).await.map_err(io::Error::other)
}

/// A stream of two events.
fn stream() -> Vec<Step> {
    vec![stream_head(), chunk("data: 1\n\n"), chunk("data: [DONE]\n\n"), chunk("")]
}

/// A chat request that is alone on its connection.
fn chat(headers: &str) -> String {
    post("/v1/chat/completions", &format!("connection: close\r\n{headers}"))
}

fn requested(seen: Seen) -> String {
    let Seen::Request(request) = seen else { panic!("it was no request") };
    request
}

#[tokio::test]
async fn no_secret_shows_in_the_log_in_errors_or_in_metrics() -> io::Result<()> {
    const SHOWN: &str = "authorization: Bearer sk-secret-client\r\ncookie: s=secret-cookie\r\n\
                         proxy-authorization: Basic secret-proxy\r\nx-api-key: secret-header\r\n";
    let (log, _guard) = Log::listen();
    let cut = vec![stream_head(), chunk("data: {\"secret-answer\": 1}\n\n"), Step::Reset];
    let mut provider = Provider::start(vec![cut, vec![Step::Reset]]).await?;
    let switches = [("keys", "sk-secret-client"), ("provider_key", "sk-secret-provider")];
    let relay = Running::start(provider.address, &switches).await?;

    // A stream that is cut, whose body is the client's to see, and then the relay's own answers.
    let path = "/v1/chat/completions?api_key=secret-query";
    let shown = format!("connection: close\r\n{SHOWN}");
    let began = answer(relay.address, &post(path, &shown)).await?;
    assert!(began.text().contains("upstream_broken"), "{}", began.text());
    let sent = requested(provider.next().await);
    assert!(sent.contains("secret-query") && sent.contains("sk-secret-provider"), "{sent}");
    let wrong = "connection: close\r\nauthorization: Bearer sk-secret-wrong\r\n";
    let refusals = [
        (502, post(path, &shown)),
        (401, post(path, wrong)),
        (400, bare("GET", "/v1/secret-path/../x?api_key=secret-query", SHOWN)),
        (405, bare("GET", path, SHOWN)),
        (404, bare("GET", "/secret-path?api_key=secret-query", SHOWN)),
    ];
    for (status, request) in refusals {
        let refused = answer(relay.address, &request).await?;
        assert_eq!(refused.status(), status, "{}", refused.text());
        assert!(!refused.text().contains("secret"), "{}", refused.text());
    }
    let metrics = answer(relay.address, &bare("GET", "/metrics", SHOWN)).await?.text();
    assert!(metrics.contains("status=\"401\"") && !metrics.contains("secret"), "{metrics}");
    stop(relay).await?;
    assert_eq!(log.lines().len(), 3, "the cut stream, the 502 and the 400: {}", log.text());
    assert!(!log.text().contains("secret"), "{}", log.text());
    Ok(())
}

#[tokio::test]
async fn what_happens_is_counted_while_it_happens() -> io::Result<()> {
    let busy = whole("503 Service Unavailable", "retry-after-ms: 1\r\n", "busy");
    let held = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let provider = Provider::start(vec![busy, whole("200 OK", "", "ok"), held]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    assert_eq!(answer(relay.address, &chat("")).await?.plain(), "ok");
    let mut stream = Client::chat(relay.address).await?;
    stream.until("data: 1\n\n").await;
    let metrics = answer(relay.address, &bare("GET", "/metrics", "")).await?.plain();
    for line in [
        "relay_requests_total{route=\"/v1/chat/completions\",status=\"200\"} 2",
        "relay_retries_total 1",
        // A body with a length is over with its last byte.
        "relay_streams_total{end=\"complete\"} 1",
        "relay_open_streams 1",
        "relay_relayed_bytes_total 11",
        // What the client has got is held no more, though its stream goes on.
        "relay_held_bytes 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line} in {metrics}");
    }
    Ok(())
}

#[tokio::test]
async fn what_readers_of_a_kept_stream_have_taken_is_held_no_more() -> io::Result<()> {
    let steps = [stream_head(), chunk("data: 1\n\n"), Step::Gate, chunk("data: 2\n\n"), Step::Hold];
    let provider = Provider::start(vec![steps.to_vec()]).await?;
    let relay = Running::start(provider.address, &[("resume", "on")]).await?;
    let mut first = Client::chat(relay.address).await?;
    first.until("data: 1\n").await;
    let head = first.head();
    let name = head.lines().find_map(|line| line.strip_prefix("x-stream-id: "));
    let path = format!("/v1/streams/{}", name.expect("it is kept"));
    let mut reader = Client::send(relay.address, &bare("GET", &path, "")).await?;
    reader.until("data: 1\n").await;
    drop(first);
    provider.go();
    reader.until("data: 2\n").await;
    let metrics = answer(relay.address, &bare("GET", "/metrics", "")).await?.plain();
    assert!(metrics.lines().any(|line| line == "relay_held_bytes 0"), "{metrics}");
    Ok(())
}

/// The only log line of a relay that was asked once, its times apart.
async fn logged(upstream: SocketAddr) -> io::Result<(Value, Vec<String>)> {
    let (log, _guard) = Log::listen();
    let relay = Running::start(upstream, &[("retries", "0")]).await?;
    answer(relay.address, &chat("x-request-id: mine\r\n")).await?;
    stop(relay).await?;
    let mut lines = log.lines();
    assert_eq!(lines.len(), 1, "{}", log.text());
    let mut line = lines.remove(0);
    let client = line.remove("client").expect("a client");
    assert!(client.as_str().is_some_and(|text| text.starts_with("127.0.0.1:")), "{client}");
    let times: Vec<String> = line.keys().filter(|name| name.ends_with("_ms")).cloned().collect();
    for name in &times {
        let time = line.remove(name).expect("it is there");
        assert!(time.is_u64(), "{name}: {time}");
    }
    Ok((serde_json::to_value(line)?, times))
}

#[tokio::test]
async fn a_stream_is_told_in_one_line_with_all_its_figures() -> io::Result<()> {
    let provider = Provider::start(vec![stream()]).await?;
    let (line, times) = logged(provider.address).await?;
    let expected = serde_json::json!({
        "level": "INFO", "target": "relay::stream", "message": "stream", "request_id": "mine",
        "route": "/v1/chat/completions", "upstream": 0, "attempts": 1, "status": 200, "bytes": 23,
        "events": 2, "end": "complete",
    });
    assert_eq!(line, expected);
    assert_eq!(times, ["duration_ms", "first_byte_ms", "longest_gap_ms"]);
    Ok(())
}

#[tokio::test]
async fn a_request_without_an_answer_is_told_in_one_line_too() -> io::Result<()> {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let (line, times) = logged(nobody).await?;
    let expected = serde_json::json!({
        "level": "INFO", "target": "relay::stream", "message": "stream", "request_id": "mine",
        "route": "/v1/chat/completions", "upstream": 0, "attempts": 1, "status": 502, "bytes": 0,
        "events": 0, "end": "unanswered",
    });
    assert_eq!(line, expected);
    assert_eq!(times, ["duration_ms"], "nothing came whose time could be told");
    Ok(())
}

/// The id that a provider gets, the one that a client gets, and the one in the log.
async fn ids(answer_with: &str, headers: &str) -> io::Result<[String; 3]> {
    let (log, _guard) = Log::listen();
    let mut provider = Provider::start(vec![whole("200 OK", answer_with, "ok")]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let client = answer(relay.address, &chat(headers)).await?;
    stop(relay).await?;
    let sent = requested(provider.next().await);
    let of = |head: &str| -> String {
        let names = |line: &&str| line.to_lowercase().starts_with("x-request-id: ");
        let mut all = head.lines().take_while(|line| !line.is_empty()).filter(names);
        let (Some(one), None) = (all.next(), all.next()) else { panic!("not one id: {head}") };
        one["x-request-id: ".len()..].to_owned()
    };
    let logged = log.lines()[0]["request_id"].as_str().expect("it is a text").to_owned();
    Ok([of(&sent), of(&client.text()), logged])
}

#[tokio::test]
async fn a_clients_id_names_its_request_everywhere() -> io::Result<()> {
    assert_eq!(ids("", "x-request-id: Mine-1\r\n").await?, ["Mine-1"; 3]);
    Ok(())
}

#[tokio::test]
async fn an_id_that_could_break_a_log_is_replaced_everywhere() -> io::Result<()> {
    let too_long = format!("x-request-id: {}\r\n", "x".repeat(129));
    let wrong = ["x-request-id: a b\r\n", "x-request-id: a\r\nx-request-id: b\r\n", &too_long, ""];
    for headers in wrong {
        let [sent, got, logged] = ids("", headers).await?;
        assert!(sent.len() == 32 && sent.bytes().all(|b| b.is_ascii_hexdigit()), "{sent}");
        assert_eq!([&got, &logged], [&sent; 2], "{headers}");
    }
    Ok(())
}

#[tokio::test]
async fn a_providers_own_id_reaches_the_client() -> io::Result<()> {
    let [sent, got, logged] = ids("x-request-id: theirs\r\n", "x-request-id: mine\r\n").await?;
    assert_eq!([&*sent, &*got, &*logged], ["mine", "theirs", "mine"]);
    Ok(())
}

#[tokio::test]
async fn an_unknown_route_gets_an_id_too() -> io::Result<()> {
    let provider = Provider::start(vec![stream()]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    for path in ["/nowhere", "/v1/"] {
        let request = bare("GET", path, "x-request-id: mine\r\n");
        let refused = answer(relay.address, &request).await?;
        assert!(refused.head().contains("\r\nx-request-id: mine"), "{path}: {}", refused.head());
        assert_eq!(refused.status(), 404, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn the_context_of_a_trace_passes_unchanged() -> io::Result<()> {
    // W3C Trace Context 3.2 and 3.3; a relay that takes no part in a trace forwards both as they
    // are (4.2), several values of the second in their order.
    let context = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
                   tracestate: rojo=00f067aa0ba902b7,congo=t61rcWkgMzE\r\ntracestate: a=1\r\n";
    let mut provider = Provider::start(vec![stream()]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    answer(relay.address, &chat(context)).await?;
    stop(relay).await?;
    let sent = requested(provider.next().await);
    // Only the order of fields of one name means something (RFC 9110 5.3).
    let traced = |name: &str, head: &str| -> Vec<String> {
        head.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
    };
    for (name, values) in [("traceparent: ", 1), ("tracestate: ", 2)] {
        assert_eq!(traced(name, &sent), traced(name, context), "{sent}");
        assert_eq!(traced(name, &sent).len(), values);
    }
    Ok(())
}

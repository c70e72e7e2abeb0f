//! Budgets, heartbeats and back-pressure on a paused clock, over transports that are no sockets:
//! the relay runs as it does in a simulator, behind a client that is not reqwest's.

#[path = "support/pipes.rs"]
mod pipes;

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use relay::Config;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tower::{service_fn, util::BoxCloneSyncService};

use self::pipes::{Pipes, Upstream};

/// A relay before `upstream`, and one client that has sent its request; `pipe` bytes fit between.
async fn ask(
    upstream: Upstream,
    switches: &[(&str, &str)],
    pipe: usize,
) -> io::Result<DuplexStream> {
    send(upstream, switches, pipe, "{}").await
}

/// The same for a client that has sent so much of a body of two bytes.
async fn send(
    upstream: Upstream,
    switches: &[(&str, &str)],
    pipe: usize,
    body: &str,
) -> io::Result<DuplexStream> {
    let request = "POST /v1/chat/completions HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\
                   content-length: 2\r\n\r\n";
    connect(upstream, switches, pipe, &(request.to_owned() + body)).await
}

/// The same for a client that has sent these bytes.
async fn connect(
    upstream: Upstream,
    switches: &[(&str, &str)],
    pipe: usize,
    bytes: &str,
) -> io::Result<DuplexStream> {
    let mut config = Config::new("http://provider/v1".parse().expect("a URL"));
    config.date_header = false;
    for (name, value) in switches {
        config.set(name, value).expect("a switch and its value");
    }
    let (pipe_in, pipes) = Pipes::new();
    tokio::spawn(async move {
        let served = relay::serve(pipes, upstream, config, std::future::pending()).await;
        served.expect("a sound configuration");
    });
    let (mut client, server) = duplex(pipe);
    pipe_in.send(server).expect("the relay runs");
    client.write_all(bytes.as_bytes()).await?;
    // The listener lives as long as the run.
    std::mem::forget(pipe_in);
    Ok(client)
}

/// All that the client gets, and when the last of it came.
async fn read_all(mut client: DuplexStream) -> io::Result<(String, Duration)> {
    let begun = Instant::now();
    let mut text = String::new();
    timeout(Duration::from_hours(24), client.read_to_string(&mut text)).await??;
    Ok((text, begun.elapsed()))
}

/// A provider that answers each request with a stream of events made by `body`.
fn streams<S>(body: impl Fn() -> S + Clone + Send + Sync + 'static) -> Upstream
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    BoxCloneSyncService::new(service_fn(move |_| {
        let body = reqwest::Body::wrap_stream(body());
        async move {
            let head = http::Response::builder().header("content-type", "text/event-stream");
            Ok(reqwest::Response::from(head.body(body)?))
        }
    }))
}

/// Events, each after its silence; then silence for ever.
fn events(
    events: &'static [(u64, &'static str)],
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::iter(events)
        .then(|(silence, event)| async move {
            sleep(Duration::from_secs(*silence)).await;
            Ok(Bytes::from_static(event.as_bytes()))
        })
        .chain(stream::pending())
}

/// A client that is refused for a body that is too large, of which it has sent two bytes, and has read why.
async fn refused() -> io::Result<DuplexStream> {
    let upstream = streams(stream::empty);
    let mut client = send(upstream, &[("max_request", "1B")], 1 << 16, "{}").await?;
    let mut text = String::new();
    client.read_to_string(&mut text).await?;
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    Ok(client)
}

#[tokio::test(start_paused = true)]
async fn who_sends_on_after_a_refusal_is_heard_for_half_a_second_and_no_longer() -> io::Result<()> {
    let mut slow = refused().await?;
    let begun = Instant::now();
    while slow.write_all(b"x").await.is_ok() {
        sleep(Duration::from_millis(100)).await;
        assert!(begun.elapsed() < Duration::from_hours(1), "it is heard for ever");
    }
    assert!((500..=600).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());

    let mut fast = refused().await?;
    let begun = Instant::now();
    let bytes = vec![b'x'; 1 << 16];
    let mut sent = 0;
    while sent < 64 << 20 && fast.write_all(&bytes).await.is_ok() {
        sent += bytes.len();
    }
    assert!((15 << 20..17 << 20).contains(&sent), "{sent} bytes were taken");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_last_request_was_read_ends_at_once_whatever_was_refused_before()
-> io::Result<()> {
    let requests = "POST /v1/chat/completions HTTP/1.1\r\nhost: relay\r\ncontent-length: 2\r\n\r\n{}\
                    GET /healthz HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n";
    let upstream = streams(stream::empty);
    let mut client = connect(upstream, &[("keys", "k1")], 1 << 16, requests).await?;
    let mut text = String::new();
    client.read_to_string(&mut text).await?;
    assert!(text.starts_with("HTTP/1.1 401 ") && text.ends_with("ok\n"), "{text}");
    let begun = Instant::now();
    while client.write_all(b"x").await.is_ok() {
        sleep(Duration::from_millis(1)).await;
        assert!(begun.elapsed() < Duration::from_millis(100), "it is waited for");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_silence_mid_stream_ends_at_the_idle_budget_and_not_before() -> io::Result<()> {
    let upstream = streams(|| events(&[(119, "data: 1\n\n"), (119, "data: 2\n\n")]));
    let (text, took) = read_all(ask(upstream, &[], 1 << 16).await?).await?;
    assert!(text.contains("\"code\":\"upstream_idle_timeout\"") && !text.ends_with("0\r\n\r\n"));
    assert_eq!(took.as_secs(), 119 + 119 + 120);
    assert!(!text.contains("date: "), "the wall clock stays out: {text}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_first_byte_has_a_budget_of_its_own_after_the_head() -> io::Result<()> {
    let upstream = streams(|| events(&[(200, "data: 1\n\n"), (0, "data: [DONE]\n\n")]));
    let (text, _) = read_all(ask(upstream, &[("idle", "90s")], 1 << 16).await?).await?;
    assert!(text.contains("data: [DONE]"), "idle does not govern the first byte: {text}");

    let (text, took) = read_all(ask(streams(|| events(&[])), &[], 1 << 16).await?).await?;
    assert!(text.contains("\"code\":\"upstream_first_byte_timeout\""), "{text}");
    assert_eq!(took.as_secs(), 300);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_healthy_stream_of_any_length_lives() -> io::Result<()> {
    let upstream = streams(|| {
        stream::iter(0..360)
            .then(|_| async {
                sleep(Duration::from_secs(100)).await;
                Ok(Bytes::from_static(b"data: 1\n\n"))
            })
            .chain(stream::iter([Ok(Bytes::from_static(b"data: [DONE]\n\n"))]))
    });
    let (text, took) = read_all(ask(upstream, &[], 1 << 16).await?).await?;
    assert!(text.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{}", &text[text.len() - 99..]);
    assert_eq!(took, Duration::from_hours(10));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn heartbeats_fill_silences_between_events_only() -> io::Result<()> {
    let upstream = streams(|| {
        events(&[(20, "data: 1\n\n"), (50, "data: "), (50, "2\n\n"), (14, "data: [DONE]\n\n")])
    });
    let switches = [("heartbeat", "15s"), ("idle", "60s")];
    let (text, _) = read_all(ask(upstream, &switches, 1 << 16).await?).await?;
    let body: Vec<&str> =
        text.split("\r\n").filter(|part| part.ends_with('\n') || *part == "data: ").collect();
    let beat = ": heartbeat\n\n";
    assert_eq!(
        body,
        [beat, "data: 1\n\n", beat, beat, beat, "data: ", "2\n\n", "data: [DONE]\n\n"],
        "one at 15 s, three in 50 s, none inside the event, none after the end"
    );
    Ok(())
}

/// hyper-util's client over connections that `connect` makes, as a simulator builds it.
fn legacy<F>(connect: impl Fn() -> F + Clone + Send + Sync + 'static) -> Upstream
where
    F: Future<Output = io::Result<TokioIo<Pipe>>> + Send + 'static,
{
    let connector = service_fn(move |_: http::Uri| Box::pin(connect()));
    let client: hyper_util::client::legacy::Client<_, reqwest::Body> =
        hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .build(connector);
    BoxCloneSyncService::new(service_fn(move |request: reqwest::Request| {
        let client = client.clone();
        async move {
            let response = client.request(http::Request::try_from(request)?).await?;
            Ok(reqwest::Response::from(response.map(reqwest::Body::wrap)))
        }
    }))
}

/// A pipe that hyper-util takes for a connection; counts the bytes that were read.
struct Pipe(DuplexStream, Arc<AtomicUsize>);

impl hyper_util::client::legacy::connect::Connection for Pipe {
    fn connected(&self) -> hyper_util::client::legacy::connect::Connected {
        hyper_util::client::legacy::connect::Connected::new()
    }
}

impl tokio::io::AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.0).poll_read(cx, buffer);
        self.1.fetch_add(buffer.filled().len() - before, Ordering::Relaxed);
        read
    }
}

impl tokio::io::AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_cannot_be_reached_in_time_gives_504() -> io::Result<()> {
    let upstream = legacy(std::future::pending);
    let (text, took) = read_all(ask(upstream, &[("retries", "0")], 1 << 16).await?).await?;
    assert!(
        text.starts_with("HTTP/1.1 504 ") && text.contains("upstream_connect_timeout"),
        "{text}"
    );
    assert_eq!(took.as_secs(), 10);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_not_a_slow_connection() -> io::Result<()> {
    let upstream = legacy(|| async {
        let (near, mut far) = duplex(1 << 16);
        tokio::spawn(async move {
            sleep(Duration::from_secs(30)).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            far.write_all(answer).await.expect("the relay waits");
            sleep(Duration::from_secs(1)).await;
        });
        Ok(TokioIo::new(Pipe(near, Arc::default())))
    });
    let (text, took) = read_all(ask(upstream, &[], 1 << 16).await?).await?;
    assert!(text.ends_with("\r\n\r\nok"), "{text}");
    assert_eq!(took.as_secs(), 30, "past the budget to connect, in one attempt");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_head_that_waits_for_content_waits_for_so_many_bytes_only() -> io::Result<()> {
    let upstream = streams(|| {
        let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
        stream::iter(0..2_000).map(move |_| Ok(Bytes::from(role))).chain(stream::pending())
    });
    let mut client = ask(upstream, &[("head", "at_content")], 1 << 20).await?;
    let mut status = [0; 12];
    let read = timeout(Duration::from_secs(1), client.read_exact(&mut status));
    read.await.expect("it holds more than 64 KiB")?;
    assert_eq!(&status, b"HTTP/1.1 200");
    Ok(())
}

/// A provider that sends its answer byte by byte, each after a minute.
fn dribbling(answer: &'static str) -> Upstream {
    legacy(move || async move {
        let (near, mut far) = duplex(1 << 16);
        tokio::spawn(async move {
            for byte in answer.as_bytes() {
                sleep(Duration::from_mins(1)).await;
                if far.write_all(std::slice::from_ref(byte)).await.is_err() {
                    return;
                }
            }
        });
        Ok(TokioIo::new(Pipe(near, Arc::default())))
    })
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_a_byte_a_minute_is_no_answer_in_time() -> io::Result<()> {
    let upstream = dribbling("HTTP/1.1 200 OK\r\n\r\n");
    let (text, took) = read_all(ask(upstream, &[], 1 << 16).await?).await?;
    assert!(text.starts_with("HTTP/1.1 504 "), "{text}");
    assert_eq!(took.as_secs(), 300, "`first_byte`, which begins once");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_a_byte_a_minute_passes_at_that_pace() -> io::Result<()> {
    let upstream = streams(|| {
        stream::iter(b"data: [DONE]\n\n").then(|byte| async move {
            sleep(Duration::from_mins(1)).await;
            Ok(Bytes::from_static(std::slice::from_ref(byte)))
        })
    });
    let (text, took) = read_all(ask(upstream, &[], 1 << 16).await?).await?;
    assert!(text.ends_with("\r\n0\r\n\r\n") && !text.contains("error"), "{text}");
    assert_eq!(took, Duration::from_mins(14));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_tried_again_and_gives_502() -> io::Result<()> {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let upstream = legacy(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err(io::ErrorKind::ConnectionRefused.into()))
    });
    let (text, took) = read_all(ask(upstream, &[], 1 << 16).await?).await?;
    assert!(text.starts_with("HTTP/1.1 502 ") && text.contains("upstream_unreachable"), "{text}");
    assert_eq!(tries.load(Ordering::Relaxed), 3);
    // 0.5 s and 1 s, each less up to a quarter.
    assert!((1_125..=1_500).contains(&took.as_millis()), "{took:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_attempt_waits_as_long_as_the_provider_asks() -> io::Result<()> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let upstream = BoxCloneSyncService::new(service_fn(move |_| {
        tell.send(Instant::now()).expect("the test listens");
        let answer = http::Response::builder().status(429).header("retry-after", "3");
        async move { Ok(reqwest::Response::from(answer.body("")?)) }
    }));
    let (text, _) = read_all(ask(upstream, &[], 1 << 16).await?).await?;
    assert!(text.starts_with("HTTP/1.1 429 ") && text.contains("retry-after: 3"), "{text}");
    let mut attempts = Vec::new();
    while let Ok(at) = told.try_recv() {
        attempts.push(at);
    }
    assert_eq!(attempts.len(), 3);
    for pair in attempts.windows(2) {
        let gap = (pair[1] - pair[0]).as_millis();
        assert!((3_000..=3_760).contains(&gap), "{gap} ms");
    }
    Ok(())
}

/// Tells of its drop.
struct Dropped(Option<tokio::sync::oneshot::Sender<Instant>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            let _ = tell.send(Instant::now());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_client_costs_little_memory_and_is_ended() -> io::Result<()> {
    let taken = Arc::new(AtomicUsize::new(0));
    let (tell, dropped) = tokio::sync::oneshot::channel();
    let dropped_once = Arc::new(std::sync::Mutex::new(Some(Dropped(Some(tell)))));
    let counted = Arc::clone(&taken);
    let upstream = streams(move || {
        let guard = dropped_once.lock().expect("no panic holds it").take();
        let counted = Arc::clone(&counted);
        stream::repeat(Bytes::from_static(&[b'x'; 1_024])).map(move |piece| {
            let _kept = &guard;
            counted.fetch_add(piece.len(), Ordering::Relaxed);
            Ok(piece)
        })
    });
    let begun = Instant::now();
    let client = ask(upstream, &[], 4_096).await?;
    sleep(Duration::from_secs(59)).await;
    let held = taken.load(Ordering::Relaxed) - 4_096;
    assert!(held <= 64 << 10, "{held} bytes held for a client that takes nothing");
    let ended = timeout(Duration::from_secs(9), dropped).await?.map_err(io::Error::other)?;
    assert_eq!((ended - begun).as_secs(), 60);
    drop(client);
    Ok(())
}

/// The bytes that a relay holds for a client that takes none, of a provider that writes pieces of
/// this size as fast as it can.
async fn held_of_a_flood(piece: usize) -> io::Result<usize> {
    const PIPE: usize = 4_096;
    let taken: Arc<AtomicUsize> = Arc::default();
    let counted = Arc::clone(&taken);
    let upstream = legacy(move || {
        let counted = Arc::clone(&counted);
        async move {
            let (near, mut far) = duplex(1 << 20);
            tokio::spawn(async move {
                // An answer before its request is no answer.
                drop(far.read(&mut [0; 1_024]).await);
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
                let mut written = far.write_all(head.as_bytes()).await;
                let piece = vec![b'x'; piece];
                while written.is_ok() {
                    written = far.write_all(&piece).await;
                }
            });
            Ok(TokioIo::new(Pipe(near, counted)))
        }
    });
    let mut client = ask(upstream, &[], PIPE).await?;
    sleep(Duration::from_secs(30)).await;
    let held = taken.load(Ordering::Relaxed) - PIPE;
    let mut status = [0; 12];
    client.read_exact(&mut status).await?;
    assert_eq!(&status, b"HTTP/1.1 200");
    Ok(held)
}

#[tokio::test(start_paused = true)]
async fn what_is_held_for_a_stalled_client_is_bounded_for_pieces_of_any_size() -> io::Result<()> {
    for piece in [100, 1_000, 10_000, 100_000, 1_000_000] {
        let held = held_of_a_flood(piece).await?;
        assert!(held <= 64 << 10, "{held} bytes of pieces of {piece}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_provider_is_let_go_when_the_end_is_known_and_not_when_it_was_read() -> io::Result<()> {
    let (tell, dropped) = tokio::sync::oneshot::channel();
    let dropped_once = Arc::new(std::sync::Mutex::new(Some(Dropped(Some(tell)))));
    let upstream = streams(move || {
        let guard = dropped_once.lock().expect("no panic holds it").take();
        let event = Bytes::from(format!("data: {}\n\n", "x".repeat(12_000)));
        stream::iter([Ok(event)]).chain(stream::pending()).map(move |piece| {
            let _kept = &guard;
            piece
        })
    });
    let begun = Instant::now();
    let switches = [("idle", "30s"), ("stalled_client", "off")];
    let client = ask(upstream, &switches, 4_096).await?;
    let ended = timeout(Duration::from_mins(1), dropped).await?.map_err(io::Error::other)?;
    assert_eq!((ended - begun).as_secs(), 30);
    let (text, _) = read_all(client).await?;
    assert!(text.contains("\"code\":\"upstream_idle_timeout\""), "{}", &text[12_000..]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn time_spent_on_a_slow_client_is_no_silence_of_the_provider() -> io::Result<()> {
    // While the client sleeps, nobody asks the provider for more; once it reads, the provider
    // needs a moment. An idle budget that counts from the last byte would be over.
    let upstream = streams(|| {
        let big = Bytes::from(format!("data: {}\n\n", "x".repeat(100_000)));
        stream::iter([Ok(big.clone()), Ok(big)]).chain(stream::once(async {
            sleep(Duration::from_secs(5)).await;
            Ok(Bytes::from_static(b"data: [DONE]\n\n"))
        }))
    });
    let switches = [("idle", "30s"), ("stalled_client", "off")];
    let client = ask(upstream, &switches, 4_096).await?;
    sleep(Duration::from_mins(10)).await;
    let (text, _) = read_all(client).await?;
    assert!(text.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{}", &text[text.len() - 300..]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_request_body_that_never_comes_whole_gives_408_and_its_slot_back() -> io::Result<()> {
    let upstream = streams(|| events(&[]));
    let client = send(upstream.clone(), &[], 1 << 16, "{").await?;
    let (text, took) = read_all(client).await?;
    assert!(text.starts_with("HTTP/1.1 408 ") && text.contains("request_timeout"), "{text}");
    assert_eq!(took.as_secs(), 30);

    let patient = send(upstream, &[("request_body", "2s")], 1 << 16, "").await?;
    assert_eq!(read_all(patient).await?.1.as_secs(), 2);
    Ok(())
}

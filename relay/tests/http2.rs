//! Clients that speak HTTP/2, through the `h2` crate: whole answers, broken ones that are told
//! apart, and windows that stay shut. On a paused clock, over a pipe.

#[path = "support/pipes.rs"]
mod pipes;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use h2::{Reason, RecvStream, client::SendRequest};
use relay::Config;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, timeout},
};
use tower::{service_fn, util::BoxCloneSyncService};

use self::pipes::{Pipes, Upstream};

/// A relay before `upstream`, a pipe into it, and what stops it.
fn relay(upstream: Upstream, switches: &[(&str, &str)]) -> (DuplexStream, oneshot::Sender<()>) {
    let (relay, pipe) = started(upstream, switches);
    let Relay { connect, stop, .. } = relay;
    // The listener lives as long as the run.
    std::mem::forget(connect);
    (pipe, stop)
}

/// A relay that takes more pipes.
struct Relay {
    connect: mpsc::UnboundedSender<DuplexStream>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Relay {
    fn connected(&self) -> DuplexStream {
        let (client, server) = duplex(1 << 20);
        self.connect.send(server).expect("the relay runs");
        client
    }
}

fn started(upstream: Upstream, switches: &[(&str, &str)]) -> (Relay, DuplexStream) {
    let mut config = Config::new("http://provider/v1".parse().expect("a URL"));
    config.date_header = false;
    for (name, value) in switches {
        config.set(name, value).expect("a switch and its value");
    }
    let (connect, pipes) = Pipes::new();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        relay::serve(pipes, upstream, config, stopped).await.expect("a sound configuration");
    });
    let relay = Relay { connect, stop, task };
    let pipe = relay.connected();
    (relay, pipe)
}

/// A provider that answers by path: `body` makes the stream of events.
fn streams<S>(body: impl Fn(&str) -> S + Clone + Send + Sync + 'static) -> Upstream
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    BoxCloneSyncService::new(service_fn(move |request: reqwest::Request| {
        let body = reqwest::Body::wrap_stream(body(request.url().path()));
        async move {
            let head = http::Response::builder().header("content-type", "text/event-stream");
            Ok(reqwest::Response::from(head.body(body)?))
        }
    }))
}

async fn connected(pipe: DuplexStream, window: u32) -> SendRequest<Bytes> {
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window).initial_connection_window_size(1 << 24);
    let (client, connection) = builder.handshake(pipe).await.expect("a handshake");
    tokio::spawn(connection);
    client
}

async fn ask(client: &SendRequest<Bytes>, path: &str) -> http::Response<RecvStream> {
    let request = http::Request::post(format!("http://relay{path}")).body(()).expect("a request");
    let mut client = client.clone().ready().await.expect("room for a stream");
    let (answer, mut body) = client.send_request(request, false).expect("it is sent");
    body.send_data(Bytes::from_static(b"{}"), true).expect("it is sent");
    answer.await.expect("an answer")
}

/// The body, and how it was broken off.
async fn read(mut body: RecvStream) -> (Vec<u8>, Option<Reason>) {
    let mut bytes = Vec::new();
    while let Some(data) = timeout(Duration::from_hours(24), body.data()).await.expect("an end") {
        match data {
            Ok(data) => {
                bytes.extend(&data);
                body.flow_control().release_capacity(data.len()).expect("it was taken");
            }
            Err(error) => return (bytes, Some(error.reason().expect("a reset"))),
        }
    }
    (bytes, None)
}

const CHAT: &str = "/v1/chat/completions";

#[tokio::test(start_paused = true)]
async fn a_whole_stream_ends_as_one() {
    let upstream = streams(|_| stream::iter([Ok(Bytes::from_static(b"data: [DONE]\n\n"))]));
    let (pipe, _stop) = relay(upstream, &[]);
    let answer = ask(&connected(pipe, 65_535).await, CHAT).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(read(answer.into_body()).await, (b"data: [DONE]\n\n".to_vec(), None));
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_is_reset_after_all_that_was_emitted_has_left() {
    // More than the window and than the relay's buffer, so that the error event queues behind it.
    let event = format!("data: {}\n\n", "x".repeat(300_000));
    let sent = event.clone();
    let upstream = streams(move |_| {
        let event = Bytes::from(sent.clone());
        stream::iter([Ok(event), Err(io::Error::other("cut"))])
    });
    let (pipe, _stop) = relay(upstream, &[]);
    let answer = ask(&connected(pipe, 65_535).await, CHAT).await;
    let (body, reset) = read(answer.into_body()).await;
    let body = String::from_utf8(body).unwrap();
    let whole = body.starts_with(&event);
    assert!(whole, "{} bytes and {reset:?}", body.len());
    let error = &body[event.len()..];
    assert!(error.contains("\"error\":{") && error.ends_with("\n\n"), "{error}");
    assert_eq!(reset, Some(Reason::INTERNAL_ERROR));
}

#[tokio::test(start_paused = true)]
async fn a_window_that_stays_shut_ends_its_stream_and_no_other() {
    let upstream = streams(|path| {
        let event = Bytes::from(format!("data: {}\n\n", "x".repeat(10_000)));
        let pause = if path.contains("chat") { 0 } else { 10 };
        stream::iter(0..20).then(move |_| {
            let event = event.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(pause)).await;
                Ok(event)
            }
        })
    });
    let (pipe, _stop) = relay(upstream, &[("missing_done", "tolerate")]);
    let client = connected(pipe, 65_535).await;
    let begun = Instant::now();
    let mut stalled = ask(&client, CHAT).await.into_body();
    let healthy = ask(&client, "/v1/healthy").await.into_body();
    let healthy = tokio::spawn(read(healthy));
    // Data is taken off the connection, but the window is never given back.
    let mut got = 0;
    let reset = loop {
        match timeout(Duration::from_hours(1), stalled.data()).await.expect("an end") {
            Some(Ok(data)) => got += data.len(),
            Some(Err(error)) => break error.reason(),
            None => panic!("it looks whole"),
        }
    };
    assert_eq!((got, reset), (65_535, Some(Reason::CANCEL)));
    assert_eq!(begun.elapsed().as_secs(), 60, "the budget of `stalled_client`");
    let (body, reset) = healthy.await.unwrap();
    assert_eq!((body.len(), reset), (20 * 10_008, None));
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_says_goaway_and_lets_streams_finish() {
    let upstream = streams(|_| {
        stream::iter(["data: 1\n\n", "data: [DONE]\n\n"]).then(|event| async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(Bytes::from_static(event.as_bytes()))
        })
    });
    let (pipe, stop) = relay(upstream, &[]);
    let client = connected(pipe, 65_535).await;
    let answer = ask(&client, CHAT).await;
    drop(stop);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(client.clone().ready().await.is_err(), "nothing new");
    let (body, reset) = read(answer.into_body()).await;
    assert_eq!(
        (String::from_utf8(body).unwrap().as_str(), reset),
        ("data: 1\n\ndata: [DONE]\n\n", None)
    );
}

#[tokio::test(start_paused = true)]
async fn of_a_body_that_does_not_come_no_length_is_made_up() {
    let upstream = BoxCloneSyncService::new(service_fn(|request: reqwest::Request| async move {
        let status = match request.url().path() {
            "/v1/204" => 204,
            "/v1/304" => 304,
            _ => 200,
        };
        let mut head = http::Response::builder().status(status);
        if request.url().path() == "/v1/told" {
            head = head.header("content-length", 42);
        }
        Ok(reqwest::Response::from(head.body(reqwest::Body::from(""))?))
    }));
    let (pipe, _stop) = relay(upstream, &[]);
    let client = connected(pipe, 65_535).await;
    for (method, path, length) in [
        ("HEAD", "/v1/untold", None),
        ("HEAD", "/v1/told", Some("42")),
        ("GET", "/v1/204", None),
        ("GET", "/v1/304", None),
    ] {
        let request = http::Request::builder().method(method).uri(format!("http://relay{path}"));
        let mut client = client.clone().ready().await.expect("room for a stream");
        let request = request.body(()).expect("a request");
        let (answer, _) = client.send_request(request, true).expect("it is sent");
        let answer = answer.await.expect("an answer");
        let told = answer.headers().get("content-length").map(|length| length.to_str().unwrap());
        assert_eq!(told, length, "{method} {path}: {}", answer.status());
        assert_eq!(read(answer.into_body()).await, (Vec::new(), None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_stream_that_is_over_tells_no_length_of_what_follows() {
    let upstream = streams(|_| stream::iter([Ok(Bytes::from_static(b"data: [DONE]\n\n"))]));
    let (pipe, _stop) = relay(upstream, &[("resume", "on")]);
    let client = connected(pipe, 65_535).await;
    let answer = ask(&client, CHAT).await;
    let name = answer.headers()["x-stream-id"].to_str().expect("a name").to_owned();
    let (body, _) = read(answer.into_body()).await;
    let body = String::from_utf8(body).expect("text");
    let last = body.lines().rev().find_map(|line| line.strip_prefix("id: ")).expect("an id");
    let request = http::Request::get(format!("http://relay/v1/streams/{name}"));
    let request = request.header("last-event-id", last).body(()).expect("a request");
    let mut client = client.ready().await.expect("room for a stream");
    let (answer, _) = client.send_request(request, true).expect("it is sent");
    let answer = answer.await.expect("an answer");
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers().get("content-length"), None);
}

/// An answer that ends while its last 6,000 bytes wait for a window of 65,535.
fn tailed() -> Upstream {
    streams(|_| stream::iter([55_535, 16_000]).map(|length| Ok(Bytes::from(vec![b'x'; length]))))
}

/// What a reader gets that pauses for so long, or for ever, before it gives its window back, and for how
/// long its connection lasts after the question; the relay is told to stop after a second, or not.
async fn pauses(seconds: Option<u64>, stops: bool) -> (Option<(usize, Option<Reason>)>, u64) {
    let (relay, pipe) = started(tailed(), &[("missing_done", "tolerate"), ("drain", "50s")]);
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(65_535).initial_connection_window_size(1 << 24);
    let (client, connection) = builder.handshake(pipe).await.expect("a handshake");
    let connection = tokio::spawn(connection);
    let begun = Instant::now();
    let answer = ask(&client, CHAT).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let Relay { connect, stop, task } = relay;
    // Dropped, it tells to stop.
    let stop = (!stops).then_some(stop);
    let mut got = None;
    let mut kept = Some(answer);
    if let (Some(seconds), Some(answer)) = (seconds, kept.take_if(|_| seconds.is_some())) {
        tokio::time::sleep(Duration::from_secs(seconds - 1)).await;
        let (body, reset) = read(answer.into_body()).await;
        got = Some((body.len(), reset));
    }
    let closed = timeout(Duration::from_hours(1), connection).await.expect("the relay closes");
    drop((closed.expect("it does not panic"), kept));
    let lasted = begun.elapsed().as_secs();
    drop((connect, stop));
    task.await.expect("it does not panic");
    (got, lasted)
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_finished_answer_waits_for_its_window() {
    // Its connection may be unused for 30 s, and has the budget of a stalled client then.
    let whole = Some((71_535, None));
    assert_eq!(pauses(Some(40), false).await, (whole, 40));
    assert_eq!(pauses(Some(89), false).await, (whole, 89));
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_lets_the_rest_of_a_finished_answer_leave() {
    assert_eq!(pauses(Some(40), true).await, (Some((71_535, None)), 40));
}

#[tokio::test(start_paused = true)]
async fn who_never_takes_the_rest_of_a_finished_answer_holds_neither_place_nor_drain() {
    assert_eq!(pauses(None, false).await, (None, 90));
    assert_eq!(pauses(None, true).await, (None, 51));
}

/// Sends bytes, and reads until the relay closes.
async fn silent(sent: &[u8]) -> Duration {
    let upstream = streams(|_| stream::empty());
    let (mut pipe, _stop) = relay(upstream, &[("request_head", "7s")]);
    let begun = Instant::now();
    pipe.write_all(sent).await.expect("it is sent");
    let mut rest = Vec::new();
    timeout(Duration::from_hours(1), pipe.read_to_end(&mut rest))
        .await
        .expect("an end")
        .expect("a clean end");
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_asks_nothing_ends_by_the_heads_budget() {
    let settings =
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    for begin in
        [b"".as_slice(), b"P", b"PRI * HT", b"GET / HTTP/1.1\r\nx", &settings[..24], &settings]
    {
        assert_eq!(
            silent(begin).await,
            Duration::from_secs(7),
            "{:?}",
            String::from_utf8_lossy(begin)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_ends_what_is_left_at_the_end_of_the_drain_and_exits() {
    let upstream = streams(|_| {
        stream::iter([Ok(Bytes::from_static(b"data: 1\n\n"))]).chain(stream::pending())
    });
    let (relay, pipe) = started(upstream, &[("drain", "7s")]);
    let answer = ask(&connected(pipe, 65_535).await, CHAT).await;
    let mut idle = relay.connected();
    idle.write_all(SETTINGS_OF_A_CLIENT).await.expect("it is sent");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    drop(relay.stop);
    assert_eq!(goaway(idle).await, NO_ERROR, "nothing is lost with it");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let (body, reset) = read(answer.into_body()).await;
    assert!(String::from_utf8_lossy(&body).contains("\"code\":\"relay_shutdown\""));
    assert_eq!(reset, Some(Reason::INTERNAL_ERROR));
    relay.task.await.expect("it does not panic");
    assert_eq!(begun.elapsed().as_secs(), 7, "the drain's budget");
}

/// The preface and empty settings (RFC 9113 3.4).
const SETTINGS_OF_A_CLIENT: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Kinds of frames, flags and errors of RFC 9113 6 and 7.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const NO_ERROR: u32 = 0;
const ENHANCE_YOUR_CALM: u32 = 11;

/// `POST http://r/v1/x` (RFC 7541: entries 3 and 6 of the static table, then names 4 and 1).
const REQUEST: &[u8] = b"\x83\x86\x04\x05/v1/x\x01\x01r";

/// A frame as RFC 9113 4.1 writes it.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Reads until the relay closes; tells the error of its last `GOAWAY`.
async fn goaway(mut pipe: impl AsyncRead + Unpin) -> u32 {
    let mut bytes = Vec::new();
    let read = timeout(Duration::from_hours(1), pipe.read_to_end(&mut bytes));
    read.await.expect("it closes").expect("a pipe");
    let mut rest = &bytes[..];
    let mut code = None;
    while !rest.is_empty() {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        let (frame, others) = rest.split_at(9 + length);
        if frame[3] == GOAWAY {
            code = Some(u32::from_be_bytes(frame[13..17].try_into().expect("four bytes")));
        }
        rest = others;
    }
    code.expect("it says why")
}

/// Lets a client send frames that `make` makes of odd numbers, until the relay takes no more; tells
/// the error with which that ends, how often the provider was asked for it, and how many frames
/// were taken. Another client's stream is whole meanwhile.
async fn flood(make: fn(u32) -> Vec<u8>) -> (u32, usize, u32) {
    let asked: Arc<AtomicUsize> = Arc::default();
    let counted = Arc::clone(&asked);
    let upstream = streams(move |path| {
        counted.fetch_add(usize::from(path.ends_with("/x")), Ordering::Relaxed);
        stream::iter(0..20).then(|_| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Bytes::from_static(b"data: 1\n\n"))
        })
    });
    let (relay, mut pipe) = started(upstream, &[("missing_done", "tolerate")]);
    let other = ask(&connected(relay.connected(), 65_535).await, CHAT).await;
    let other = tokio::spawn(read(other.into_body()));
    pipe.write_all(SETTINGS_OF_A_CLIENT).await.expect("it is sent");
    let (reader, mut writer) = tokio::io::split(pipe);
    let writing = tokio::spawn(async move {
        for number in 0..MANY {
            if writer.write_all(&make(2 * number + 1)).await.is_err() {
                return number;
            }
        }
        MANY
    });
    let code = goaway(reader).await;
    let taken = writing.await.expect("it does not panic");
    let (body, reset) = other.await.expect("it does not panic");
    assert_eq!((body.len(), reset), (20 * 9, None), "the other stream is whole");
    (code, asked.load(Ordering::Relaxed), taken)
}

/// So many frames that whoever takes them all has no bound.
const MANY: u32 = 200_000;

#[tokio::test(start_paused = true)]
async fn streams_that_are_reset_as_fast_as_they_are_opened_end_the_connection() {
    // CVE-2023-44487: each costs the client nothing, and the provider a request.
    let (code, asked, _) = flood(|stream| {
        let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        [frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST), reset].concat()
    })
    .await;
    assert_eq!(code, ENHANCE_YOUR_CALM);
    assert!(asked <= 100, "the provider was asked {asked} times");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_ends_the_connection() {
    // CVE-2024-27316: frames that carry no more than a field each, and never END_HEADERS.
    let (code, asked, taken) = flood(|stream| {
        if stream == 1 {
            return frame(HEADERS, END_STREAM, 1, REQUEST);
        }
        frame(CONTINUATION, 0, 1, b"\x00\x01x\x01y")
    })
    .await;
    assert_eq!((code, asked), (ENHANCE_YOUR_CALM, 0));
    assert!(taken < MANY, "it takes every frame");
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_answers_and_reads_none_is_given_up() {
    for make in [
        |number: u32| frame(PING, 0, 0, &u64::from(number).to_be_bytes()),
        |_| frame(SETTINGS, 0, 0, &[]),
    ] {
        let upstream = streams(|_| stream::empty());
        let (mut pipe, _stop) = relay(upstream, &[("stalled_client", "9s")]);
        pipe.write_all(SETTINGS_OF_A_CLIENT).await.expect("it is sent");
        let begun = Instant::now();
        let mut taken = 0;
        for number in 0.. {
            let frame = make(number);
            if pipe.write_all(&frame).await.is_err() {
                break;
            }
            taken += frame.len();
            // A pipe full of frames, another one full of answers, and what a connection buffers.
            assert!(taken <= 3 << 20, "what it owes has no bound");
        }
        assert_eq!(begun.elapsed().as_secs(), 9, "the budget of `stalled_client`");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_fields_that_is_too_long_gets_431_and_spoils_nothing() {
    let upstream = streams(|_| stream::iter([Ok(Bytes::from_static(b"data: [DONE]\n\n"))]));
    let (pipe, _stop) = relay(upstream, &[]);
    let mut client = connected(pipe, 65_535).await;
    let long = http::Request::get("http://relay/v1/x").header("x", "y".repeat(40_000)).body(());
    let (answer, _) = client.send_request(long.expect("a request"), true).expect("it is sent");
    assert_eq!(answer.await.expect("an answer").status(), 431);
    let (body, reset) = read(ask(&client, CHAT).await.into_body()).await;
    assert_eq!((body.as_slice(), reset), (&b"data: [DONE]\n\n"[..], None));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_of_streams_whose_windows_stay_shut_is_bounded() {
    const STREAMS: usize = 50;
    const PIECE: usize = 1_024;
    let taken: Arc<AtomicUsize> = Arc::default();
    let counted = Arc::clone(&taken);
    let upstream = streams(move |_| {
        let counted = Arc::clone(&counted);
        stream::repeat(Bytes::from_static(&[b'x'; PIECE])).map(move |piece| {
            counted.fetch_add(piece.len(), Ordering::Relaxed);
            Ok(piece)
        })
    });
    let (pipe, _stop) = relay(upstream, &[("max_streams_per_address", "off")]);
    let client = connected(pipe, 0).await;
    let mut answers = Vec::new();
    for _ in 0..STREAMS {
        answers.push(ask(&client, CHAT).await);
    }
    tokio::time::sleep(Duration::from_secs(59)).await;
    // One piece waits for room, and what gave it is asked no further.
    assert_eq!(taken.load(Ordering::Relaxed), STREAMS * PIECE);
}

#[tokio::test(start_paused = true)]
async fn a_reset_lets_the_provider_go_at_once_before_the_head_and_after_it() {
    for with_head in [false, true] {
        let (place, mut gone) = mpsc::unbounded_channel::<()>();
        let upstream = BoxCloneSyncService::new(service_fn(move |_| {
            let place = place.clone();
            async move {
                if !with_head {
                    let _kept = place;
                    return std::future::pending().await;
                }
                let body = stream::pending::<io::Result<Bytes>>().map(move |bytes| {
                    let _kept = &place;
                    bytes
                });
                let head = http::Response::builder().header("content-type", "text/event-stream");
                Ok(reqwest::Response::from(head.body(reqwest::Body::wrap_stream(body))?))
            }
        }));
        let (pipe, _stop) = relay(upstream, &[]);
        let mut client = connected(pipe, 65_535).await;
        let request = http::Request::get("http://relay/v1/x").body(()).expect("a request");
        let (mut answer, sending) = client.send_request(request, true).expect("it is sent");
        let head = timeout(Duration::from_secs(1), &mut answer).await;
        assert_eq!(head.is_ok(), with_head);
        let begun = Instant::now();
        // The client's library says RST_STREAM once nobody holds the stream.
        drop((head, answer, sending));
        // The service holds one, too; it is asked no more.
        assert!(gone.try_recv().is_err());
        let left = async {
            while gone.sender_strong_count() > 1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_hours(1), left).await.expect("the provider is let go");
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_request_gets_its_windows_back() {
    const LENGTH: usize = 4 << 20;
    let upstream = BoxCloneSyncService::new(service_fn(|request: reqwest::Request| async move {
        let length = request.body().and_then(reqwest::Body::as_bytes).map_or(0, <[u8]>::len);
        Ok(reqwest::Response::from(http::Response::new(length.to_string())))
    }));
    let (pipe, _stop) = relay(upstream, &[]);
    let mut client = connected(pipe, 65_535).await;
    let request = http::Request::post("http://relay/v1/files").body(()).expect("a request");
    let (answer, mut body) = client.send_request(request, false).expect("it is sent");
    body.send_data(Bytes::from(vec![b'x'; LENGTH]), true).expect("it is queued");
    let answer = timeout(Duration::from_mins(1), answer).await.expect("a window");
    let (text, _) = read(answer.expect("an answer").into_body()).await;
    assert_eq!(String::from_utf8_lossy(&text), LENGTH.to_string());
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_so_many_streams_as_the_standard_recommends() {
    let upstream = streams(|_| stream::iter([Ok(Bytes::from_static(b"data: [DONE]\n\n"))]));
    let (pipe, _stop) = relay(upstream, &[]);
    let client = connected(pipe, 65_535).await;
    read(ask(&client, CHAT).await.into_body()).await;
    // RFC 9113 6.5.2: no smaller than 100, so as not to limit parallelism.
    assert_eq!(client.current_max_send_streams(), 100);
}

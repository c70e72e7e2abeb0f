//! Clients that speak HTTP/2, through the `h2` crate: whole answers, broken ones that are told
//! apart, and windows that stay shut. On a paused clock, over a pipe.

#[path = "support/pipes.rs"]
mod pipes;

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use h2::{Reason, RecvStream, client::SendRequest};
use relay::Config;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};
use tower::{service_fn, util::BoxCloneSyncService};

use self::pipes::{Pipes, Upstream};

/// A relay before `upstream`, a pipe into it, and what stops it.
fn relay(upstream: Upstream, switches: &[(&str, &str)]) -> (DuplexStream, oneshot::Sender<()>) {
    let mut config = Config::new("http://provider/v1".parse().expect("a URL"));
    config.date_header = false;
    for (name, value) in switches {
        config.set(name, value).expect("a switch and its value");
    }
    let (connect, pipes) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        relay::serve(Pipes(pipes), upstream, config, stopped).await.expect("a sound configuration");
    });
    let (client, server) = duplex(1 << 20);
    connect.send(server).expect("the relay runs");
    // The listener lives as long as the run.
    std::mem::forget(connect);
    (client, stop)
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

//! A relay of axum and hyper between two hosts, as the harness runs them all.

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, extract::State, response::Response, routing::get};
use bytes::Bytes;
use futures_util::StreamExt as _;
use harness::{
    net::{self, Actor, Stream, Upstream},
    plan::Plan,
    scenario::ProviderHttp,
    trace::Trace,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::ServiceExt as _;

use crate::support::{accept, actor, latency, ms, name, path, run};

async fn serve(stream: Stream, router: Router) {
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    drop(served);
}

fn serving(host: &str, router: impl Fn(&net::Host) -> Router + Send + Sync + 'static) -> Actor {
    actor(host, move |host| {
        let router = router(&host);
        async move {
            let mut listener = host.listen().unwrap();
            loop {
                tokio::spawn(serve(accept(&mut listener).await, router.clone()));
            }
        }
    })
}

/// Streams so many frames, one every so often.
fn provider(frames: u64, every: Duration) -> Router {
    Router::new().route(
        "/",
        get(move || async move {
            let frames = futures_util::stream::iter(0..frames).then(move |frame| async move {
                sleep(every).await;
                Ok::<_, Infallible>(Bytes::from(format!("data: frame {frame}\n\n")))
            });
            Response::new(Body::from_stream(frames))
        }),
    )
}

async fn pass_on(State(upstream): State<Upstream>) -> Response {
    let request = reqwest::Request::new(reqwest::Method::GET, "http://any/".parse().unwrap());
    let answer = upstream.oneshot(request).await.unwrap();
    Response::new(Body::from_stream(answer.bytes_stream()))
}

fn relay(host: &net::Host) -> Router {
    let upstream = net::upstream(host, name("upstream"), ProviderHttp::H1);
    Router::new().route("/", get(pass_on)).with_state(upstream)
}

fn plan() -> Plan {
    path(&["client"], &["relay"], latency(5))
}

/// What each of so many clients received, and when each frame came.
fn streamed(clients: usize, frames: u64, every: Duration) -> (Vec<Vec<(Duration, Bytes)>>, Trace) {
    let actors =
        vec![serving("upstream", move |_| provider(frames, every)), serving("relay", relay)];
    run(&plan(), actors, move |host| async move {
        let relay = net::upstream(&host, name("relay"), ProviderHttp::H1);
        let mut reading = JoinSet::new();
        for _ in 0..clients {
            let relay = relay.clone();
            reading.spawn(async move {
                let start = Instant::now();
                let url = "http://any/".parse().unwrap();
                let request = reqwest::Request::new(reqwest::Method::GET, url);
                let mut body = relay.oneshot(request).await.unwrap().bytes_stream();
                let mut received = Vec::new();
                while let Some(frame) = body.next().await {
                    received.push((start.elapsed(), frame.unwrap()));
                }
                received
            });
        }
        reading.join_all().await
    })
}

fn as_sent(frames: u64, every: Duration) -> Vec<(Duration, Bytes)> {
    let frame = |number| {
        // Each connect takes a round trip of 10 ms, the request 5 ms over each link, the answer
        // as much: 40 ms; the frames leave one every so often.
        let at = ms(40) + every * (u32::try_from(number).unwrap() + 1);
        (at, Bytes::from(format!("data: frame {number}\n\n")))
    };
    (0..frames).map(frame).collect()
}

#[test]
fn a_relayed_stream_arrives_frame_by_frame_at_the_times_that_the_links_allow() {
    let (received, trace) = streamed(1, 50, ms(20));
    assert_eq!(received, [as_sent(50, ms(20))]);
    assert!(trace == streamed(1, 50, ms(20)).1);
}

#[test]
fn fifty_clients_at_once_receive_the_same() {
    let (received, _) = streamed(50, 20, ms(20));
    assert_eq!(received, vec![as_sent(20, ms(20)); 50]);
}

#[test]
fn five_minutes_of_a_frame_a_second_are_relayed_whole() {
    let every = Duration::from_secs(1);
    let (received, _) = streamed(1, 300, every);
    assert_eq!(received, [as_sent(300, every)]);
}

/// Wall time of optimised code alone says anything.
#[cfg(not(debug_assertions))]
#[test]
fn a_run_costs_little_wall_time() {
    /// The least of several, since other work may disturb any one of them.
    fn least(runs: u32, mut run: impl FnMut()) -> Duration {
        #[expect(clippy::disallowed_methods, reason = "what it costs is wall time")]
        let timed = |_| {
            let start = std::time::Instant::now();
            run();
            start.elapsed()
        };
        (0..runs).map(timed).min().unwrap()
    }
    let second = least(100, || drop(streamed(1, 50, ms(20))));
    let minutes = least(10, || drop(streamed(1, 300, Duration::from_secs(1))));
    println!("1 s of 50 frames: {second:?}; 300 s of 300 frames: {minutes:?}");
    for clients in [1, 10, 100, 1_000] {
        let frames = 200;
        let took = least(2, || drop(streamed(clients, frames, ms(20))));
        let each = took / u32::try_from(clients).unwrap() / u32::try_from(frames).unwrap();
        println!("{clients} clients: {took:?}, {each:?} a frame");
    }
    assert!(second < ms(5), "{second:?}");
    assert!(minutes < ms(30), "{minutes:?}");
}

//! Clients of HTTP/2 against servers on the `h2` crate, in virtual time.

use std::{future::poll_fn, time::Duration};

use bytes::Bytes;
use h2::{Reason, SendStream, server};
use http::{HeaderMap, HeaderName, HeaderValue};
use mock_openai::quantity::{Rate, Size, Time};
use rstest::rstest;
use tokio::{task::JoinHandle, time::Instant};

use super::{
    play,
    session::Shared,
    testing::{Pipes, client_facts},
    tests::{millis, reader, story},
};
use crate::{
    net::Stream,
    plan::Client,
    scenario::{ClientWait, Does, Http, Leave, ReadPoint, Reads},
    trace::{BodyEnd, Recorder},
};

/// How a server ends what it began.
#[derive(Debug, Clone, Copy)]
enum Ends {
    Well,
    /// With trailers.
    Trails,
    Resets(Reason),
    Closes,
    /// It waits for the client, and then for the end of the connection.
    Watches,
}

/// What a server saw of its client: a reset with its code, and the end of the connection.
#[derive(Debug, Default, PartialEq, Eq)]
struct Saw {
    reset: Option<(u64, Reason)>,
    closed: u64,
}

/// An answer that is kept open, and when and why its client gave it up.
type Answered = (SendStream<Bytes>, Option<(u64, Reason)>);

fn on_http2() -> Client {
    Client { http: Http::H2, ..reader() }
}

/// Answers one request with two frames of an event stream, 20 ms apart.
async fn serve(stream: Stream, ends: Ends) -> Saw {
    let began = Instant::now();
    let since = move || u64::try_from(began.elapsed().as_millis()).unwrap();
    let mut connection = server::handshake(stream).await.unwrap();
    let (request, mut respond) = connection.accept().await.unwrap().unwrap();
    assert_eq!(request.uri().to_string(), "http://relay/v1/chat/completions");
    assert_eq!(request.headers()["content-type"], "application/json");
    let mut asks = request.into_body();
    let head = http::Response::builder().header("content-type", "text/event-stream");
    let mut body = respond.send_response(head.body(()).unwrap(), false).unwrap();
    let answering: JoinHandle<Answered> = tokio::spawn(async move {
        assert_eq!(asks.data().await.unwrap().unwrap(), "{}");
        for frame in ["data: 1\n\n", "data: 2\n\n"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
            // A stream that its client has given up takes nothing more.
            let sent = body.send_data(Bytes::from_static(frame.as_bytes()), false);
            assert!(sent.is_ok() || matches!(ends, Ends::Watches));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut reset = None;
        match ends {
            Ends::Well => body.send_data(Bytes::new(), true).unwrap(),
            Ends::Trails => {
                let usage = (HeaderName::from_static("x-usage"), HeaderValue::from_static("7"));
                body.send_trailers(HeaderMap::from_iter([usage])).unwrap();
            }
            Ends::Resets(reason) => body.send_reset(reason),
            Ends::Watches => {
                let reason = poll_fn(|cx| body.poll_reset(cx)).await;
                reset = reason.ok().map(|reason| (since(), reason));
            }
            Ends::Closes => {}
        }
        (body, reset)
    });
    let mut cut = std::pin::pin!(tokio::time::sleep(Duration::from_millis(70)));
    let breaks = matches!(ends, Ends::Closes);
    loop {
        tokio::select! {
            biased;
            () = &mut cut, if breaks => break,
            more = connection.accept() => if more.is_none() { break },
        }
    }
    let closed = since();
    let (_body, reset) = answering.await.unwrap();
    Saw { reset, closed }
}

/// Plays a client; what it did and saw, and what its server saw.
async fn run(client: Client, ends: Ends) -> (Vec<String>, Saw) {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(16 * 1024);
    let mut listener = pipes.host("relay", &recorder).listen().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = mock_openai::wire::Accept::accept(&mut listener).await.unwrap();
        serve(stream, ends).await
    });
    let host = pipes.host("reader", &recorder);
    tokio::spawn(play(client, "relay".into(), host, 7, Shared::default())).await.unwrap();
    (story(&client_facts(&recorder)), serving.await.unwrap())
}

#[rstest]
#[case::well(Ends::Well, BodyEnd::Complete)]
#[case::reset(Ends::Resets(Reason::INTERNAL_ERROR), BodyEnd::StreamReset(2))]
#[case::reset_without_an_error(Ends::Resets(Reason::NO_ERROR), BodyEnd::StreamReset(0))]
#[tokio::test(start_paused = true)]
async fn a_reader_sees_each_piece_at_its_time_and_how_its_stream_ended(
    #[case] ends: Ends,
    #[case] how: BodyEnd,
) {
    let (told, _) = run(on_http2(), ends).await;
    let expected = [
        "0 sent 0 POST /v1/chat/completions".to_owned(),
        "0 head 0 200".to_owned(),
        "20 body data: 1\\n\\n".to_owned(),
        "40 body data: 2\\n\\n".to_owned(),
        format!("60 ended {how:?}"),
        "60 done".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn trailers_are_seen_apart_from_the_body() {
    let (story, _) = run(on_http2(), Ends::Trails).await;
    assert_eq!(story[4..], ["60 trailers [(\"x-usage\", \"7\")]", "60 ended Complete", "60 done"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_takes_its_stream_along() {
    let (told, _) = run(on_http2(), Ends::Closes).await;
    assert_eq!(told[4], "70 ended Truncated");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_a_goaway_leaves_out_is_told_why() {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(16 * 1024);
    let mut listener = pipes.host("relay", &recorder).listen().unwrap();
    tokio::spawn(async move {
        let (stream, _) = mock_openai::wire::Accept::accept(&mut listener).await.unwrap();
        let mut connection = server::handshake(stream).await.unwrap();
        connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        poll_fn(|cx| connection.poll_closed(cx)).await.unwrap_or_default();
    });
    let host = pipes.host("reader", &recorder);
    tokio::spawn(play(on_http2(), "relay".into(), host, 7, Shared::default())).await.unwrap();
    let told = story(&client_facts(&recorder));
    // ENHANCE_YOUR_CALM of RFC 9113 7.
    assert_eq!(told[1..], ["0 ended TurnedAway(11)", "0 done"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_can_be_given_up_and_its_connection_kept() {
    let does = vec![
        Does::Read(ReadPoint::Frames(1)),
        Does::Leave(Leave::StreamReset),
        Does::Wait(ClientWait::For(millis(500))),
    ];
    let (told, saw) = run(Client { does, ..on_http2() }, Ends::Watches).await;
    assert_eq!(told[3..], ["20 left StreamReset", "520 done"]);
    // The server looks at 60 ms at the earliest.
    assert_eq!(saw, Saw { reset: Some((60, Reason::CANCEL)), closed: 520 });
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_keeps_its_rate() {
    let reads = Reads::Rate(Rate(90));
    let slow = Client { reads, recv_buffer: Some(Size(9)), ..on_http2() };
    let (told, _) = run(slow, Ends::Well).await;
    // Nine bytes at once, and the next nine a tenth of a second later, less the clock's tick.
    let bodies: Vec<_> = told.iter().filter(|line| line.contains(" body ")).collect();
    assert_eq!(bodies.len(), 2, "{told:?}");
    assert!(bodies[1].starts_with("119 "), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_never_reads_gives_up_by_its_budget() {
    let mut client = Client { reads: Reads::None, ..on_http2() };
    client.gives_up.total = Some(Time(Duration::from_secs(2)));
    let (told, _) = run(client, Ends::Well).await;
    assert_eq!(told[1..], ["2000 gave up total", "2000 done"]);
}

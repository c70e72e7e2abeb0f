//! Answers on streams of HTTP/2, asked for by the `h2` crate's client over real sockets.

use bytes::Bytes;
use h2::{Reason, RecvStream, client};
use http::{HeaderMap, Request, StatusCode};
use mock_openai::{
    journal::{Event, PeerEnd},
    script::{Code, End},
    serve,
    wire::RealListener,
};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Journal, mock};

struct Peer {
    asking: client::SendRequest<Bytes>,
    driver: tokio::task::JoinHandle<Result<(), h2::Error>>,
    journal: Journal,
}

impl Peer {
    async fn of(script: &str) -> Self {
        let journal = Journal::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
        let address = listener.local_addr().expect("its address");
        tokio::spawn(serve(RealListener::new(listener), mock(script, journal.listener())));
        let socket = TcpStream::connect(address).await.expect("a connection to it");
        let (asking, driver) = client::handshake(socket).await.expect("a handshake");
        Self { asking, driver: tokio::spawn(driver), journal }
    }

    async fn ask(&mut self, model: &str) -> client::ResponseFuture {
        let request =
            Request::post("http://provider/v1/chat/completions").body(()).expect("a request");
        let mut asking =
            self.asking.clone().ready().await.expect("a connection that takes one more");
        let (answer, mut body) = asking.send_request(request, false).expect("a stream");
        let text = format!(r#"{{"model":"{model}","stream":true}}"#);
        body.send_data(text.into(), true).expect("a body that is taken");
        answer
    }

    async fn told(&self, event: Event) {
        while !self.journal.events(0).contains(&event) {
            tokio::task::yield_now().await;
        }
    }
}

/// What came, and why no more.
async fn rest(body: &mut RecvStream) -> (String, Option<h2::Error>) {
    let mut text = String::new();
    loop {
        match body.data().await {
            Some(Ok(piece)) => {
                body.flow_control().release_capacity(piece.len()).expect("a window that can grow");
                text.push_str(std::str::from_utf8(&piece).expect("text"));
            }
            Some(Err(error)) => return (text, Some(error)),
            None => return (text, None),
        }
    }
}

const SENDS: &str = "{send: {data: a}}";

#[tokio::test]
async fn one_connection_carries_many_answers_each_by_its_own_rule() {
    let script = "[{match: {model: a}, then: [{wait: {until: {mark: b}}}, {send: {raw: a}}]}, \
                  {then: [{head: {status: 202, headers: {x: [y, z]}}}, {send: {raw: b}}, \
                  {mark: b}]}]";
    let mut peer = Peer::of(script).await;
    let (first, second) = (peer.ask("a").await, peer.ask("b").await);
    let answer = second.await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(answer.headers().get_all("x").iter().collect::<Vec<_>>(), ["y", "z"]);
    assert!(!answer.headers().contains_key("transfer-encoding"));
    let (text, error) = rest(&mut answer.into_body()).await;
    assert_eq!((text.as_str(), error.is_none()), ("b", true));
    let (text, error) = rest(&mut first.await.unwrap().into_body()).await;
    assert_eq!((text.as_str(), error.is_none()), ("a", true));
}

#[tokio::test]
async fn trailers_end_their_stream_without_what_is_of_http_1() {
    let script = "[{then: [{head: {trailers: {x-usage: \"17\", keep-alive: \"5\"}}}, \
                  {send: {raw: a}}]}]";
    let mut peer = Peer::of(script).await;
    let answer = peer.ask("a").await.await.unwrap();
    assert_eq!(answer.headers()["trailer"], "x-usage, keep-alive");
    let mut body = answer.into_body();
    assert_eq!(rest(&mut body).await.0, "a");
    let trailers = body.trailers().await.unwrap().unwrap();
    assert_eq!(
        trailers,
        HeaderMap::from_iter([("x-usage".parse().unwrap(), "17".parse().unwrap())])
    );
}

#[tokio::test]
async fn a_reset_comes_after_what_was_sent_and_the_connection_stays() {
    let codes = [
        ("reset", Reason::INTERNAL_ERROR),
        ("{stream_reset: no_error}", Reason::NO_ERROR),
        ("{stream_reset: cancel}", Reason::CANCEL),
        ("{stream_reset: refused_stream}", Reason::REFUSED_STREAM),
    ];
    for (end, reason) in codes {
        let script = format!("[{{then: [{SENDS}, {{end: {end}}}]}}]");
        let mut peer = Peer::of(&script).await;
        for _ in 0..2 {
            let answer = peer.ask("a").await.await.unwrap();
            let (text, error) = rest(&mut answer.into_body()).await;
            assert_eq!(text, "data: a\n\n", "{end}");
            let error = error.unwrap();
            assert_eq!((error.reason(), error.is_reset()), (Some(reason), true), "{end}");
        }
    }
}

#[tokio::test]
async fn a_fin_cuts_every_stream_of_the_connection() {
    let script = format!(
        "[{{match: {{model: a}}, then: [{SENDS}, {{wait: forever}}]}}, \
         {{then: [{SENDS}, {{end: truncated}}]}}]"
    );
    let mut peer = Peer::of(&script).await;
    let first = peer.ask("a").await.await.unwrap();
    let second = peer.ask("b").await.await.unwrap();
    for answer in [first, second] {
        let (text, error) = rest(&mut answer.into_body()).await;
        assert_eq!(text, "data: a\n\n");
        let error = error.unwrap();
        assert!(error.is_io() && !error.is_reset(), "{error:?}");
    }
    peer.told(Event::Ended { how: End::Truncated }).await;
    peer.told(Event::Closed).await;
}

#[tokio::test]
async fn a_goodbye_lets_the_others_finish_and_one_with_an_error_cuts_them() {
    let script = |code| {
        format!(
            "[{{match: {{model: a}}, then: [{SENDS}, {{wait: {{until: {{mark: m}}}}}}, {SENDS}]}}, \
             {{match: {{model: c}}, then: [{{mark: m}}, {{wait: forever}}]}}, \
             {{then: [{SENDS}, {{end: {{goaway: {code}}}}}]}}]"
        )
    };
    let mut peer = Peer::of(&script("no_error")).await;
    let long = peer.ask("a").await.await.unwrap();
    let last = peer.ask("b").await.await.unwrap();
    let (text, error) = rest(&mut last.into_body()).await;
    assert_eq!((text.as_str(), error.is_none()), ("data: a\n\n", true));
    peer.told(Event::Ended { how: End::Goaway(Code::NoError) }).await;
    drop(long);
    assert!(peer.driver.await.unwrap().is_ok());

    let mut peer = Peer::of(&script("enhance_your_calm")).await;
    let long = peer.ask("a").await.await.unwrap();
    let last = peer.ask("b").await.await.unwrap();
    for answer in [last, long] {
        let (text, error) = rest(&mut answer.into_body()).await;
        assert_eq!((text.as_str(), error.is_some()), ("data: a\n\n", true));
    }
    peer.told(Event::Ended { how: End::Goaway(Code::EnhanceYourCalm) }).await;
    let error = peer.driver.await.unwrap().unwrap_err();
    assert_eq!((error.reason(), error.is_go_away()), (Some(Reason::ENHANCE_YOUR_CALM), true));
}

#[tokio::test]
async fn who_gives_a_stream_up_is_seen_to_be_gone_and_the_connection_stays() {
    let script = format!("[{{then: [{SENDS}, {{end: hold}}]}}]");
    let mut peer = Peer::of(&script).await;
    let answer = peer.ask("a").await.await.unwrap();
    let mut body = answer.into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), "data: a\n\n");
    drop(body);
    peer.told(Event::PeerGone { how: PeerEnd::Reset, during_answer: true }).await;
    assert_eq!(peer.ask("a").await.await.unwrap().status(), StatusCode::OK);
    assert!(!peer.journal.events(0).contains(&Event::Closed));
    drop(peer.asking);
}

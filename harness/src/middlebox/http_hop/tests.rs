//! A hop that changes nothing, between a client and a scripted server.

use std::sync::{Arc, Mutex};

use rstest::rstest;
use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::{
    client::testing::{Pipes, Seen, Step, send, serve as serve_script},
    middlebox::tests::{GET, facts, reads},
    trace::Recorder,
};

/// Changes nothing.
struct Plain;

struct Untouched;

impl Hop for Plain {
    fn takes(&self, _: Asked<'_>) -> Result<Box<dyn Exchange>, Refusal> {
        Ok(Box::new(Untouched))
    }
}

impl Exchange for Untouched {}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const DOWN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n";

struct World {
    recorder: Recorder,
    client: Stream,
    seen: Arc<Mutex<Seen>>,
}

async fn world(scripts: Vec<Vec<Step>>) -> World {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(65536);
    let seen = serve_script(&pipes.host("relay", &recorder), scripts);
    tokio::spawn(serve(pipes.host("box", &recorder), "relay".into(), Plain));
    tokio::task::yield_now().await;
    let client = pipes.host("client", &recorder).connect(&"box".into()).await.unwrap();
    World { recorder, client, seen }
}

/// What the client reads of one answer, and when.
async fn play(asks: &str, script: Vec<Step>) -> Vec<(u64, String)> {
    let mut world = world(vec![script]).await;
    world.client.write_all(asks.as_bytes()).await.unwrap();
    reads(&world.recorder, &mut world.client).await
}

fn text(at: u64, parts: &[&str]) -> (u64, String) {
    (at, parts.concat())
}

#[tokio::test(start_paused = true)]
async fn what_comes_goes_on_at_once_in_chunks_of_its_own() {
    let script = vec![
        send(CHUNKED),
        Step::Wait(10),
        send("3\r\nab\n\r\n2\r\nc\n\r\n"),
        Step::Wait(10),
        send("0\r\n\r\n"),
        Step::Wait(1),
    ];
    let expected = [text(0, &[DOWN]), text(10, &["5\r\nab\nc\n\r\n"]), text(20, &["0\r\n\r\n"])];
    assert_eq!(play(GET, script).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_body_until_the_close_gets_a_final_chunk_whether_cut_or_not() {
    let script = vec![send(HEAD), Step::Wait(10), send("data: ha")];
    let expected = [text(0, &[DOWN]), text(10, &["8\r\ndata: ha\r\n0\r\n\r\n"])];
    assert_eq!(play(GET, script).await, expected);
}

#[rstest]
#[case::fin(vec![])]
#[case::reset(vec![Step::Reset])]
#[tokio::test(start_paused = true)]
async fn what_is_cut_inside_a_chunked_body_has_no_final_chunk(#[case] end: Vec<Step>) {
    let script = [vec![send(CHUNKED), send("3\r\nab\n\r\n"), Step::Wait(10)], end].concat();
    let reads = play(GET, script).await;
    assert_eq!(reads, [text(0, &[DOWN, "3\r\nab\n\r\n"]), text(10, &["FIN"])]);
}

#[rstest]
#[case::length(
    GET,
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: 1\r\n\r\nhi",
    "HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nhi"
)]
#[case::nothing(
    GET,
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n"
)]
#[case::early_hints(
    GET,
    "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n"
)]
#[case::named_by_connection(
    GET,
    "HTTP/1.1 204 No Content\r\nconnection: x-a\r\nx-a: 1\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n"
)]
#[case::head(
    "HEAD / HTTP/1.1\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: keep-alive\r\n\r\n"
)]
#[tokio::test(start_paused = true)]
async fn answers_keep_their_framing(
    #[case] asks: &str,
    #[case] answer: &str,
    #[case] expected: &str,
) {
    // The server stays: what the client gets does not wait for its end.
    let reads = play(asks, vec![send(answer), Step::Wait(900_000)]).await;
    assert_eq!(reads, [text(0, &[expected])]);
}

#[tokio::test(start_paused = true)]
async fn a_client_of_http_1_0_gets_no_chunks_and_the_close() {
    let reads =
        play("GET / HTTP/1.0\r\n\r\n", vec![send(CHUNKED), send("2\r\nhi\r\n0\r\n\r\n")]).await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\nhi";
    assert_eq!(reads, [text(0, &[head]), text(0, &["FIN"])]);
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_connection_follow_each_other_on_connections_of_their_own() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
    let script = || vec![Step::Wait(10), send(answer), Step::Wait(1)];
    let mut world = world(vec![script(), script()]).await;
    let post = "POST /a HTTP/1.1\r\nhost: x\r\nconnection: x-b\r\nx-b: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    world.client.write_all([post, GET].concat().as_bytes()).await.unwrap();
    let reads = reads(&world.recorder, &mut world.client).await;
    let down = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nhi";
    assert_eq!(reads, [text(10, &[down]), text(20, &[down])]);
    let asked: Vec<_> =
        world.seen.lock().unwrap().requests.iter().map(|(_, request)| request.clone()).collect();
    let up = "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc";
    assert_eq!(asked, [up, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_closes_the_next_hop_at_once() {
    let mut world = world(vec![vec![send(CHUNKED), Step::Watch]]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(70)).await;
    drop(world.client);
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    let gone = world.seen.lock().unwrap().gone.clone();
    assert_eq!(gone, [(std::time::Duration::from_millis(70), None)]);
}

#[rstest]
#[case::nobody(None, "relay does not take it: ConnectionRefused")]
#[case::silence(Some(vec![]), "relay closed without an answer")]
#[case::noise(Some(vec![send("SSH-2.0-x\r\n\r\n"), Step::Wait(5)]), "what relay answers is no HTTP")]
#[case::no_end(
    Some(vec![send("HTTP/1.1 200 OK\r\na: "), Step::Send(vec![b'a'; HEAD_BYTES_MAX]), Step::Wait(5)]),
    "what relay answers is no HTTP"
)]
#[tokio::test(start_paused = true)]
async fn without_an_answer_the_client_gets_502(
    #[case] script: Option<Vec<Step>>,
    #[case] because: &str,
) {
    let mut world = world(script.into_iter().collect()).await;
    tokio::task::yield_now().await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    let reads = reads(&world.recorder, &mut world.client).await;
    assert_eq!(reads.len(), 1);
    assert!(reads[0].1.starts_with("HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\n"));
    let refused = MiddleboxFact::Refused { because: because.to_owned() };
    assert_eq!(facts(&world.recorder), [(0, refused)]);
}

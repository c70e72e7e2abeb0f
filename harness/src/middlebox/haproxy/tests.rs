//! The proxy between a scripted server and a client, held against what haproxy 2.6.12 was measured
//! to do in the same arrangement.

use std::time::Duration;

use mock_openai::quantity::Time;
use rstest::rstest;
use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::{
    client::testing::{Pipes, Step, send, serve as serve_script},
    middlebox::tests::{GET, reads},
    trace::Recorder,
};

const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

fn no_delay() -> Haproxy {
    Haproxy { http_no_delay: true, ..Haproxy::default() }
}

fn frame() -> String {
    format!("data: {}\n\n", "x".repeat(222))
}

fn chunk(text: &str) -> String {
    format!("{:X}\r\n{text}\r\n", text.len())
}

/// What the client reads of one answer, and when.
async fn play(spec: Haproxy, asks: &str, script: Option<Vec<Step>>) -> Vec<(u64, String)> {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(65536);
    serve_script(&pipes.host("relay", &recorder), script.into_iter().collect());
    tokio::spawn(serve(spec, pipes.host("box", &recorder), "relay".into()));
    tokio::task::yield_now().await;
    let mut client = pipes.host("client", &recorder).connect(&"box".into()).await.unwrap();
    client.write_all(asks.as_bytes()).await.unwrap();
    reads(&recorder, &mut client).await
}

fn text(at: u64, parts: &[&str]) -> (u64, String) {
    (at, parts.concat())
}

#[tokio::test(start_paused = true)]
async fn small_frames_wait_in_the_kernel_and_leave_with_the_end_of_the_answer() {
    let one = chunk(&frame());
    let script = vec![
        send(CHUNKED),
        Step::Wait(400),
        send(&one),
        Step::Wait(60),
        send(&one),
        Step::Wait(340),
        send(&one),
        Step::Wait(100),
        send("0\r\n\r\n"),
        Step::Wait(1_000),
    ];
    let reads = play(Haproxy::default(), GET, Some(script)).await;
    let end = "0\r\n\r\n";
    let wanted = [
        text(208, &[CHUNKED]),
        text(608, &[&one, &one]),
        text(900, &[&one, end]),
        text(50_900, &["FIN"]),
    ];
    assert_eq!(reads, wanted);
}

#[rstest]
#[case::no_delay(no_delay(), CHUNKED, "")]
#[case::until_close(Haproxy::default(), UNTIL_CLOSE, "connection: close\r\n")]
#[tokio::test(start_paused = true)]
async fn nothing_is_held_without_delay_or_until_the_close(
    #[case] spec: Haproxy,
    #[case] head: &str,
    #[case] more: &str,
) {
    let one = if head == CHUNKED { chunk(&frame()) } else { frame() };
    let script = vec![send(head), Step::Wait(300), send(&one), Step::Wait(300)];
    let reads = play(spec, GET, Some(script)).await;
    let head = head.replacen("\r\n\r\n", &format!("\r\n{more}\r\n"), 1);
    assert_eq!(reads, [text(0, &[&head]), text(300, &[&one]), text(600, &["FIN"])]);
}

/// Two chunks that came together leave as one, and a full segment does not wait.
#[tokio::test(start_paused = true)]
async fn what_fills_a_segment_leaves_in_one_chunk() {
    let frames: String = (0..7).map(|_| chunk(&frame())).collect();
    let script = vec![send(CHUNKED), send(&frames), Step::Wait(20), send("0\r\n\r\n")];
    let reads = play(Haproxy::default(), GET, Some(script)).await;
    let body: String = (0..7).map(|_| frame()).collect();
    assert_eq!(reads[..2], [text(0, &[CHUNKED, &chunk(&body)]), text(20, &["0\r\n\r\n"])]);
}

#[rstest]
#[case::fin(vec![])]
#[case::rst(vec![Step::Reset])]
#[tokio::test(start_paused = true)]
async fn a_cut_lets_go_of_what_is_held_and_leaves_no_final_chunk(#[case] end: Vec<Step>) {
    let one = chunk(&frame());
    let script = [vec![send(CHUNKED), send(&one), Step::Wait(50)], end].concat();
    let reads = play(Haproxy::default(), GET, Some(script)).await;
    assert_eq!(reads, [text(50, &[CHUNKED, &one]), text(50, &["FIN"])]);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_an_answer_by_fin_and_is_504_before_it() {
    let timeout = Some(Time(Duration::from_secs(1)));
    let spec = Haproxy { timeout, ..no_delay() };
    let script = vec![send(CHUNKED), Step::Wait(2_000)];
    let reads = play(spec.clone(), GET, Some(script)).await;
    assert_eq!(reads, [text(0, &[CHUNKED]), text(1_000, &["FIN"])]);
    let reads = play(spec, GET, Some(vec![Step::Wait(3_000)])).await;
    let page = "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n";
    let head = "HTTP/1.1 504 Gateway Time-out\r\ncontent-length: 92\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n";
    assert_eq!(reads, [text(1_000, &[head, page]), text(2_000, &["FIN"])]);
}

#[rstest]
#[case::closes(Some(vec![Step::Wait(100)]), 100, "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\n")]
#[case::noise(Some(vec![send("SSH-2.0-x\r\n\r\n")]), 0, "HTTP/1.1 502 Bad Gateway\r\n")]
#[case::nobody(None, 3_000, "HTTP/1.1 503 Service Unavailable\r\n")]
#[tokio::test(start_paused = true)]
async fn without_an_answer_the_client_gets_a_page(
    #[case] script: Option<Vec<Step>>,
    #[case] at: u64,
    #[case] head: &str,
) {
    let reads = play(Haproxy::default(), GET, script).await;
    assert_eq!(reads[0].0, at);
    assert!(reads[0].1.starts_with(head), "{}", reads[0].1);
}

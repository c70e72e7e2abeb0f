//! The proxy between a scripted server and a client, held against what nginx 1.22.1 was measured to
//! do in the same arrangement.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use mock_openai::quantity::Size;
use rstest::rstest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::{
    client::testing::{Pipes, Seen, Step, send, serve as serve_script},
    net::Stream,
    trace::{Fact, MiddleboxFact, Recorder},
};

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
/// 52 bytes, as in the measurement.
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const DOWN: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n";

fn frame() -> String {
    format!("data: {}\n\n", "x".repeat(222))
}

struct World {
    recorder: Recorder,
    client: Stream,
    seen: Arc<Mutex<Seen>>,
}

async fn world(spec: BufferingProxy, pipe: usize, scripts: Vec<Vec<Step>>) -> World {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(pipe);
    let seen = serve_script(&pipes.host("relay", &recorder), scripts);
    tokio::spawn(serve(spec, pipes.host("proxy", &recorder), "relay".into()));
    tokio::task::yield_now().await;
    let client = pipes.host("client", &recorder).connect(&"proxy".into()).await.unwrap();
    World { recorder, client, seen }
}

impl World {
    fn now(&self) -> u64 {
        u64::try_from(self.recorder.now().as_millis()).unwrap()
    }

    /// What arrives at each instant, until the connection closes or falls silent for 100 s.
    async fn reads(&mut self) -> Vec<(u64, String)> {
        let mut reads: Vec<(u64, String)> = Vec::new();
        let mut piece = vec![0; 65536];
        loop {
            let read = self.client.read(&mut piece);
            let Ok(read) = tokio::time::timeout(Duration::from_secs(100), read).await else {
                return reads;
            };
            let now = self.now();
            let text = match read {
                Ok(0) => "FIN".to_owned(),
                Ok(len) => String::from_utf8(piece[..len].to_vec()).unwrap(),
                Err(_) => "RST".to_owned(),
            };
            let over = text == "FIN" || text == "RST";
            match reads.last_mut() {
                Some((at, last)) if *at == now && !over => last.push_str(&text),
                _ => reads.push((now, text)),
            }
            if over {
                return reads;
            }
        }
    }

    fn facts(&self) -> Vec<(u64, MiddleboxFact)> {
        let events = self.recorder.take().events.into_iter();
        let facts = events.filter_map(|event| {
            let at = u64::try_from(event.at.as_millis()).unwrap();
            if let Fact::Middlebox(_, fact) = event.fact { Some((at, fact)) } else { None }
        });
        facts.collect()
    }
}

/// Plays one request; what the client reads, and when.
async fn play(script: Vec<Step>) -> Vec<(u64, String)> {
    let mut world = world(BufferingProxy::default(), 65536, vec![script]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    world.reads().await
}

fn frames(count: u64) -> Vec<Step> {
    (0..count).flat_map(|_| [send(&frame()), Step::Wait(20)]).collect()
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[tokio::test(start_paused = true)]
async fn fifty_one_frames_arrive_in_three_bursts_as_through_nginx() {
    let reads = play([vec![send(HEAD)], frames(51)].concat()).await;
    // nginx: bursts at 344, 707 and 1,029 ms, of the same chunks; its server's pause between two
    // frames took 20.2 ms.
    let times: Vec<_> = reads.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [340, 700, 1020, 76_020]);
    let sizes: Vec<_> = reads.iter().map(|(_, text)| text.len()).collect();
    assert_eq!(sizes, [DOWN.len() + 5 + 0xfcc + 2, 6 + 0x1000 + 2, 5 + 0xe06 + 2 + 5, 3]);
    assert!(reads[0].1.starts_with(&format!("{DOWN}fcc\r\ndata: ")));
    assert!(reads[1].1.starts_with("1000\r\n"));
    assert!(reads[2].1.starts_with("e06\r\n") && reads[2].1.ends_with("\n\n\r\n0\r\n\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_cut_becomes_a_clean_end() {
    let reads = play(vec![send(HEAD), send("data: 1\n\n"), Step::Wait(50), send("data: ha")]).await;
    let body = chunk("data: 1\n\ndata: ha");
    assert_eq!(reads, [(50, format!("{DOWN}{body}0\r\n\r\n")), (75_050, "FIN".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn an_rst_takes_what_was_held_and_leaves_no_final_chunk() {
    let script = [vec![send(HEAD)], frames(3), vec![Step::Reset]].concat();
    assert_eq!(play(script).await, [(60, DOWN.to_owned()), (60, "FIN".to_owned())]);
    let reads = play([vec![send(HEAD)], frames(22), vec![Step::Reset]].concat()).await;
    assert_eq!(reads.len(), 2);
    assert_eq!((reads[0].0, reads[0].1.len()), (340, DOWN.len() + 4051));
    assert_eq!(reads[1], (440, "FIN".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn sixty_seconds_of_silence_end_it_the_same_way() {
    let script = vec![send(HEAD), send(&frame()), Step::Wait(90_000)];
    assert_eq!(play(script).await, [(60_000, DOWN.to_owned()), (60_000, "FIN".to_owned())]);
}

/// An answer until the close, frame by frame, as through nginx with `proxy_buffering off`; and with a
/// wish of the answer against the setting.
#[rstest]
#[case::off(false, HEAD, true)]
#[case::on(true, HEAD, false)]
#[case::off_but_yes(
    false,
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-accel-buffering: yes\r\n\r\n",
    false
)]
#[case::on_but_no(
    true,
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-accel-buffering: no\r\n\r\n",
    true
)]
#[tokio::test(start_paused = true)]
async fn the_switch_decides_unless_the_answer_does(
    #[case] buffering: bool,
    #[case] head: &str,
    #[case] passes: bool,
) {
    let spec = BufferingProxy { buffering, ..BufferingProxy::default() };
    let script = vec![
        send(head),
        Step::Wait(300),
        send(&frame()),
        Step::Wait(300),
        send(&frame()),
        Step::Wait(300),
    ];
    let mut world = world(spec, 65536, vec![script]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    let times: Vec<_> = world.reads().await.iter().map(|(at, _)| *at).collect();
    let apart: &[u64] = if passes { &[0, 300, 600, 900, 75_900] } else { &[900, 75_900] };
    assert_eq!(times, apart);
}

#[tokio::test(start_paused = true)]
async fn chunks_pass_at_once() {
    let one = chunk(&frame());
    let script = vec![
        send(CHUNKED),
        Step::Wait(300),
        send(&one),
        Step::Wait(300),
        send(&one),
        send("0\r\n\r\n"),
    ];
    let reads = play(script).await;
    assert_eq!(reads[..2], [(300, format!("{DOWN}{one}")), (600, format!("{one}0\r\n\r\n"))]);
}

/// Two chunks in three pieces: the end of the second waits, for it holds less than the least that
/// nginx still expects.
#[tokio::test(start_paused = true)]
async fn chunks_cut_anyhow_pass_when_they_could_end_the_answer() {
    let two = chunk(&frame()) + &chunk(&frame());
    let script = vec![
        send(CHUNKED),
        send(&two[..100]),
        Step::Wait(100),
        send(&two[100..300]),
        Step::Wait(100),
        send(&two[300..]),
        Step::Wait(100),
        send("0\r\n\r\n"),
    ];
    let reads = play(script).await;
    let sizes: Vec<_> = reads
        .iter()
        .map(|(at, text)| {
            (*at, text.trim_start_matches(DOWN).split('\r').next().unwrap().to_owned())
        })
        .collect();
    let expected = [(0, "60"), (100, "c2"), (300, "aa")].map(|(at, size)| (at, size.to_owned()));
    assert_eq!(sizes[..3], expected);
}

#[tokio::test(start_paused = true)]
async fn half_a_chunk_and_fin_leave_no_final_chunk() {
    let script = vec![
        send(CHUNKED),
        send(&chunk(&frame())),
        Step::Wait(100),
        send("e6\r\ndata"),
        Step::Wait(1),
    ];
    let reads = play(script).await;
    assert_eq!(reads[1..], [(100, "4\r\ndata\r\n".to_owned()), (101, "FIN".to_owned())]);
}

#[rstest]
#[case::whole(vec![send(&frame()), Step::Wait(200), send(&frame())], 200, 460, 75_200)]
#[case::cut(vec![send(&frame()), Step::Wait(200)], 200, 230, 200)]
#[tokio::test(start_paused = true)]
async fn a_length_is_waited_for(
    #[case] body: Vec<Step>,
    #[case] at: u64,
    #[case] len: usize,
    #[case] closed: u64,
) {
    let script = [vec![send("HTTP/1.1 200 OK\r\ncontent-length: 460\r\n\r\n")], body].concat();
    let reads = play(script).await;
    assert_eq!(reads[0].0, at);
    assert_eq!(reads[0].1.split_once("\r\n\r\n").unwrap().1.len(), len);
    assert_eq!(reads[1], (closed, "FIN".to_owned()));
}

const NOT_BUFFERED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nX-Accel-Buffering: no\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn an_answer_can_ask_not_to_be_buffered() {
    let script = vec![
        send(NOT_BUFFERED),
        Step::Wait(300),
        send("data: 1\n\n"),
        Step::Wait(300),
        send("data: 2\n\n"),
    ];
    let mut world = world(BufferingProxy::default(), 65536, vec![script]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    let reads = world.reads().await;
    assert_eq!(
        reads[..3],
        [
            (0, DOWN.to_owned()),
            (300, chunk("data: 1\n\n")),
            (600, chunk("data: 2\n\n") + "0\r\n\r\n"),
        ]
    );
    assert_eq!(
        world.facts(),
        [(0, MiddleboxFact::PassedThrough { because: "X-Accel-Buffering: no" })]
    );
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_does_not_honour_it_buffers_and_hides_it() {
    let spec = BufferingProxy { honours_x_accel: false, ..BufferingProxy::default() };
    let script = vec![send(NOT_BUFFERED), send("data: 1\n\n"), Step::Wait(300)];
    let mut world = world(spec, 65536, vec![script]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    assert_eq!(
        world.reads().await[0],
        (300, DOWN.to_owned() + &chunk("data: 1\n\n") + "0\r\n\r\n")
    );
}

#[tokio::test(start_paused = true)]
async fn it_tells_what_it_holds_and_why() {
    let script =
        vec![send(HEAD), send("data: 1\n\n"), Step::Wait(10), send("data: 2\n\n"), Step::Wait(10)];
    let spec = BufferingProxy { buffer: Size(64), ..BufferingProxy::default() };
    let mut world = world(spec, 65536, vec![script]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    world.reads().await;
    let held = |bytes| MiddleboxFact::Held { bytes, because: "buffer is not full" };
    let flushed = |bytes, because| MiddleboxFact::Flushed { bytes, because };
    assert_eq!(
        world.facts(),
        [
            (0, held(9)),
            (10, flushed(12, "buffer is full")),
            (10, held(6)),
            (20, flushed(6, "end of the answer")),
        ]
    );
}

#[rstest]
#[case::refused(vec![], 0, "502 Bad Gateway")]
#[case::fin(vec![Step::Wait(100)], 100, "502 Bad Gateway")]
#[case::rst(vec![Step::Wait(100), Step::Reset], 100, "502 Bad Gateway")]
#[case::silent(vec![Step::Wait(90_000)], 60_000, "504 Gateway Time-out")]
#[case::not_http(vec![send("hello world\r\n\r\n")], 0, "502 Bad Gateway")]
#[case::larger_than_a_buffer(
    vec![send("HTTP/1.1 200 OK\r\na: "), Step::Send(vec![b'a'; 16384]), Step::Wait(1000)],
    0,
    "502 Bad Gateway"
)]
#[tokio::test(start_paused = true)]
async fn without_an_answer_it_answers_itself(
    #[case] script: Vec<Step>,
    #[case] at: u64,
    #[case] status: &str,
) {
    let refused = script.is_empty();
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(65536);
    if !refused {
        serve_script(&pipes.host("relay", &recorder), vec![script]);
    }
    tokio::spawn(serve(BufferingProxy::default(), pipes.host("proxy", &recorder), "relay".into()));
    tokio::task::yield_now().await;
    let client = pipes.host("client", &recorder).connect(&"proxy".into()).await.unwrap();
    let mut world = World { recorder, client, seen: Arc::default() };
    world.client.write_all(GET.as_bytes()).await.unwrap();
    let reads = world.reads().await;
    assert_eq!(reads[0].0, at);
    assert!(reads[0].1.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{reads:?}");
}

/// In four windows; nginx closed its upstream in the same millisecond in all of them.
#[rstest]
#[case::before_the_head(vec![Step::Watch], 200)]
#[case::held(vec![send(HEAD), send("data: 1\n\n"), Step::Watch], 200)]
#[case::after_a_burst(vec![send(HEAD), Step::Send(vec![b'x'; 5000]), Step::Watch], 200)]
#[case::not_buffered(vec![send(NOT_BUFFERED), send("data: 1\n\n"), Step::Watch], 200)]
#[tokio::test(start_paused = true)]
async fn a_client_that_goes_takes_the_next_hop_with_it(
    #[case] script: Vec<Step>,
    #[case] at: u64,
    #[values("fin", "rst", "half")] how: &str,
) {
    let mut world = world(BufferingProxy::default(), 65536, vec![script]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(at)).await;
    let World { mut client, seen, recorder: _recorder } = world;
    match how {
        "fin" => drop(client),
        "rst" => client.reset().await.unwrap(),
        _ => client.shutdown().await.unwrap(),
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(seen.lock().unwrap().gone, [(Duration::from_millis(at), None::<io::ErrorKind>)]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_stops_it_from_reading() {
    let script = [vec![send(HEAD)], (0..200).map(|_| send(&"x".repeat(1000))).collect()].concat();
    let pipe = 1000;
    let mut world = world(BufferingProxy::default(), pipe, vec![script]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(50)).await;
    // Nine buffers, and what the two pipes hold.
    let written = world.seen.lock().unwrap().written;
    let bound = 9 * 4096 + 2 * pipe as u64 + 1000;
    assert!((9 * 4096 - 2000..=bound).contains(&written), "{written}");
    // It goes on as soon as the client reads.
    let body: usize = world.reads().await.iter().map(|(_, text)| text.matches('x').count()).sum();
    assert_eq!(body, 200_000 + DOWN.matches('x').count());
}

#[tokio::test(start_paused = true)]
async fn one_connection_serves_several_requests() {
    let answer = vec![send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")];
    let mut world = world(BufferingProxy::default(), 65536, vec![answer.clone(), answer]).await;
    world.client.write_all(GET.repeat(2).as_bytes()).await.unwrap();
    let reads = world.reads().await;
    assert_eq!(reads[0].1.matches("\r\n\r\nhi").count(), 2);
    let requests = &world.seen.lock().unwrap().requests;
    let expected = "GET / HTTP/1.0\r\nHost: relay\r\nConnection: close\r\n\r\n";
    assert!(requests.len() == 2 && requests.iter().all(|(_, request)| request == expected));
}

#[tokio::test(start_paused = true)]
async fn an_old_client_gets_no_chunks_and_the_close() {
    let script = vec![send(HEAD), send("data: 1\n\n"), Step::Wait(10)];
    let mut world = world(BufferingProxy::default(), 65536, vec![script]).await;
    world.client.write_all(b"GET / HTTP/1.0\r\nhost: x\r\n\r\n").await.unwrap();
    let down = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: 1\n\n";
    assert_eq!(world.reads().await, [(10, down.to_owned()), (10, "FIN".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_fit_its_buffer_is_refused() {
    let head = |len: usize| {
        format!("HTTP/1.1 200 OK\r\nx-a: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(len))
    };
    let fits = play(vec![send(&head(4000))]).await;
    assert!(fits[0].1.starts_with("HTTP/1.1 200 OK\r\n"));
    let too_long = play(vec![send(&head(4096))]).await;
    assert!(too_long[0].1.starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_request_over_a_mebibyte_is_refused() {
    for (len, status) in [(1024 * 1024, 200), (1024 * 1024 + 1, 413)] {
        let script = vec![send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")];
        let mut world = world(BufferingProxy::default(), 65536, vec![script]).await;
        let request = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {len}\r\n\r\n");
        world.client.write_all(request.as_bytes()).await.unwrap();
        world.client.write_all(&vec![b'x'; len]).await.unwrap();
        let reads = world.reads().await;
        assert!(reads[0].1.starts_with(&format!("HTTP/1.1 {status} ")), "{reads:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_for_sixty_seconds_is_let_go() {
    // The next hop is not silent for so long.
    let more = Step::Send(vec![b'x'; 9000]);
    let script = vec![send(HEAD), more, Step::Wait(30_000), send("x"), Step::Watch];
    let mut world = world(BufferingProxy::default(), 1000, vec![script]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(world.seen.lock().unwrap().gone, [(Duration::from_mins(1), None::<io::ErrorKind>)]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_is_noticed_behind_what_it_sent_ahead() {
    let script = vec![send(HEAD), Step::Watch];
    let mut world = world(BufferingProxy::default(), 65536, vec![script]).await;
    world.client.write_all(GET.repeat(60).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let World { client, seen, recorder: _recorder } = world;
    drop(client);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(seen.lock().unwrap().gone, [(Duration::from_millis(100), None::<io::ErrorKind>)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_ahead_is_bounded() {
    let script = vec![send(HEAD), Step::Wait(50_000)];
    let mut world = world(BufferingProxy::default(), 1000, vec![script]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    let endless = vec![b'x'; 1024 * 1024];
    let mut taken = 0;
    let write = async {
        while let Ok(len) = world.client.write(&endless[taken..]).await {
            taken += len;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), write).await;
    assert!(waited.is_err() && taken < 64 * 1024 + 1000 + 4096, "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_long_head_does_not_wait_for_the_body() {
    let long = format!("HTTP/1.1 200 OK\r\nx-a: {}\r\n\r\n", "x".repeat(1500));
    let reads = play(vec![send(&long), Step::Wait(100), send("data: 1\n\n")]).await;
    assert_eq!(reads.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 100, 75_100]);
}

#[tokio::test(start_paused = true)]
async fn its_patience_with_the_next_hop_begins_when_it_reads_again() {
    let fills_all = Step::Send(vec![b'x'; 4044 + 8 * 4096]);
    let script = vec![send(HEAD), fills_all, Step::Wait(80_000), send("y")];
    let mut world = world(BufferingProxy::default(), 1000, vec![script]).await;
    world.client.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(50)).await;
    let reads = world.reads().await;
    assert_eq!(reads[1], (80_000, "1\r\ny\r\n0\r\n\r\n".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_buffer_without_anything_for_the_client_is_free_at_once() {
    let extension = "e".repeat(12 * 4096);
    let body = format!("1;{extension}\r\ny\r\n0\r\n\r\n");
    let reads = play(vec![send(CHUNKED), send(&body)]).await;
    assert_eq!(reads[0], (0, format!("{DOWN}1\r\ny\r\n0\r\n\r\n")));
}

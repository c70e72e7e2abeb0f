//! Every box that only knows TCP, between a client and a scripted server.

use std::{io, time::Duration};

use mock_openai::quantity::Time;
use proptest::prelude::*;
use rstest::rstest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::{
    client::testing::{Pipes, Step, send, serve as serve_script},
    net::Stream,
    scenario::{CutterEnd, Deadline, IdleCutter, ReChunker},
    trace::{Fact, MiddleboxFact, Recorder},
};

pub(super) const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

fn cutter(after_ms: u64, by: CutterEnd, only_data_counts: bool) -> Middlebox {
    let after = Some(Time(Duration::from_millis(after_ms)));
    Middlebox::IdleCutter(IdleCutter { name: None, after, by, only_data_counts })
}

fn deadline(after_ms: u64, by: CutterEnd) -> Middlebox {
    Middlebox::Deadline(Deadline { name: None, after: Time(Duration::from_millis(after_ms)), by })
}

fn re_chunker(every: Option<u64>, window_ms: Option<u64>) -> Middlebox {
    let window = window_ms.map(|ms| Time(Duration::from_millis(ms)));
    Middlebox::ReChunker(ReChunker { name: None, every, window })
}

struct World {
    recorder: Recorder,
    client: Stream,
}

async fn world(spec: Middlebox, pipe: usize) -> World {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(pipe);
    tokio::spawn(serve(&spec, pipes.host("box", &recorder), "relay".into()));
    tokio::task::yield_now().await;
    let client = pipes.host("client", &recorder).connect(&"box".into()).await.unwrap();
    World { recorder, client }
}

/// What arrives at each instant, until the connection closes or falls silent for 200 s.
pub(super) async fn reads(recorder: &Recorder, stream: &mut Stream) -> Vec<(u64, String)> {
    let mut reads: Vec<(u64, String)> = Vec::new();
    let mut piece = vec![0; 65536];
    loop {
        let read = tokio::time::timeout(Duration::from_secs(200), stream.read(&mut piece)).await;
        let Ok(read) = read else { return reads };
        let now = u64::try_from(recorder.now().as_millis()).unwrap();
        let (text, over) = match read {
            Ok(0) => ("FIN".to_owned(), true),
            Ok(len) => (String::from_utf8_lossy(&piece[..len]).into_owned(), false),
            Err(_) => ("RST".to_owned(), true),
        };
        match reads.last_mut() {
            Some((at, last)) if *at == now && !over => last.push_str(&text),
            _ => reads.push((now, text)),
        }
        if over {
            return reads;
        }
    }
}

pub(super) fn facts(recorder: &Recorder) -> Vec<(u64, MiddleboxFact)> {
    let events = recorder.take().events.into_iter();
    let facts = events.filter_map(|event| {
        let at = u64::try_from(event.at.as_millis()).unwrap();
        if let Fact::Middlebox(_, fact) = event.fact { Some((at, fact)) } else { None }
    });
    facts.collect()
}

/// Plays one answer; what the client reads, and what the box says.
async fn play(
    spec: Middlebox,
    script: Vec<Step>,
) -> (Vec<(u64, String)>, Vec<(u64, MiddleboxFact)>) {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(65536);
    serve_script(&pipes.host("relay", &recorder), vec![script]);
    tokio::spawn(serve(&spec, pipes.host("box", &recorder), "relay".into()));
    tokio::task::yield_now().await;
    let mut client = pipes.host("client", &recorder).connect(&"box".into()).await.unwrap();
    client.write_all(GET.as_bytes()).await.unwrap();
    let reads = reads(&recorder, &mut client).await;
    (reads, facts(&recorder))
}

fn ended(how: CutterEnd, because: &str) -> MiddleboxFact {
    MiddleboxFact::Ended { how, because: because.to_owned() }
}

#[rstest]
#[case::fin(CutterEnd::Fin, Some("FIN"))]
#[case::reset(CutterEnd::Reset, Some("RST"))]
#[case::forget(CutterEnd::Forget, None)]
#[tokio::test(start_paused = true)]
async fn silence_ends_a_connection(#[case] by: CutterEnd, #[case] end: Option<&str>) {
    let script = vec![send(HEAD), Step::Wait(900), send("data: 1\n\n"), Step::Wait(5_000)];
    let (reads, facts) = play(cutter(1_000, by, false), script).await;
    let mut expected = vec![(0, HEAD.to_owned()), (900, "data: 1\n\n".to_owned())];
    expected.extend(end.map(|end| (1_900, end.to_owned())));
    assert_eq!(reads, expected);
    assert_eq!(facts, [(1_900, ended(by, "no bytes for 1s"))]);
}

#[rstest]
#[case::any_byte(false, &[(900, ": beat\n\n"), (1_800, "data: 1\n\n"), (2_800, "FIN")])]
#[case::only_data(true, &[(900, ": beat\n\n"), (1_000, "FIN")])]
#[tokio::test(start_paused = true)]
async fn heartbeats_keep_a_connection_unless_only_data_counts(
    #[case] only_data: bool,
    #[case] expected: &[(u64, &str)],
) {
    let script = vec![
        send(HEAD),
        Step::Wait(900),
        send(": beat\n\n"),
        Step::Wait(900),
        send("data: 1\n\n"),
        Step::Wait(5_000),
    ];
    let (reads, _) = play(cutter(1_000, CutterEnd::Fin, only_data), script).await;
    let expected: Vec<_> = expected.iter().map(|(at, text)| (*at, (*text).to_owned())).collect();
    assert_eq!(reads[1..], expected);
}

/// Something comes every 100 ms, and it ends all the same.
#[tokio::test(start_paused = true)]
async fn a_deadline_ends_an_exchange_that_is_alive() {
    let frames = (0..20).flat_map(|_| [send("data: 1\n\n"), Step::Wait(100)]);
    let script = [send(HEAD)].into_iter().chain(frames).collect();
    let (reads, facts) = play(deadline(1_000, CutterEnd::Fin), script).await;
    assert_eq!(reads.last(), Some(&(1_000, "FIN".to_owned())));
    assert_eq!(reads.len(), 12);
    assert_eq!(facts, [(1_000, ended(CutterEnd::Fin, "the exchange has lasted 1s"))]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_an_exchange_has_no_deadline() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
    let script = vec![Step::Wait(900), send(answer), Step::Wait(9_000)];
    let (reads, facts) = play(deadline(1_000, CutterEnd::Reset), script).await;
    assert_eq!(reads, [(900, answer.to_owned()), (9_900, "FIN".to_owned())]);
    assert_eq!(facts, []);
}

#[tokio::test(start_paused = true)]
async fn what_comes_within_a_window_leaves_as_one() {
    let script = vec![
        send("a"),
        Step::Wait(30),
        send("b"),
        Step::Wait(30),
        send("c"),
        Step::Wait(100),
        send("d"),
        Step::Wait(1),
    ];
    let (reads, facts) = play(re_chunker(None, Some(40)), script).await;
    // The request too is kept for 40 ms.
    let text = |at, text: &str| (at, text.to_owned());
    assert_eq!(reads, [text(80, "ab"), text(140, "c"), text(201, "d"), text(201, "FIN")]);
    let because = "window is open";
    let held = |bytes| MiddleboxFact::Held { bytes, because };
    let flushed = |bytes, because| MiddleboxFact::Flushed { bytes, because };
    assert_eq!(
        facts,
        [
            (40, held(1)),
            (70, held(2)),
            (80, flushed(2, "window is over")),
            (100, held(1)),
            (140, flushed(1, "window is over")),
            (200, held(1)),
            (201, flushed(1, "end of the way")),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn each_piece_is_written_by_itself() {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(65536);
    serve_script(&pipes.host("relay", &recorder), vec![vec![send("12345")]]);
    tokio::spawn(serve(&re_chunker(Some(2), None), pipes.host("box", &recorder), "relay".into()));
    tokio::task::yield_now().await;
    let mut client = pipes.host("client", &recorder).connect(&"box".into()).await.unwrap();
    client.write_all(GET.as_bytes()).await.unwrap();
    // A task among others, as the network is.
    let sizes = tokio::spawn(async move {
        let mut piece = [0; 64];
        let mut sizes = Vec::new();
        while let Ok(len @ 1..) = client.read(&mut piece).await {
            sizes.push(len);
        }
        sizes
    });
    assert_eq!(sizes.await.unwrap(), [2, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_next_hop_that_refuses_is_told_by_rst() {
    let mut world = world(re_chunker(Some(1), None), 1000).await;
    assert_eq!(reads(&world.recorder, &mut world.client).await, [(0, "RST".to_owned())]);
    let because = "relay does not take it: ConnectionRefused".to_owned();
    assert_eq!(facts(&world.recorder), [(0, MiddleboxFact::Refused { because })]);
}

/// The client and a listener on the other side of a box, connected.
async fn ends(spec: Middlebox, pipe: usize) -> (Recorder, Stream, Stream) {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(pipe);
    let mut listener = pipes.host("relay", &recorder).listen().unwrap();
    tokio::spawn(serve(&spec, pipes.host("box", &recorder), "relay".into()));
    tokio::task::yield_now().await;
    let client = pipes.host("client", &recorder).connect(&"box".into()).await.unwrap();
    let (server, _) = mock_openai::wire::Accept::accept(&mut listener).await.unwrap();
    (recorder, client, server)
}

#[tokio::test(start_paused = true)]
async fn fin_passes_behind_the_bytes_and_leaves_the_other_way_open() {
    let (_recorder, mut client, mut server) = ends(re_chunker(Some(3), None), 64).await;
    client.write_all(b"request").await.unwrap();
    client.shutdown().await.unwrap();
    let mut request = Vec::new();
    server.read_to_end(&mut request).await.unwrap();
    assert_eq!(request, b"request");
    server.write_all(b"answer").await.unwrap();
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"answer");
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn rst_passes_both_ways_behind_what_came_before(#[values(true, false)] by_client: bool) {
    let (_recorder, client, server) = ends(re_chunker(Some(1), None), 64).await;
    let (mut near, mut far) = if by_client { (client, server) } else { (server, client) };
    near.write_all(b"before").await.unwrap();
    near.reset().await.unwrap();
    let mut got = Vec::new();
    let error = far.read_to_end(&mut got).await.unwrap_err();
    assert_eq!(
        (got.as_slice(), error.kind()),
        (b"before".as_slice(), io::ErrorKind::ConnectionReset)
    );
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_takes_nothing_stops_the_sender() {
    let (_recorder, client, mut server) = ends(re_chunker(Some(100), None), 1000).await;
    let endless = vec![b'x'; 1024 * 1024];
    let mut taken = 0;
    let write = async {
        while let Ok(len) = server.write(&endless[taken..]).await {
            taken += len;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), write).await.is_err());
    // What the hop holds, and what the two pipes do.
    assert!((16 * 1024..=16 * 1024 + 3_000).contains(&taken), "{taken}");
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_lets_the_sender_know() {
    let (_recorder, client, mut server) = ends(cutter(60_000, CutterEnd::Fin, false), 64).await;
    drop(client);
    let mut piece = [0; 8];
    assert_eq!(server.read(&mut piece).await.unwrap(), 0);
    let mut wrote = Ok(0);
    for _ in 0..20 {
        wrote = server.write(&[b'x'; 64]).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(wrote.is_err(), "{wrote:?}");
}

fn any_box() -> impl Strategy<Value = Middlebox> {
    prop_oneof![
        (any::<bool>()).prop_map(|only| cutter(60_000, CutterEnd::Fin, only)),
        Just(deadline(600_000, CutterEnd::Reset)),
        (1_u64..50).prop_map(|every| re_chunker(Some(every), None)),
        (1_u64..50, 1_u64..30).prop_map(|(every, ms)| re_chunker(Some(every), Some(ms))),
        (1_u64..30).prop_map(|ms| re_chunker(None, Some(ms))),
    ]
}

fn pieces() -> impl Strategy<Value = Vec<(Vec<u8>, u64)>> {
    prop::collection::vec((prop::collection::vec(any::<u8>(), 0..3_000), 0_u64..40), 0..12)
}

/// Sends pieces, each with a wait before it, then FIN; gives what comes back.
async fn exchange(mut stream: Stream, pieces: Vec<(Vec<u8>, u64)>) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(&mut stream);
    let write = async {
        for (piece, wait) in pieces {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            writer.write_all(&piece).await.unwrap();
        }
        writer.shutdown().await.unwrap();
    };
    let mut got = Vec::new();
    let (read, ()) = tokio::join!(reader.read_to_end(&mut got), write);
    read.unwrap();
    got
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is sent, HTTP or not, and however small the pipes are.
    #[test]
    fn bytes_out_are_bytes_in(
        spec in any_box(),
        up in pieces(),
        down in pieces(),
        pipe in 1_usize..5_000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let joined = |pieces: &[(Vec<u8>, u64)]| -> Vec<u8> {
            pieces.iter().flat_map(|(piece, _)| piece.clone()).collect()
        };
        let expected = (joined(&down), joined(&up));
        let got = runtime.block_on(async {
            let (_recorder, client, server) = ends(spec, pipe).await;
            tokio::join!(exchange(client, up), exchange(server, down))
        });
        prop_assert!(got == expected, "bytes differ: {} and {}", got.0.len(), got.1.len());
    }
}

//! The same over real sockets, read by the standard library's.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use mock_openai::{
    journal::{Event, PeerEnd},
    script::End,
    serve,
    wire::RealListener,
};

use crate::support::{Journal, STREAM_HEAD, chunk, chunked, hide, mock, post};

/// No read of these tests waits longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves a script on a free port, on a thread of its own, for as long as the process lives.
fn provider(script: &str) -> (std::net::SocketAddr, Journal) {
    let script = script.to_owned();
    let journal = Journal::default();
    let listening = journal.clone();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            tell.send(listener.local_addr().expect("it is bound")).expect("the test waits");
            serve(RealListener::new(listener), mock(&script, listening.listener())).await
        })
    });
    (told.recv_timeout(PATIENCE).expect("it listens"), journal)
}

/// A head whose length does not depend on how busy the machine is.
const HEAD: &str = "{head: {status: 200, headers: {openai-processing-ms: '0'}}}";

fn ask(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("sockets have time-outs");
    stream.write_all(post("").as_bytes()).expect("it reads");
    stream
}

/// Reads to the end and tells how it came.
fn rest(stream: &mut TcpStream) -> (String, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).err().map(|error| error.kind());
    (String::from_utf8(bytes).expect("text"), error)
}

fn wait_for(journal: &Journal, connection: u64, event: &Event) -> Vec<Event> {
    let start = now();
    loop {
        let events = journal.events(connection);
        if events.contains(event) {
            return events;
        }
        assert!(start.elapsed() < PATIENCE, "{event:?} never came: {events:?}");
        std::thread::yield_now();
    }
}

#[expect(clippy::disallowed_methods, reason = "real sockets live in real time")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_kept_connection_carries_answer_after_answer() {
    let (address, _) = provider(&format!("[{{then: [{HEAD}, {{send: {{raw: abc}}}}]}}]"));
    let mut stream = ask(address);
    let expected = STREAM_HEAD.to_owned() + &chunked(&["abc"]);
    for _ in 0..2 {
        let mut bytes = vec![0; expected.len()];
        stream.read_exact(&mut bytes).unwrap();
        assert_eq!(hide(&String::from_utf8(bytes).unwrap()), expected);
        stream.write_all(post("").as_bytes()).unwrap();
    }
}

#[test]
fn each_way_to_break_off_an_answer_looks_right_from_the_other_end() {
    for (end, error, told) in [
        ("truncated", None, End::Truncated),
        ("fin", None, End::Fin),
        ("half_close", None, End::HalfClose),
        ("reset", Some(ErrorKind::ConnectionReset), End::Reset),
    ] {
        let (address, journal) =
            provider(&format!("[{{then: [{HEAD}, {{send: {{raw: a}}}}, {{end: {end}}}]}}]"));
        let mut stream = ask(address);
        let (got, ended) = rest(&mut stream);
        assert_eq!((hide(&got), ended), (STREAM_HEAD.to_owned() + &chunk("a"), error), "{end}");
        drop(stream);
        let events = wait_for(&journal, 0, &Event::Closed);
        assert!(events.contains(&Event::Ended { how: told }), "{end}: {events:?}");
    }
}

#[test]
fn a_reset_waits_until_a_late_reader_has_what_was_sent() {
    // More than a fresh socket takes in unread, less than the sender's kernel holds back for it.
    let script = "[{then: [{stream: {chunks: 20, chunk_size: 16KiB}}, {end: reset}]}]";
    let (address, journal) = provider(script);
    let mut stream = ask(address);
    let (_keeps_open, never) = std::sync::mpsc::channel::<()>();
    never.recv_timeout(Duration::from_millis(300)).unwrap_err();
    let (got, error) = rest(&mut stream);
    assert_eq!(error, Some(ErrorKind::ConnectionReset));
    assert!(got.ends_with(&chunk("data: [DONE]\n\n")), "only {} bytes came", got.len());
    let events = wait_for(&journal, 0, &Event::Closed);
    assert!(events.contains(&Event::Ended { how: End::Reset }));
}

#[test]
fn a_reset_does_not_wait_for_ever_for_a_peer_that_does_not_read() {
    // A frame trip ends the answer while the peer's window is full.
    let script = "[{then: [{trip: {after: {time: 200ms}, end: reset}}, {stream: {chunks: 4000, chunk_size: 16KiB}}]}]";
    let (address, journal) = provider(script);
    let mut stream = ask(address);
    let start = now();
    let events = wait_for(&journal, 0, &Event::Closed);
    assert!(events.contains(&Event::Ended { how: End::Reset }));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(rest(&mut stream).1, Some(ErrorKind::ConnectionReset));
}

#[test]
fn segments_that_are_cut_apart_arrive_apart() {
    let script = "[{then: [{head: {status: 200}}, {wait: 100ms}, {cut: {every: 4, level: segment, gap: 100ms, steps: [{send: {raw: abcdefg}}]}}, {end: fin}]}]";
    let (address, _) = provider(script);
    let mut stream = ask(address);
    let mut reads = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece).unwrap() {
            0 => break,
            len => reads.push(String::from_utf8(piece[..len].to_vec()).unwrap()),
        }
    }
    assert_eq!(reads[1..], ["7\r\na", "bcde", "fg\r\n"]);
}

#[test]
fn the_peers_fin_and_rst_are_told_apart() {
    let script = format!("[{{then: [{HEAD}, {{send: {{raw: a}}}}, {{wait: forever}}]}}]");
    let (address, journal) = provider(&script);
    let mut leaves = ask(address);
    // It has read all there is; else its kernel would send RST instead of FIN.
    let mut bytes = vec![0; STREAM_HEAD.len() + chunk("a").len()];
    leaves.read_exact(&mut bytes).unwrap();
    drop(leaves);
    wait_for(&journal, 0, &Event::PeerGone { how: PeerEnd::Fin, during_answer: true });

    let mut resets = ask(address);
    // Closing with unread bytes makes Linux send RST (RFC 2525 2.17).
    resets.read_exact(&mut [0; 1]).unwrap();
    let mut peeked = vec![0; bytes.len() - 1];
    while resets.peek(&mut peeked).unwrap() < peeked.len() {}
    drop(resets);
    wait_for(&journal, 1, &Event::PeerGone { how: PeerEnd::Reset, during_answer: true });
}

#[test]
fn a_refusal_arrives_whole_though_the_peer_is_still_sending() {
    let (address, _) = provider("[]");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..64 {
        stream.write_all(&vec![b'x'; 64 << 10]).unwrap();
    }
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let (got, error) = rest(&mut stream);
    assert!(got.starts_with("HTTP/1.1 413 Content Too Large\r\n"), "{got}");
    assert_eq!(error, None);
}

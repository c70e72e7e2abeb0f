//! How many frames a second does the mock send on a real port, and what does a stream that it
//! holds open cost?
//!
//! The mock runs on one thread and its client on another, so both have a core. The client is a
//! plain socket that only looks for the end of the answer: what it costs is the kernel's share.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mock_openai::{
    Mock,
    journal::{Listener, STORE_ENTRIES_DEFAULT, Store, deaf},
    script,
    wire::RealListener,
    yaml::NoFiles,
};
use tokio::{net::TcpListener, runtime};

const FRAMES: u64 = 2_000;

/// Bytes that Linux counts as one page on x86-64 and on most arm64.
const PAGE: u64 = 4 << 10;

/// Serves a script on a free loopback port, on a thread of its own, while the process lives.
fn start(yaml: &str, journal: impl FnOnce() -> Listener + Send + 'static) -> SocketAddr {
    let script =
        script::load("bench", yaml.as_bytes(), &NoFiles).expect("the bench's script is right");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime starts").block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = listener.local_addr().expect("a bound socket has an address");
            tell.send(address).expect("the bench waits");
            let mock = Mock { script, seed: 1, epoch: Duration::ZERO, journal: journal() };
            mock_openai::serve(RealListener::new(listener), mock).await
        })
    });
    told.recv().expect("it listens")
}

fn ask(address: SocketAddr) -> TcpStream {
    let body = r#"{"model":"gpt-4o-mini","stream":true,"messages":[]}"#;
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length:";
    write!(stream, "{head} {}\r\n\r\n{body}", body.len()).expect("it reads");
    stream
}

/// Reads until the answer ends; how many bytes it has.
fn read_all(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut all = 0;
    loop {
        let len = stream.read(buffer).expect("it answers");
        all += len;
        // The mock sends the last chunk by itself or behind a frame, so it ends a read.
        if len == 0 || buffer[..len].ends_with(b"\r\n0\r\n\r\n") || &buffer[..len] == b"0\r\n\r\n" {
            return all;
        }
    }
}

fn frame_rate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("provider/frames");
    group.sample_size(10).throughput(Throughput::Elements(FRAMES));
    // The opening frame, the finish frame and `[DONE]` are frames too.
    let yaml = format!("[{{ then: [{{ stream: {{ chunks: {} }} }}] }}]", FRAMES - 3);
    let bare = start(&yaml, deaf);
    let kept = start(&yaml, || Store::new(STORE_ENTRIES_DEFAULT).listener());
    let mut buffer = vec![0; 64 << 10];
    for (name, address) in [("no journal", bare), ("journal kept", kept)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let len = read_all(&mut ask(address), &mut buffer);
                assert!(len > 300_000, "only {len} bytes came");
            });
        });
    }
    group.finish();
}

/// How many streams this process may hold, each with two ends: 1,000, or as its limit allows.
fn streams_max() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<usize>().ok());
    soft.map_or(1_000, |soft| (soft.saturating_sub(64) / 2).min(1_000))
}

/// Resident memory of this process in bytes (`proc_pid_statm(5)`), where it can be told.
fn resident() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split_whitespace().nth(1)?.parse::<u64>().ok()? * PAGE)
}

/// Opens streams, and waits for the first frame of each.
fn hold(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut streams: Vec<TcpStream> = (0..count).map(|_| ask(address)).collect();
    let mut buffer = [0; 2 << 10];
    for stream in &mut streams {
        let mut got = 0;
        while !buffer[..got].ends_with(b"\n\n\r\n") {
            got += stream.read(&mut buffer[got..]).expect("it answers");
        }
    }
    streams
}

#[expect(clippy::print_stderr, reason = "a note beside the measurements")]
fn held_streams(criterion: &mut Criterion) {
    let count = streams_max();
    let yaml = "[{ then: [{ stream: { chunks: 100000, every: 1s } }] }]";
    let address = start(yaml, deaf);
    let before = resident();
    let streams = hold(address, count);
    if let (Some(before), Some(after)) = (before, resident()) {
        let each = after.saturating_sub(before) / streams.len().max(1) as u64;
        eprintln!("provider/held: {count} streams held at once, {each} bytes resident each");
    }
    drop(streams);
    let mut group = criterion.benchmark_group("provider/held");
    group.sample_size(10).throughput(Throughput::Elements(count as u64));
    group.bench_function("first frame of each stream", |bencher| {
        bencher.iter(|| hold(address, count));
    });
    group.finish();
}

/// Short: the figures are far apart from what one would act on.
fn short() -> Criterion {
    let default = Criterion::default();
    default.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = benches;
    config = short();
    targets = frame_rate, held_streams
}
criterion_main!(benches);

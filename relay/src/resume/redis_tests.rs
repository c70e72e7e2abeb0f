//! Two stores at one real server, as two relays have them.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::time::{Instant, advance, pause, resume, sleep, timeout};

use super::{
    super::{Owner, store::HOLD},
    connections::{CONNECT, RETRY},
    *,
};

/// A server of this test alone; ends with it.
struct Server {
    child: Child,
    folder: std::path::PathBuf,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// `None`, and a word about it, where there is no `redis-server`; on CI that is a failure.
async fn server() -> Option<Server> {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = std::env::temp_dir().join(format!("relay-redis-{}-{free}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--port", &free.to_string(), "--dir"])
        .arg(&folder)
        .stdout(Stdio::null())
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "redis-server does not start: {error}");
            eprintln!("SKIPPED: redis-server does not start ({error}): install redis-server");
            return None;
        }
    };
    let server = Server { child, folder, url: format!("redis://127.0.0.1:{free}") };
    let ready = async {
        while store(&server, 1 << 20).ask::<(String,)>(redis::pipe().cmd("PING")).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), ready).await.expect("it starts in milliseconds");
    Some(server)
}

fn store(server: &Server, bytes: usize) -> RedisStore {
    store_at(&server.url, bytes)
}

fn store_at(url: &str, bytes: usize) -> RedisStore {
    let bounds = Bounds { bytes, streams: 8, keep: Duration::from_mins(5) };
    RedisStore::with_lease(url, bounds, Duration::from_secs(2)).unwrap()
}

/// A listener that nobody serves, and a store at it: connections are taken in and never answered.
fn silent() -> (TcpListener, RedisStore) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    (listener, store_at(&url, 1 << 20))
}

fn label() -> Label {
    Label { farewell: "data: gone\n\n".into(), owner: Owner([7; 16]) }
}

fn id() -> StreamId {
    StreamId::new(0, 1)
}

/// Event `n`, ten bytes long.
fn event(n: u64) -> Entry {
    let bytes = Bytes::from(format!("data: {n:02}\n\n"));
    Entry { ends: vec![bytes.len()], bytes, first: n }
}

async fn written(server: &Server, bytes: usize, events: u64) -> RedisStore {
    let store = store(server, bytes);
    store.begin(id(), label()).await.unwrap();
    for n in 1..=events {
        store.append(id(), event(n)).await.unwrap();
    }
    store
}

#[tokio::test]
async fn one_relay_writes_and_another_reads_along() {
    let Some(server) = server().await else { return };
    let writer = written(&server, 1 << 20, 2).await;
    let reader = store(&server, 1 << 20);
    assert_eq!(reader.begin(id(), label()).await, Err(StoreError::Exists));
    let opened = reader.open(id(), 1).await.unwrap();
    assert_eq!(opened, Opened { offset: 10, label: label() });
    let reading = tokio::spawn(async move {
        let (mut offset, mut text) = (opened.offset, Vec::new());
        while let Read::Bytes(bytes) = reader.read(id(), offset).await.unwrap() {
            offset += bytes.len() as u64;
            text.extend(bytes);
        }
        assert_eq!(reader.open(id(), 9).await, Err(StoreError::Over));
        String::from_utf8(text).unwrap()
    });
    for n in 3..=9 {
        writer.append(id(), event(n)).await.unwrap();
    }
    writer.end(id(), End::Whole).await.unwrap();
    let text = (2..=9).map(|n| format!("data: {n:02}\n\n")).collect::<Vec<_>>().concat();
    assert_eq!(timeout(Duration::from_secs(30), reading).await.unwrap().unwrap(), text);
}

#[tokio::test]
async fn a_reader_of_a_lost_writer_gets_what_there_is_and_then_the_truth() {
    let Some(server) = server().await else { return };
    drop(written(&server, 1 << 20, 2).await);
    let reader = store(&server, 1 << 20);
    assert_eq!(reader.open(id(), 1).await.unwrap().offset, 10);
    let rest = Read::Bytes(event(2).bytes);
    assert_eq!(reader.read(id(), 10).await, Ok(rest));
    let lost = timeout(Duration::from_secs(30), reader.read(id(), 20)).await.unwrap();
    assert_eq!(lost, Err(StoreError::WriterLost { last_event: 2 }));
    // Its news is event 3; who had it has had all.
    assert_eq!(reader.open(id(), 2).await.unwrap().offset, 20);
    assert_eq!(reader.open(id(), 3).await, Err(StoreError::Over));
}

#[tokio::test]
async fn redis_keeps_the_last_bytes_only_and_who_needs_more_is_told() {
    let Some(server) = server().await else { return };
    let _writer = written(&server, 30, 100).await;
    let reader = store(&server, 30);
    let mut length = redis::pipe();
    length.cmd("XLEN").arg(key(id(), "events"));
    let (kept,): (u64,) = reader.ask(&length).await.unwrap();
    assert!(kept <= 4, "{kept} entries of ten bytes");
    assert_eq!(reader.open(id(), 90).await, Err(StoreError::Dropped));
    assert_eq!(reader.read(id(), 900).await, Err(StoreError::Dropped));
    assert_eq!(reader.open(id(), 98).await.unwrap().offset, 980);
    let other = StreamId::new(0, 2);
    assert_eq!(reader.open(other, 1).await, Err(StoreError::Unknown));
}

#[tokio::test]
async fn a_stream_goes_on_where_it_is_written_when_redis_goes_away() {
    let Some(server) = server().await else { return };
    let writer = written(&server, 1 << 20, 1).await;
    let reader = store(&server, 1 << 20);
    drop(server);
    writer.append(id(), event(2)).await.unwrap();
    writer.end(id(), End::Whole).await.unwrap();
    let rest = Read::Bytes(event(2).bytes);
    assert_eq!(writer.read(id(), 10).await, Ok(rest));
    assert_eq!(writer.read(id(), 20).await, Ok(Read::End(End::Whole)));
    assert!(matches!(reader.open(id(), 1).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_reader_waits_through_a_silence_that_is_longer_than_the_lease() {
    let Some(server) = server().await else { return };
    let writer = Arc::new(written(&server, 1 << 20, 1).await);
    let reader = Arc::clone(&writer);
    let reading = tokio::spawn(async move { reader.read(id(), 10).await });
    for _ in 0..5 {
        // Redis is asked while the clock runs: a paused one does not wait for its answers.
        pause();
        advance(HOLD).await;
        resume();
        writer.hold(id()).await.unwrap();
    }
    writer.append(id(), event(2)).await.unwrap();
    let next = Read::Bytes(event(2).bytes);
    assert_eq!(reading.await.unwrap(), Ok(next));
}

/// Resolves when the writer hears that its stream is read.
async fn is_read(writer: &RedisStore) {
    let told = async {
        while !writer.hold(id()).await.unwrap() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), told).await.expect("it is told within a renewal");
}

#[tokio::test]
async fn a_writer_hears_of_readers_elsewhere_as_long_as_they_read() {
    let Some(server) = server().await else { return };
    let (writer, reader) = (written(&server, 1 << 20, 1).await, Arc::new(store(&server, 1 << 20)));
    let mut forget = redis::pipe();
    forget.cmd("DEL").arg(key(id(), "readers"));
    assert!(!writer.hold(id()).await.unwrap());
    let places = [reader.attach(id()), reader.attach(id())];
    let reading = Arc::clone(&reader);
    let reading = tokio::spawn(async move { reading.read(id(), 10).await });
    // Again and again, for a read that waits.
    for _ in 0..3 {
        is_read(&writer).await;
        writer.ask::<redis::Value>(&forget).await.unwrap();
    }
    reading.abort();
    drop(reading.await);
    writer.ask::<redis::Value>(&forget).await.unwrap();
    assert!(!writer.hold(id()).await.unwrap());
    drop(places);
    assert!(reader.reading.locked().is_empty());
    let _own = writer.attach(id());
    assert!(writer.hold(id()).await.unwrap() && writer.reading.locked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn streams_whose_writers_vanish_are_not_held_for_ever() {
    let (_listener, store) = silent();
    for round in 0..3 {
        for n in 0..8 {
            store.begin(StreamId::new(round, n), label()).await.unwrap();
        }
        sleep(LEASE).await;
    }
    assert_eq!(store.writing.locked().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_redis_that_does_not_answer_is_waited_for_by_all_at_once() {
    let (listener, store) = silent();
    let attempts = || std::iter::from_fn(|| listener.accept().ok()).count();
    let began = Instant::now();
    let begins = (0..6).map(|n| store.begin(StreamId::new(0, n), label()));
    assert!(join_all(begins).await.iter().all(Result::is_ok));
    assert!(began.elapsed() < CONNECT * 2, "{:?}", began.elapsed());
    assert_eq!(attempts(), 1);

    let began = Instant::now();
    store.begin(StreamId::new(0, 6), label()).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(attempts(), 0);

    sleep(RETRY).await;
    store.begin(StreamId::new(0, 7), label()).await.unwrap();
    assert_eq!(attempts(), 1);
}

#[tokio::test]
async fn a_reader_does_not_fail_of_a_connection_that_died_while_idle() {
    let Some(server) = server().await else { return };
    written(&server, 1 << 20, 2).await.end(id(), End::Whole).await.unwrap();
    let reader = store(&server, 1 << 20);
    let rest = Read::Bytes(event(2).bytes);
    assert_eq!(reader.read(id(), 10).await, Ok(rest));
    let mut kill = redis::pipe();
    // All but the one that asks, which is the reader's shared one.
    kill.cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal");
    let (killed,): (u64,) = reader.ask(&kill).await.unwrap();
    assert!(killed >= 1, "its idle one is there");
    assert_eq!(reader.read(id(), 20).await, Ok(Read::End(End::Whole)));
}

#[tokio::test]
async fn a_stream_is_kept_for_all_though_the_shared_connection_died_while_idle() {
    let Some(server) = server().await else { return };
    let writer = written(&server, 1 << 20, 1).await;
    let other = store(&server, 1 << 20);
    let mut kill = redis::pipe();
    kill.cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal");
    let (killed,): (u64,) = other.ask(&kill).await.unwrap();
    assert!(killed >= 1, "the writer's is there");
    let second = StreamId::new(0, 2);
    writer.begin(second, label()).await.unwrap();
    writer.append(second, event(1)).await.unwrap();
    assert_eq!(other.open(second, 1).await.unwrap().offset, 10);
}

/// Adds an entry to a stream as another program might.
async fn add(store: &RedisStore, id: &str, first: u64, ends: &str) {
    let mut commands = redis::pipe();
    commands.cmd("XADD").arg(key(self::id(), "events")).arg(id).arg("bytes").arg("data: xx\n\n");
    commands.arg("first").arg(first).arg("ends").arg(ends);
    store.ask::<redis::Value>(&commands).await.unwrap();
}

#[tokio::test]
async fn what_no_relay_wrote_is_refused() {
    for (id, first, ends) in [
        ("20-0", u64::MAX, "10"),
        ("20-0", 2, "18446744073709551615"),
        ("20-0", 2, "11"),
        ("20-0", 2, "10,4"),
        ("9-9", 2, "10"),
    ] {
        let Some(server) = server().await else { return };
        let store = store(&server, 1 << 20);
        let mut head = redis::pipe();
        head.cmd("SET").arg(key(self::id(), "head")).arg([7_u8; 16].as_slice());
        store.ask::<redis::Value>(&head).await.unwrap();
        add(&store, id, first, ends).await;
        for after in [0, 1, 2] {
            let opened = store.open(self::id(), after).await;
            assert!(matches!(opened, Err(StoreError::Unavailable(_))), "{id} {first} {ends}");
        }
        let offset = if id == "9-9" { 8 } else { 10 };
        let read = store.read(self::id(), offset).await;
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{id} {first} {ends}: {read:?}");
    }
}

#[tokio::test]
async fn a_stream_with_a_gap_is_not_put_together() {
    for (id, first) in [("30-0", 3), ("20-0", 3), ("30-0", 2), ("18446744073709551615-0", 2)] {
        let Some(server) = server().await else { return };
        drop(written(&server, 1 << 20, 1).await);
        let store = store(&server, 1 << 20);
        add(&store, id, first, "10").await;
        for after in [1, 2, 3] {
            assert_eq!(store.open(self::id(), after).await, Err(StoreError::Dropped), "{id}");
        }
    }
}

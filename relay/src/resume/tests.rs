//! Readers that come and go, at any cut, on a paused clock.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::response::IntoResponse as _;
use http_body::Frame;
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::*;
use crate::{metrics::Given, stream::ids::Ids};

const FAREWELL: &str = "data: gone\n\n";

/// A source that is fed by hand: `Err` breaks it, the sender's drop ends it.
struct Fed {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    ids: Ids,
    ends: Vec<usize>,
    client: Client,
    mark: u64,
}

impl http_body::Body for Fed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = std::task::ready!(self.pieces.poll_recv(cx));
        self.mark = self.client.mark();
        Poll::Ready(piece.map(|piece| {
            let numbered = self.ids.number(piece?);
            self.ends = numbered.ends;
            Ok(Frame::data(numbered.bytes))
        }))
    }
}

impl Pumped for Fed {
    fn take_ends(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.ends)
    }

    fn refused(&mut self) {}

    fn give_up(&mut self) -> Option<Bytes> {
        self.pieces.close();
        let numbered = self.ids.number(Bytes::from_static(b"data: abandoned\n\n"));
        self.ends = numbered.ends;
        Some(numbered.bytes)
    }
}

fn client() -> Client {
    Client::new(([127, 0, 0, 1], 1).into(), Given::default())
}

fn caller() -> Caller {
    Caller::of(None)
}

fn config(bytes: usize) -> Config {
    let mut config = Config::new("http://provider/v1".parse().unwrap());
    config.resume_bytes = bytes;
    config.resume_streams = 8;
    config
}

/// A stream that has begun, its first client, and the hand that feeds it.
async fn begin(resume: &Resume) -> (StreamId, Body, mpsc::Sender<io::Result<Bytes>>) {
    let (feed, pieces) = mpsc::channel(1);
    let begun = resume.begin(caller(), FAREWELL.into()).await.unwrap();
    let (stream, pumped) = (begun.stream, client());
    let ids = Ids::new(stream.to_string().into());
    let source = Fed { pieces, ids, ends: Vec::new(), client: pumped.clone(), mark: pumped.mark() };
    (stream, resume.carry(begun, source, pumped, &client()), feed)
}

async fn all(body: Body) -> String {
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// All of a body that breaks off.
async fn broken(mut body: Body, client: &Client) -> String {
    let mut text = Vec::new();
    loop {
        client.flushed();
        match body.frame().await {
            Some(Ok(frame)) => text.extend(frame.into_data().unwrap()),
            Some(Err(_)) => return String::from_utf8(text).unwrap(),
            None => panic!("it ended well: {}", text.escape_ascii()),
        }
    }
}

async fn resumed(resume: &Resume, event: EventId) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(LAST_EVENT_ID, event.to_string().parse().unwrap());
    by_post(resume, &headers, &client()).await
}

/// As the client of a POST gets it.
async fn by_post(resume: &Resume, headers: &HeaderMap, client: &Client) -> Response {
    resume.rest(named_event(headers).unwrap(), Some(caller()), client).await.into_response()
}

/// As the client of a GET gets it.
async fn by_get(resume: &Resume, id: &str, headers: &HeaderMap, client: &Client) -> Response {
    resume.get(id, headers, client).await.into_response()
}

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// The text of a stream up to and with its event number `n`, and all of it.
fn numbered(stream: StreamId, n: usize) -> String {
    (1..=n).map(|n| format!("data: {n}\nid: {stream}-{n}\n\n")).collect::<Vec<_>>().concat()
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_read_again_by_post_and_by_get_and_204_when_it_was_read() {
    let resume = Resume::new(&config(1 << 20));
    let (stream, body, feed) = begin(&resume).await;
    for n in 1..=3 {
        feed.send(Ok(format!("data: {n}\n\n").into())).await.unwrap();
    }
    drop(feed);
    let whole = all(body).await;
    assert_eq!(whole, numbered(stream, 3));
    let rest = resumed(&resume, EventId { stream, number: 1 }).await;
    assert_eq!(rest.headers()["content-type"], "text/event-stream");
    assert_eq!(rest.headers()["x-stream-id"], stream.to_string());
    assert_eq!(all(rest.into_body()).await, whole[numbered(stream, 1).len()..]);
    let get = by_get(&resume, &stream.to_string(), &HeaderMap::new(), &client()).await;
    assert_eq!(all(get.into_body()).await, whole);
    assert_eq!(resumed(&resume, EventId { stream, number: 3 }).await.status(), 204);
    let other = EventId { stream: StreamId::new(9, 9), number: 1 };
    assert_eq!(resumed(&resume, other).await.status(), 404);
    let mut headers = HeaderMap::new();
    headers.insert(LAST_EVENT_ID, other.to_string().parse().unwrap());
    assert_eq!(by_get(&resume, &stream.to_string(), &headers, &client()).await.status(), 400);
    assert_eq!(by_get(&resume, "..", &headers, &client()).await.status(), 404);
    headers.insert(LAST_EVENT_ID, HeaderValue::from_static("the-providers-7"));
    assert_eq!(named_event(&headers), None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_broke_breaks_for_those_who_come_later_too() {
    let resume = Resume::new(&config(1 << 20));
    let (stream, body, feed) = begin(&resume).await;
    feed.send(Ok("data: 1\n\n".into())).await.unwrap();
    feed.send(Err(io::ErrorKind::ConnectionReset.into())).await.unwrap();
    drop(body);
    sleep(Duration::from_secs(1)).await;
    let late = client();
    let get = by_get(&resume, &stream.to_string(), &HeaderMap::new(), &late).await;
    assert_eq!(broken(get.into_body(), &late).await, numbered(stream, 1));
}

#[tokio::test(start_paused = true)]
async fn without_readers_the_oldest_bytes_go_and_after_the_wait_the_source_does() {
    let resume = Resume::new(&config(4 << 10));
    let before = tasks();
    let (stream, body, feed) = begin(&resume).await;
    drop(body);
    for n in 1..=200 {
        feed.send(Ok(format!("data: {n}\n\n").into())).await.unwrap();
    }
    sleep(Duration::from_secs(29)).await;
    assert!(!feed.is_closed());
    assert_eq!(resumed(&resume, EventId { stream, number: 1 }).await.status(), 410);
    sleep(Duration::from_secs(2)).await;
    assert!(feed.is_closed());
    assert_eq!(tasks(), before);
    let late = client();
    let mut headers = HeaderMap::new();
    headers.insert(LAST_EVENT_ID, format!("{stream}-200").parse().unwrap());
    let rest = by_post(&resume, &headers, &late).await;
    let rest = broken(rest.into_body(), &late).await;
    assert_eq!(rest, format!("data: abandoned\nid: {stream}-201\n\n"));
    assert_eq!(resumed(&resume, EventId { stream, number: 201 }).await.status(), 204);
}

#[tokio::test(start_paused = true)]
async fn the_source_waits_for_the_slowest_reader_and_no_reader_loses_its_place() {
    let resume = Resume::new(&config(4 << 10));
    let (stream, slow, feed) = begin(&resume).await;
    let fast = by_get(&resume, &stream.to_string(), &HeaderMap::new(), &client()).await.into_body();
    let fast = tokio::spawn(all(fast));
    let feeding = tokio::spawn(async move {
        for n in 1..=500 {
            feed.send(Ok(format!("data: {n}\n\n").into())).await.unwrap();
        }
    });
    sleep(Duration::from_secs(20)).await;
    assert!(!feeding.is_finished(), "4 KiB hold no 500 events");
    assert_eq!(all(slow).await, numbered(stream, 500));
    assert_eq!(fast.await.unwrap(), numbered(stream, 500));
    feeding.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_reads_an_ended_stream_reads_it_whole_though_its_time_and_its_place_are_wanted() {
    let mut config = config(1 << 20);
    (config.resume_streams, config.resume_keep) = (1, Duration::ZERO);
    let resume = Resume::new(&config);
    let (stream, slow, feed) = begin(&resume).await;
    for n in 1..=3 {
        feed.send(Ok(format!("data: {n}\n\n").into())).await.unwrap();
    }
    let back = by_get(&resume, &stream.to_string(), &HeaderMap::new(), &client()).await;
    drop(feed);
    sleep(Duration::from_mins(1)).await;
    for body in [slow, back.into_body()] {
        let refused = resume.begin(caller(), FAREWELL.into()).await.err();
        assert_eq!(refused, Some(StoreError::Full));
        assert_eq!(all(body).await, numbered(stream, 3));
    }
    assert!(resume.begin(caller(), FAREWELL.into()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_gone_takes_its_pumps_along() {
    let before = tasks();
    let resume = Resume::new(&config(4 << 10));
    let (_, _body, feed) = begin(&resume).await;
    drop(resume);
    sleep(Duration::from_millis(1)).await;
    assert!(feed.is_closed());
    assert_eq!(tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn two_relays_share_a_store_and_the_loss_of_one_is_told_by_the_other() {
    let bounds = Bounds { bytes: 1 << 20, streams: 8, keep: Duration::from_mins(5) };
    let mut config = config(1 << 20);
    config.store = Some(Arc::new(MemoryStore::new(bounds)));
    let (crashing, other) = (Resume::new(&config), Resume::new(&config));
    let (stream, body, feed) = begin(&crashing).await;
    let (second, _body, _feed) = begin(&other).await;
    assert_ne!(stream, second, "they share the seed too");
    feed.send(Ok("data: 1\n\ndata: 2\n\ndata: ha".into())).await.unwrap();
    // On a paused clock this is: until nothing more happens by itself.
    sleep(Duration::from_secs(1)).await;
    let late = client();
    let mut headers = HeaderMap::new();
    headers.insert(LAST_EVENT_ID, format!("{stream}-1").parse().unwrap());
    let rest = by_post(&other, &headers, &late).await.into_body();
    let rest = tokio::spawn(async move { broken(rest, &late).await });
    // Longer than any lease: a silent writer is not a lost one.
    sleep(Duration::from_secs(20)).await;
    feed.send(Ok("lf".into())).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    drop((crashing, body));
    let rest = tokio::time::timeout(Duration::from_mins(1), rest).await.unwrap().unwrap();
    let farewell = FAREWELL.replace("\n\n", &format!("\nid: {stream}-3\n\n"));
    assert_eq!(rest, format!("data: 2\nid: {stream}-2\n\ndata: half\n\n{farewell}"));
    assert_eq!(resumed(&other, EventId { stream, number: 3 }).await.status(), 204);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_read_at_another_relay_is_not_given_up_until_its_reader_leaves() {
    for wait in [0, 1, 30] {
        let bounds = Bounds { bytes: 1 << 20, streams: 8, keep: Duration::from_mins(5) };
        let mut config = config(1 << 20);
        config.store = Some(Arc::new(MemoryStore::new(bounds)));
        config.resume_wait = Duration::from_secs(wait);
        let (writing, other) = (Resume::new(&config), Resume::new(&config));
        let (stream, body, feed) = begin(&writing).await;
        feed.send(Ok("data: 1\n\n".into())).await.unwrap();
        let late = client();
        let get = by_get(&other, &stream.to_string(), &HeaderMap::new(), &late).await;
        drop(body);
        let mut there = get.into_body();
        for n in 1..=9 {
            let frame = there.frame().await.unwrap().unwrap();
            let event = format!("data: {n}\nid: {stream}-{n}\n\n");
            assert_eq!(frame.into_data().unwrap(), event, "{wait}");
            sleep(Duration::from_secs(20)).await;
            feed.send(Ok(format!("data: {}\n\n", n + 1).into())).await.unwrap();
        }
        assert!(!feed.is_closed(), "{wait}");
        drop(there);
        let left = Instant::now();
        feed.closed().await;
        // That there was a reader is known from hold to hold.
        let (waited, hold) = (left.elapsed().as_secs(), store::HOLD.as_secs());
        assert!(waited.abs_diff(wait) <= hold, "{wait} became {waited}");
    }
}

/// Streams as providers send them and the relay adds to them: with its heartbeats, a provider's comments
/// between and in events, and blocks that no parser makes an event of.
const STREAMS: [&str; 3] = [
    ": heartbeat\ndata: 1\n\n: heartbeat\n: heartbeat\ndata: 2\n: within\n\n: ping\n\n: heartbeat\n\
     event: e\ndata: 3\n\nevent: none\n\nretry: 1\n\n: heartbeat\nid: x\ndata\n\n",
    ": heartbeat\ndata: 1\r\n\r\n: ping\r\n\r\n: heartbeat\nunknown: 2\r\ndata: 2\r\n\r\n",
    "\u{feff}data: 1\r\r: ping\r\revent: e\revent\rdata: 2\r\r: heartbeat\n",
];

/// Names and data of the events of a text as openai-python 3.54 and 1.109 read it: by HTML 9.2.6, but once
/// an id is known a blank line makes an event also where nothing stands before it. `cut` takes what
/// has begun at the end for an event, if anything of one stands there.
fn events(text: &str, cut: bool) -> Vec<(String, Option<String>)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut name, mut data, mut knows_id) = (Vec::new(), "", None::<String>, false);
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() && (knows_id || !name.is_empty() || data.is_some()) => {
                events.push((std::mem::take(&mut name).to_owned(), data.take()));
            }
            "data" => data = Some(data.map_or_else(String::new, |data| data + "\n") + value),
            "event" => name = value,
            "id" => knows_id = true,
            _ => {}
        }
    }
    if cut && (!name.is_empty() || data.is_some()) {
        events.push((name.to_owned(), data));
    }
    events
}

/// What a reader gets of a stream whose writer is lost behind these pieces.
async fn lost_behind(pieces: impl Iterator<Item = &[u8]>) -> (StreamId, String) {
    let bounds = Bounds { bytes: 1 << 20, streams: 8, keep: Duration::from_mins(5) };
    let mut config = config(1 << 20);
    config.store = Some(Arc::new(MemoryStore::new(bounds)));
    let (crashing, other) = (Resume::new(&config), Resume::new(&config));
    let (stream, body, feed) = begin(&crashing).await;
    for piece in pieces {
        feed.send(Ok(Bytes::copy_from_slice(piece))).await.unwrap();
    }
    sleep(Duration::from_millis(1)).await;
    drop((crashing, body));
    let late = client();
    let get = by_get(&other, &stream.to_string(), &HeaderMap::new(), &late).await;
    (stream, broken(get.into_body(), &late).await)
}

#[tokio::test(start_paused = true)]
async fn that_a_stream_is_lost_stands_alone_wherever_it_was_cut() {
    for stream in STREAMS.map(str::as_bytes) {
        for (end, cut) in (0..=stream.len()).flat_map(|end| [1, 2, 5, 999].map(|cut| (end, cut))) {
            // Half a code point is not text.
            let Ok(_) = std::str::from_utf8(&stream[..end]) else { continue };
            let (id, got) = lost_behind(stream[..end].chunks(cut)).await;
            let sent = Ids::new(id.to_string().into()).number(Bytes::from_static(&stream[..end]));
            let sent = std::str::from_utf8(&sent.bytes).unwrap();
            assert!(got.starts_with(sent), "{got:?}");
            let mut meant = events(sent, true);
            meant.push((String::new(), Some("gone".to_owned())));
            assert_eq!(events(&got, false), meant, "{got:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_piece_larger_than_the_store_passes_a_slow_reader_whole() {
    let resume = Resume::new(&config(4 << 10));
    let (stream, mut slow, feed) = begin(&resume).await;
    let fast = by_get(&resume, &stream.to_string(), &HeaderMap::new(), &client()).await.into_body();
    let fast = tokio::spawn(all(fast));
    let long = format!("data: {}\n\n", "x".repeat(64 << 10));
    feed.send(Ok(long.clone().into())).await.unwrap();
    drop(feed);
    let mut text = String::new();
    while let Some(frame) = slow.frame().await {
        text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        sleep(Duration::from_secs(20)).await;
    }
    assert_eq!(fast.await.unwrap(), text);
    assert_eq!(text, long.replace("\n\n", &format!("\nid: {stream}-1\n\n")));
}

/// What one reader does: after so many frames it drops, waits, and comes back.
type Drops = Vec<(usize, u64)>;

/// The last event that a client has whole, and how long its text is up to there.
fn last_whole(text: &str, stream: StreamId) -> (u64, usize) {
    let Some(end) = text.rfind("\n\n") else { return (0, 0) };
    let id = format!("id: {stream}-");
    let at = text[..end].rfind(&id).unwrap();
    (text[at + id.len()..end].parse().unwrap(), end + 2)
}

async fn read_with_drops(resume: Arc<Resume>, stream: StreamId, drops: Drops, wait: u64) -> String {
    let mut text = String::new();
    for (frames, pause) in drops.into_iter().chain([(usize::MAX, 0)]) {
        let (number, length) = last_whole(&text, stream);
        text.truncate(length);
        let answer = resumed(&resume, EventId { stream, number }).await;
        if answer.status() == 204 {
            break;
        }
        assert_eq!(answer.status(), 200);
        let mut body = answer.into_body();
        for _ in 0..frames {
            let Some(frame) = body.frame().await else { return text };
            text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
            sleep(Duration::from_millis(wait)).await;
        }
        drop(body);
        sleep(Duration::from_millis(pause)).await;
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_reader_has_the_whole_stream_however_often_it_drops(
        cuts in prop::collection::vec((1_usize..40, 0_u64..4), 1..60),
        readers in prop::collection::vec(
            (prop::collection::vec((0_usize..6, 0_u64..20), 0..8), 0_u64..5), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let resume = Arc::new(Resume::new(&config(64 << 10)));
            let (stream, first, feed) = begin(&resume).await;
            let first = tokio::spawn(all(first));
            let text = (1..=60).map(|n| format!("data: {n}\n\n")).collect::<Vec<_>>().concat();
            let readers: Vec<_> = readers.into_iter().map(|(drops, wait)| {
                tokio::spawn(read_with_drops(Arc::clone(&resume), stream, drops, wait))
            }).collect();
            let mut rest = text.as_bytes();
            for (cut, pause) in cuts.into_iter().chain([(usize::MAX, 0)]) {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                rest = behind;
                feed.send(Ok(Bytes::copy_from_slice(piece))).await.unwrap();
                sleep(Duration::from_millis(pause)).await;
            }
            drop(feed);
            for reader in readers.into_iter().chain([first]) {
                assert_eq!(reader.await.unwrap(), numbered(stream, 60));
            }
        });
    }
}

//! Kept streams on real sockets: who gets which of them, from where on, and what is kept no more.

mod support;

use std::{io, sync::Arc};

use futures_util::future::BoxFuture;
use relay::{
    Config,
    resume::{
        Bounds, MemoryStore, Store, StoreError, StreamId,
        store::{End, Entry, Label, Opened, Place, Read},
    },
};
use support::{Client, Provider, Running, Seen, Step, bare, chunk, post, soon, stream_head, whole};
use tokio::io::AsyncWriteExt as _;

const CHAT: &str = "/v1/chat/completions";
const CLOSE: &str = "connection: close\r\n";
const DONE: &str = "data: [DONE]\n\n";

/// A stream of so many events and `[DONE]`.
fn stream(events: usize) -> Vec<Step> {
    let events = (1..=events).map(|n| chunk(format!("data: {{\"n\":{n}}}\n\n")));
    [stream_head()].into_iter().chain(events).chain([chunk(DONE), chunk("")]).collect()
}

async fn relay(provider: &Provider, switches: &[(&str, &str)]) -> io::Result<Running> {
    let resume = [("resume", "on"), ("max_streams_per_address", "off"), ("retries", "0")];
    Running::start(provider.address, &[&resume, switches].concat()).await
}

/// The name of the stream that this client reads, if it has one.
fn name(client: &Client) -> Option<String> {
    let head = client.head();
    head.lines().find_map(|line| line.strip_prefix("x-stream-id: ")).map(str::to_owned)
}

/// Asks for what follows an event, by the same POST.
async fn rest(relay: &Running, event: &str, headers: &str) -> io::Result<Client> {
    let headers = format!("last-event-id: {event}\r\nconnection: close\r\n{headers}");
    let mut client = Client::send(relay.address, &post(CHAT, &headers)).await?;
    client.rest().await;
    Ok(client)
}

async fn get(relay: &Running, stream: &str, headers: &str) -> io::Result<Client> {
    let path = format!("/v1/streams/{stream}");
    let mut client = Client::send(relay.address, &bare("GET", &path, headers)).await?;
    client.rest().await;
    Ok(client)
}

/// Reads a stream of its own to its end.
async fn read(relay: &Running, headers: &str) -> io::Result<Client> {
    let headers = format!("connection: close\r\n{headers}");
    let mut client = Client::send(relay.address, &post(CHAT, &headers)).await?;
    client.rest().await;
    Ok(client)
}

#[tokio::test]
async fn a_stream_is_for_the_key_that_began_it() -> io::Result<()> {
    let provider = Provider::start(vec![stream(3)]).await?;
    let relay = relay(&provider, &[("keys", "mine,yours")]).await?;
    let whole = read(&relay, "authorization: Bearer mine\r\n").await?;
    let stream = name(&whole).expect("it is kept");
    let first = format!("{stream}-1");
    let (text, _) = whole.chunked();

    let own = rest(&relay, &first, "authorization: Bearer mine\r\n").await?;
    assert_eq!(own.status(), 200);
    assert!(text.ends_with(&own.chunked().0) && own.chunked().0.len() < text.len());
    let none = rest(&relay, &first, "").await?;
    assert_eq!(none.status(), 401);
    for other in [
        rest(&relay, &first, "authorization: Bearer yours\r\n").await?,
        get(&relay, &stream, "authorization: Bearer yours\r\n").await?,
    ] {
        assert_eq!(other.status(), 404, "{}", other.text());
        assert!(!other.text().contains("\"n\""), "{}", other.text());
    }
    // An `EventSource` cannot show a key: the name is what it has.
    for reader in ["", "authorization: Bearer mine\r\n"] {
        assert_eq!(get(&relay, &stream, reader).await?.chunked(), (text.clone(), true));
    }
    Ok(())
}

/// The same POST has the same prompt, which nobody needs: left unread, it would cost the connection.
#[tokio::test]
async fn the_prompt_of_who_comes_back_is_read() -> io::Result<()> {
    let provider = Provider::start(vec![stream(3)]).await?;
    let relay = relay(&provider, &[("max_request", "1MiB"), ("request_body", "100ms")]).await?;
    let first = format!("{}-1", name(&read(&relay, "").await?).expect("it is kept"));
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: r\r\nlast-event-id: {first}\r\n");

    let prompt = "x".repeat(300_000);
    let request = format!("{head}content-length: 300000\r\n\r\n{prompt}");
    let mut client = Client::send(relay.address, &request).await?;
    client.until("\r\n0\r\n\r\n").await;
    assert!(client.text().contains("{\"n\":2}"), "{}", client.text());
    client.socket.write_all(bare("GET", "/healthz", "").as_bytes()).await?;
    assert!(client.rest().await.text().ends_with("\r\n\r\nok\n"), "{}", client.text());

    for (rest, status) in [
        ("expect: 100-continue\r\ncontent-length: 1048577\r\n\r\n", 413),
        ("content-length: 2\r\n\r\n{", 408),
    ] {
        let mut client = Client::send(relay.address, &format!("{head}{rest}")).await?;
        client.until("\r\n\r\n").await;
        assert_eq!(client.status(), status);
    }
    Ok(())
}

#[tokio::test]
async fn without_keys_of_the_relay_those_for_the_provider_tell_callers_apart() -> io::Result<()> {
    let provider = Provider::start(vec![stream(3)]).await?;
    let relay = relay(&provider, &[]).await?;
    let whole = read(&relay, "authorization: Bearer mine\r\n").await?;
    let first = format!("{}-1", name(&whole).expect("it is kept"));
    for (shown, status) in [("Bearer mine", 200), ("Bearer yours", 404), ("Basic mine", 404)] {
        let rest = rest(&relay, &first, &format!("authorization: {shown}\r\n")).await?;
        assert_eq!(rest.status(), status, "{shown}");
    }
    assert_eq!(rest(&relay, &first, "").await?.status(), 404);
    Ok(())
}

#[tokio::test]
async fn what_is_over_unknown_or_forgotten_says_so() -> io::Result<()> {
    let provider = Provider::start(vec![stream(3)]).await?;
    let keeping = relay(&provider, &[]).await?;
    let stream = name(&read(&keeping, "").await?).expect("it is kept");
    for over in [
        rest(&keeping, &format!("{stream}-4"), "").await?,
        get(&keeping, &stream, &format!("last-event-id: {stream}-4\r\n")).await?,
    ] {
        assert_eq!((over.status(), over.plain().as_str()), (204, ""));
    }
    let other = "0".repeat(32);
    for unknown in [
        rest(&keeping, &format!("{other}-1"), "").await?,
        get(&keeping, &other, "").await?,
        get(&keeping, "no-name", "").await?,
    ] {
        assert_eq!(unknown.status(), 404);
        assert!(unknown.plain().contains("stream_not_found"), "{}", unknown.text());
    }
    let others = get(&keeping, &stream, &format!("last-event-id: {other}-1\r\n")).await?;
    assert_eq!(others.status(), 400);

    let forgetting = relay(&provider, &[("resume_keep", "50ms")]).await?;
    let stream = name(&read(&forgetting, "").await?).expect("it is kept");
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    assert_eq!(rest(&forgetting, &format!("{stream}-1"), "").await?.status(), 404);
    assert_eq!(get(&forgetting, &stream, "").await?.status(), 404);
    Ok(())
}

#[tokio::test]
async fn a_provider_that_dies_while_nobody_reads_is_told_of_later() -> io::Result<()> {
    let dies = vec![stream_head(), chunk("data: {\"n\":1}\n\n"), Step::Gate, Step::Reset];
    let provider = Provider::start(vec![dies]).await?;
    let relay = relay(&provider, &[]).await?;
    let mut first = Client::chat(relay.address).await?;
    first.until("\"n\":1").await;
    let stream = name(&first).expect("it is kept");
    drop(first);
    provider.go();
    // Whether the reader comes before the reset or after it, it gets the same.
    for _ in 0..2 {
        let late = get(&relay, &stream, "").await?;
        let (text, whole) = late.chunked();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.starts_with(&format!("data: {{\"n\":1}}\nid: {stream}-1\n\n")), "{text}");
        assert!(text.contains("\"error\"") && text.contains(&format!("{stream}-2")), "{text}");
        assert!(!whole && !text.contains("[DONE]"), "{text}");
    }
    assert_eq!(rest(&relay, &format!("{stream}-2"), "").await?.status(), 204);
    Ok(())
}

#[tokio::test]
async fn of_what_nobody_reads_the_last_bytes_are_kept() -> io::Result<()> {
    let long = format!("data: {}\n\n", "x".repeat(1 << 10));
    let sends = (0..100).map(|_| chunk(&long));
    let answer = [stream_head(), chunk("data: 1\n\n"), Step::Gate]
        .into_iter()
        .chain(sends)
        .chain([chunk(DONE), chunk(""), Step::Hold]);
    let mut provider = Provider::start(vec![answer.collect()]).await?;
    let relay = relay(&provider, &[("resume_bytes", "4KiB")]).await?;
    let mut first = Client::chat(relay.address).await?;
    first.until("data: 1").await;
    let stream = name(&first).expect("it is kept");
    drop(first);
    provider.go();
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert_eq!(provider.next().await, Seen::Gone, "the relay has read it to the end");
    let dropped = rest(&relay, &format!("{stream}-1"), "").await?;
    assert_eq!(dropped.status(), 410);
    assert!(dropped.plain().contains("stream_dropped"), "{}", dropped.text());
    let kept = rest(&relay, &format!("{stream}-100"), "").await?;
    let (text, whole) = kept.chunked();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(whole && text.ends_with(&format!("data: [DONE]\nid: {stream}-102\n\n")), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_stream_for_which_there_is_no_place_is_relayed_and_not_kept() -> io::Result<()> {
    let held = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let provider = Provider::start(vec![held, stream(3)]).await?;
    let relay = relay(&provider, &[("resume_streams", "1")]).await?;
    let mut running = Client::chat(relay.address).await?;
    running.until("data: 1").await;
    assert!(name(&running).is_some());
    let second = read(&relay, "").await?;
    assert_eq!(name(&second), None);
    let (text, whole) = second.chunked();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(whole && text.ends_with(DONE) && !text.contains("id: "), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_stream_that_has_ended_keeps_its_place_while_its_client_reads_it() -> io::Result<()> {
    // More than the sockets hold, and less than the relay keeps for one reader.
    let filler = "x".repeat(16 << 10);
    let events = (1..=1_000).map(|n| chunk(format!("data: {{\"n\":{n},\"x\":\"{filler}\"}}\n\n")));
    let long =
        [stream_head()].into_iter().chain(events).chain([chunk(DONE), chunk(""), Step::Hold]);
    let mut provider = Provider::start(vec![long.collect(), stream(3)]).await?;
    let bounds = [("resume_streams", "1"), ("resume_keep", "0s"), ("resume_bytes", "64MiB")];
    let relay = relay(&provider, &bounds).await?;
    let mut slow = Client::send(relay.address, &post(CHAT, CLOSE)).await?;
    slow.until("\"n\":1,").await;
    assert!(name(&slow).is_some());
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert_eq!(provider.next().await, Seen::Gone, "the relay has read it to the end");
    let second = read(&relay, "").await?;
    assert_eq!((name(&second), second.chunked().1), (None, true), "there is no place for it");
    let (text, whole) = slow.rest().await.chunked();
    let text = String::from_utf8_lossy(&text).into_owned();
    let end = &text[text.len().saturating_sub(200)..];
    assert!(whole && end.contains(DONE.trim_end()) && !end.contains("\"error\""), "{end}");
    // Who has read to the end gives its place away.
    assert!(name(&read(&relay, "").await?).is_some());
    Ok(())
}

#[tokio::test]
async fn of_many_streams_the_last_are_kept() -> io::Result<()> {
    let provider = Provider::start(vec![stream(3)]).await?;
    let relay = relay(&provider, &[("resume_streams", "40")]).await?;
    let mut streams = Vec::new();
    for _ in 0..120 {
        streams.push(name(&soon(read(&relay, "")).await?).expect("an ended one gives way"));
    }
    for (n, stream) in streams.iter().enumerate() {
        let status = get(&relay, stream, "").await?.status();
        assert_eq!(status, if n < 80 { 404 } else { 200 }, "number {n}");
    }
    Ok(())
}

#[tokio::test]
async fn readers_have_a_cap_and_places_of_their_own() -> io::Result<()> {
    let held = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let provider = Provider::start(vec![held]).await?;
    let relay = relay(&provider, &[("max_streams", "1")]).await?;
    let mut first = Client::chat(relay.address).await?;
    first.until("data: 1").await;
    let path = format!("/v1/streams/{}", name(&first).expect("it is kept"));
    let mut second = Client::send(relay.address, &bare("GET", &path, "")).await?;
    second.until("data: 1").await;
    assert_eq!(second.status(), 200, "the stream's own place is taken");
    let mut third = Client::send(relay.address, &bare("GET", &path, "")).await?;
    assert_eq!(third.rest().await.status(), 429);
    Ok(())
}

/// A figure without labels, as the relay tells it now.
async fn figure(relay: &Running, metric: &str) -> io::Result<u64> {
    let mut scrape = Client::send(relay.address, &bare("GET", "/metrics", CLOSE)).await?;
    let text = scrape.rest().await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    Ok(line.expect(&text).parse().expect("a number"))
}

#[tokio::test]
async fn what_each_reader_of_a_kept_stream_gets_is_counted_and_what_nobody_reads_is_not()
-> io::Result<()> {
    let events = [stream_head(), chunk("data: 1\n\n"), Step::Gate, chunk("data: 2\n\n")];
    let answer = events.into_iter().chain([chunk(DONE), chunk(""), Step::Hold]).collect();
    let mut provider = Provider::start(vec![answer]).await?;
    let relay = relay(&provider, &[]).await?;
    let mut first = Client::chat(relay.address).await?;
    first.until("\nid: ").await;
    let stream = name(&first).expect("it is kept");
    first.until(&format!("{stream}-1\n\n")).await;
    let taken = first.chunked().0.len();
    drop(first);
    let left = async {
        while figure(&relay, "relay_open_connections").await? > 1 {}
        io::Result::Ok(())
    };
    soon(left).await?;
    assert!(matches!(provider.next().await, Seen::Request(_)));
    provider.go();
    assert_eq!(provider.next().await, Seen::Gone, "the relay has read it to the end");
    assert_eq!(figure(&relay, "relay_relayed_bytes_total").await?, taken as u64);
    let again = get(&relay, &stream, "").await?.chunked().0.len();
    assert!(again > taken * 2, "{again} are all of it");
    let rest = rest(&relay, &format!("{stream}-1"), "").await?.chunked().0.len();
    let given = figure(&relay, "relay_relayed_bytes_total").await?;
    assert_eq!(given, (taken + again + rest) as u64);
    Ok(())
}

/// Resolves when readers are given nothing more.
async fn nothing_moves(relay: &Running) -> io::Result<()> {
    let mut before = 0;
    loop {
        let now = figure(relay, "relay_relayed_bytes_total").await?;
        if now == before && now > 0 {
            return Ok(());
        }
        before = now;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn the_provider_waits_for_a_reader_of_a_kept_stream_and_nothing_is_lost() -> io::Result<()> {
    const EVENTS: usize = 2_000;
    let filler = "x".repeat(16 << 10);
    let events = (1..=EVENTS).map(|n| chunk(format!("data: {{\"n\":{n},\"x\":\"{filler}\"}}\n\n")));
    let end = [chunk(DONE), chunk(""), Step::Hold];
    let answer = [stream_head()].into_iter().chain(events).chain(end);
    let mut provider = Provider::start(vec![answer.collect()]).await?;
    let relay = relay(&provider, &[("resume_bytes", "64KiB"), ("stalled_client", "off")]).await?;
    let mut slow = Client::send(relay.address, &post(CHAT, CLOSE)).await?;
    slow.until("\"n\":1,").await;
    assert!(matches!(provider.next().await, Seen::Request(_)));
    nothing_moves(&relay).await?;
    assert!(provider.seen.try_recv().is_err(), "all was taken for a reader that takes nothing");
    let (text, whole) = slow.rest().await.chunked();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(whole && text.ends_with(&format!("-{}\n\n", EVENTS + 1)), "it ends otherwise");
    let mut place = 0;
    for n in 1..=EVENTS {
        let event = format!("data: {{\"n\":{n},");
        place += text[place..].find(&event).unwrap_or_else(|| panic!("{n} is missing")) + 1;
    }
    Ok(())
}

/// The provider's length tells where its body ends, before hyper asks for more.
#[tokio::test]
async fn the_error_that_ends_a_kept_stream_has_the_next_id() -> io::Result<()> {
    let event = "data: {\"n\":1}\n\n";
    let provider =
        Provider::start(vec![whole("200 OK", "content-type: text/event-stream\r\n", event)])
            .await?;
    let relay = relay(&provider, &[]).await?;
    let client = read(&relay, "").await?;
    let stream = name(&client).expect("it is kept");
    let (text, _) = client.chunked();
    let text = String::from_utf8_lossy(&text).into_owned();
    let ids: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert!(text.contains("\"error\""), "{text}");
    assert_eq!(ids, [format!("{stream}-1"), format!("{stream}-2")], "{text}");
    Ok(())
}

/// Takes streams in, and none of their bytes.
#[derive(Debug)]
struct Refusing(MemoryStore);

impl Store for Refusing {
    fn begin(&self, stream: StreamId, label: Label) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.begin(stream, label)
    }

    fn append(&self, _: StreamId, _: Entry) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Err(StoreError::Unavailable("it is full".to_owned())) })
    }

    fn hold(&self, stream: StreamId) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.0.hold(stream)
    }

    fn end(&self, stream: StreamId, end: End) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.end(stream, end)
    }

    fn attach(&self, stream: StreamId) -> Place {
        self.0.attach(stream)
    }

    fn open(&self, stream: StreamId, after: u64) -> BoxFuture<'_, Result<Opened, StoreError>> {
        self.0.open(stream, after)
    }

    fn read(&self, stream: StreamId, offset: u64) -> BoxFuture<'_, Result<Read, StoreError>> {
        self.0.read(stream, offset)
    }
}

#[tokio::test]
async fn a_stream_that_the_store_refuses_is_not_counted_as_left_by_its_client() -> io::Result<()> {
    let answer = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let mut provider = Provider::start(vec![answer]).await?;
    let base = format!("http://{}/v1", provider.address);
    let mut config = Config::new(base.parse().expect("a URL"));
    config.resume = true;
    config.store = Some(Arc::new(Refusing(MemoryStore::new(Bounds::of(&config)))));
    let relay = Running::with(config).await?;
    let _client = Client::chat(relay.address).await?;
    assert!(matches!(provider.next().await, Seen::Request(_)));
    assert_eq!(provider.next().await, Seen::Gone, "the provider is let go");
    let mut scrape = Client::send(relay.address, &bare("GET", "/metrics", CLOSE)).await?;
    let text = scrape.rest().await.text();
    assert!(text.contains("relay_streams_total{end=\"store_failed\"} 1\n"), "{text}");
    assert!(!text.contains("client_gone"), "{text}");
    Ok(())
}

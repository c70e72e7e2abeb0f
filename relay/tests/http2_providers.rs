//! Providers of HTTP/2, their frames written by hand: what they have not begun with, what they end late,
//! and more than one connection of theirs takes.

mod support;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use support::{Client, Running, bare, post, soon};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What the provider says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// 200 and `ok`.
    Ok,
    /// The same with a length, and no word of the stream's end until the next request.
    OkWithoutEnd,
    /// Nothing.
    Nothing,
    /// `RST_STREAM` with a code (RFC 9113 6.4).
    Reset(u8),
    /// `GOAWAY` that leaves the request out, with a code (RFC 9113 6.8).
    Goodbye(u8),
}

use Says::{Goodbye, Nothing, Ok as Answers, OkWithoutEnd, Reset};

const PREFACE: usize = 24;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).expect("a short frame");
    [&[0, 0, len, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Serves connections; the nth request of all gets the nth word, the last one for ever.
async fn provider(says: &'static [Says]) -> io::Result<(std::net::SocketAddr, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, says, Arc::clone(&count)));
        }
    });
    Ok((address, asked))
}

async fn serve(mut socket: TcpStream, says: &[Says], asked: Arc<AtomicUsize>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.read_exact(&mut [0; PREFACE]).await?;
    // SETTINGS_MAX_CONCURRENT_STREAMS: as many as a provider should allow at least (RFC 9113 6.5.2).
    socket.write_all(&frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])).await?;
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, _, _, _, stream] = head;
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        socket.read_exact(&mut vec![0; len]).await?;
        if kind == SETTINGS && flags == 0 {
            socket.write_all(&frame(SETTINGS, 1, 0, &[])).await?;
        }
        if !matches!(kind, DATA | HEADERS) || flags & END_STREAM == 0 {
            continue;
        }
        let nth = asked.fetch_add(1, SeqCst);
        let answer = match says[nth.min(says.len() - 1)] {
            // `:status: 200` (RFC 7541, Appendix A).
            Answers => [
                frame(HEADERS, END_HEADERS, stream, &[0x88]),
                frame(DATA, END_STREAM, stream, b"ok"),
            ]
            .concat(),
            // `content-length: 2`, by the name's number in that table.
            OkWithoutEnd => [
                frame(HEADERS, END_HEADERS, stream, &[0x88, 0x0f, 0x0d, 1, b'2']),
                frame(DATA, 0, stream, b"ok"),
            ]
            .concat(),
            Nothing => Vec::new(),
            Reset(code) => frame(RST_STREAM, 0, stream, &[0, 0, 0, code]),
            Goodbye(code) => frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, code]),
        };
        socket.write_all(&answer).await?;
    }
}

/// What a client gets, and how often the provider was asked for it.
async fn asked(path: &str, says: &'static [Says]) -> io::Result<(u16, usize)> {
    asked_again(path, says, "0").await
}

/// The same of a relay that tries so often again.
async fn asked_again(path: &str, says: &'static [Says], retries: &str) -> io::Result<(u16, usize)> {
    let (address, asked) = provider(says).await?;
    let switches = [("upstream_http", "h2"), ("retries", retries)];
    let relay = Running::start(address, &switches).await?;
    let mut client = Client::send(relay.address, &post(path, "connection: close\r\n")).await?;
    client.rest().await;
    let status = client.status();
    if status == 200 {
        assert!(client.plain().ends_with("ok") || client.chunked().0 == b"ok");
    }
    Ok((status, asked.load(SeqCst)))
}

const CHAT: &str = "/v1/chat/completions";
const REFUSED_STREAM: u8 = 7;
const CANCEL: u8 = 8;
const ENHANCE_YOUR_CALM: u8 = 11;

#[tokio::test]
async fn a_refused_stream_costs_one_more_attempt_whatever_was_asked() -> io::Result<()> {
    for path in [CHAT, "/v1/files"] {
        assert_eq!(asked(path, &[Reset(REFUSED_STREAM), Answers]).await?, (200, 2), "{path}");
        assert_eq!(asked(path, &[Goodbye(0), Answers]).await?, (200, 2), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_is_whole_with_its_last_byte_and_not_with_the_word_of_its_end() -> io::Result<()>
{
    let (address, _) = provider(&[OkWithoutEnd]).await?;
    let relay = Running::start(address, &[("upstream_http", "h2")]).await?;
    let mut client = Client::send(relay.address, &post(CHAT, "connection: close\r\n")).await?;
    assert_eq!(client.rest().await.plain(), "ok");
    let mut scrape = Client::send(relay.address, &bare("GET", "/metrics", "")).await?;
    let metrics = scrape.rest().await.plain();
    let told = "relay_streams_total{end=\"complete\"} 1";
    assert!(metrics.lines().any(|line| line == told), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn what_a_connection_has_no_room_for_goes_on_another() -> io::Result<()> {
    let (address, asked) = provider(&[Nothing]).await?;
    let switches = [("upstream_http", "h2"), ("max_streams_per_address", "off")];
    let relay = Running::start(address, &switches).await?;
    let mut clients = Vec::new();
    for _ in 0..=100 {
        clients.push(Client::chat(relay.address).await?);
    }
    let all = async {
        while asked.load(SeqCst) < clients.len() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(all).await;
    Ok(())
}

#[tokio::test]
async fn once_is_enough_and_other_codes_say_nothing_of_the_sort() -> io::Result<()> {
    assert_eq!(asked(CHAT, &[Reset(REFUSED_STREAM)]).await?, (502, 2));
    // Not at each try: one more in all.
    assert_eq!(asked_again(CHAT, &[Reset(REFUSED_STREAM)], "1").await?, (502, 3));
    assert_eq!(asked(CHAT, &[Reset(CANCEL), Answers]).await?, (502, 1));
    assert_eq!(asked(CHAT, &[Goodbye(ENHANCE_YOUR_CALM), Answers]).await?, (502, 1));
    Ok(())
}

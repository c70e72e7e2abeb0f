//! A provider on an in-memory transport, and a raw peer that shares nothing with its code.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use mock_openai::{
    Mock,
    journal::{Entry, Event, Listener},
    script::Script,
    serve,
    wire::{Accept, Wire},
    yaml,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf},
    sync::mpsc,
    time::Instant,
};

/// Unix time at which every test begins.
pub(crate) const EPOCH: u64 = 1_700_000_000;

/// What both ends of an in-memory connection know of each other beside the bytes.
#[derive(Debug, Default)]
struct Shared {
    was_reset: AtomicBool,
    writes: Mutex<Vec<Vec<u8>>>,
}

/// The provider's end.
#[derive(Debug)]
pub(crate) struct Memory {
    io: Option<DuplexStream>,
    shared: Arc<Shared>,
}

impl Memory {
    fn io(&mut self) -> io::Result<Pin<&mut DuplexStream>> {
        self.io.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = self.io()?.poll_read(cx, buf);
        let ended = done.is_ready() && buf.filled().len() == before;
        if ended && self.shared.was_reset.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        done
    }
}

impl AsyncWrite for Memory {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = self.io()?.poll_write(cx, bytes);
        if let Poll::Ready(Ok(len)) = done {
            self.shared
                .writes
                .lock()
                .expect("no test panics while it holds it")
                .push(bytes[..len].to_vec());
        }
        done
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io()?.poll_shutdown(cx)
    }
}

impl Wire for Memory {
    fn poll_reset(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.was_reset.store(true, Ordering::SeqCst);
        self.io = None;
        Poll::Ready(Ok(()))
    }
}

struct Incoming(mpsc::UnboundedReceiver<(Memory, SocketAddr)>);

impl Accept for Incoming {
    type Wire = Memory;

    async fn accept(&mut self) -> io::Result<(Memory, SocketAddr)> {
        match self.0.recv().await {
            Some(accepted) => Ok(accepted),
            None => std::future::pending().await,
        }
    }
}

/// How a connection ended as its peer saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Fin,
    Reset,
}

/// The peer's end.
pub(crate) struct Peer {
    io: Option<DuplexStream>,
    shared: Arc<Shared>,
}

impl Peer {
    fn io(&mut self) -> &mut DuplexStream {
        self.io.as_mut().expect("the peer is still here")
    }

    pub(crate) async fn send(&mut self, bytes: &str) {
        self.io().write_all(bytes.as_bytes()).await.expect("the provider reads");
    }

    /// Sends a request with a JSON body.
    pub(crate) async fn post(&mut self, body: &str) {
        self.send(&post(body)).await;
    }

    /// Reads to the end of the connection, which comes within a (virtual) hour.
    pub(crate) async fn rest(&mut self) -> (String, Ended) {
        let mut bytes = Vec::new();
        let reading = self.io().read_to_end(&mut bytes);
        let read = tokio::time::timeout(Duration::from_hours(1), reading).await;
        read.expect("the provider closes").expect("memory cannot fail");
        let reset = self.shared.was_reset.load(Ordering::SeqCst);
        (text(bytes), if reset { Ended::Reset } else { Ended::Fin })
    }

    /// Reads what arrives until nothing does for a (virtual) hour.
    pub(crate) async fn all(&mut self) -> String {
        let mut bytes = Vec::new();
        let hour = Duration::from_hours(1);
        while let Ok(Ok(1..)) = tokio::time::timeout(hour, self.io().read_buf(&mut bytes)).await {}
        text(bytes)
    }

    /// Reads so many bytes.
    pub(crate) async fn read(&mut self, len: usize) -> String {
        let mut bytes = vec![0; len];
        self.io().read_exact(&mut bytes).await.expect("the provider writes as much");
        text(bytes)
    }

    /// What the provider handed to its socket, write by write.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.shared
            .writes
            .lock()
            .expect("no test panics while it holds it")
            .iter()
            .cloned()
            .map(text)
            .collect()
    }

    pub(crate) async fn shut_down(&mut self) {
        self.io().shutdown().await.expect("memory cannot fail");
    }

    pub(crate) fn leave(&mut self) {
        self.io = None;
    }

    pub(crate) fn reset(&mut self) {
        self.shared.was_reset.store(true, Ordering::SeqCst);
        self.io = None;
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("these tests send text alone")
}

/// A provider at work.
pub(crate) struct Bench {
    to_accept: mpsc::UnboundedSender<(Memory, SocketAddr)>,
    journal: Journal,
    pub(crate) server: tokio::task::JoinHandle<io::Result<()>>,
}

/// Entries with the time at which they were told.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<(Duration, Entry)>>>);

impl Journal {
    pub(crate) fn listener(&self) -> Listener {
        let (start, entries) = (Instant::now(), Arc::clone(&self.0));
        Arc::new(move |entry| {
            entries
                .lock()
                .expect("no test panics while it holds it")
                .push((start.elapsed(), entry));
        })
    }

    pub(crate) fn entries(&self) -> Vec<(Duration, Entry)> {
        self.0.lock().expect("no test panics while it holds it").clone()
    }

    /// The events of one connection.
    pub(crate) fn events(&self, connection: u64) -> Vec<Event> {
        let entries = self.entries().into_iter().map(|(_, entry)| entry);
        entries.filter(|entry| entry.connection == connection).map(|entry| entry.event).collect()
    }
}

pub(crate) fn mock(script: &str, journal: Listener) -> Mock {
    // Read, and not checked: some of these scripts say what an author may not.
    let script =
        yaml::load::<Script>("test", script.as_bytes()).expect("the test's script is right");
    Mock { script, seed: 1, epoch: Duration::from_secs(EPOCH), journal }
}

impl Bench {
    /// Serves a script.
    pub(crate) fn new(script: &str) -> Self {
        let (to_accept, incoming) = mpsc::unbounded_channel();
        let journal = Journal::default();
        let server = tokio::spawn(serve(Incoming(incoming), mock(script, journal.listener())));
        Self { to_accept, journal, server }
    }

    /// Connects from 10.0.0.1.
    pub(crate) fn connect(&self) -> Peer {
        self.connect_from("10.0.0.1:1000", 1 << 20)
    }

    /// Connects from an address over a pipe that holds so many bytes each way.
    pub(crate) fn connect_from(&self, address: &str, room: usize) -> Peer {
        let (near, far) = tokio::io::duplex(room);
        let shared = Arc::new(Shared::default());
        let memory = Memory { io: Some(far), shared: Arc::clone(&shared) };
        let address = address.parse().expect("an address");
        assert!(self.to_accept.send((memory, address)).is_ok(), "the provider serves");
        Peer { io: Some(near), shared }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.journal.events(0)
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }
}

/// A request with a JSON body as bytes.
pub(crate) fn post(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// What a peer gets for `{"stream":true}` until nothing more comes.
pub(crate) async fn answer(script: &str) -> String {
    let bench = Bench::new(script);
    let mut peer = bench.connect();
    peer.post(r#"{"stream":true}"#).await;
    hide(&peer.all().await)
}

/// Hides what is drawn behind as many asterisks, so that lengths stay true.
pub(crate) fn hide(text: &str) -> String {
    let mut text = text.to_owned();
    for hidden in [REQUEST_ID, COMPLETION_ID, FINGERPRINT] {
        let prefix = hidden.trim_end_matches('*');
        let mut parts = text.split(prefix);
        let first = parts.next().unwrap_or_default().to_owned();
        text = parts.fold(first, |so_far, part| {
            let (drawn, rest) = part.split_at(hidden.len() - prefix.len());
            assert!(drawn.bytes().all(|b| b.is_ascii_alphanumeric()), "{drawn}");
            so_far + hidden + rest
        });
    }
    text
}

const REQUEST_ID: &str = "req_********************************";
pub(crate) const COMPLETION_ID: &str = "chatcmpl-*****************************";
pub(crate) const FINGERPRINT: &str = "fp_**********";

/// The usual head of a stream, with what is drawn hidden.
pub(crate) const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\n\
    content-type: text/event-stream; charset=utf-8\r\n\
    x-request-id: req_********************************\r\n\
    openai-processing-ms: 0\r\n\
    openai-version: 2020-10-01\r\n\
    cache-control: no-cache\r\n\
    transfer-encoding: chunked\r\n\
    \r\n";

/// The usual head of a JSON answer.
pub(crate) fn json_head(status: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status}\r\n\
         content-type: application/json\r\n\
         x-request-id: req_********************************\r\n\
         openai-processing-ms: 0\r\n\
         openai-version: 2020-10-01\r\n\
         content-length: {length}\r\n\
         \r\n"
    )
}

/// An HTTP chunk.
pub(crate) fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// Chunks of a whole body, last chunk included.
pub(crate) fn chunked(frames: &[&str]) -> String {
    frames.iter().map(|frame| chunk(frame)).collect::<String>() + "0\r\n\r\n"
}

/// The frame of a completion with one choice, what is drawn hidden.
pub(crate) fn frame(delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"{COMPLETION_ID}\",\"object\":\"chat.completion.chunk\",\"created\":{EPOCH},\
         \"model\":\"gpt-4o\",\"system_fingerprint\":\"{FINGERPRINT}\",\"choices\":[{{\"index\":0,\
         \"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n"
    )
}

/// The role frame.
pub(crate) fn opening() -> String {
    frame(r#"{"role":"assistant","content":"","refusal":null}"#, "null")
}

/// A frame of content.
pub(crate) fn delta(text: &str) -> String {
    frame(&format!(r#"{{"content":"{text}"}}"#), "null")
}

/// The last frame before the terminator.
pub(crate) fn finish() -> String {
    frame("{}", "\"stop\"")
}

/// The terminator.
pub(crate) const DONE: &str = "data: [DONE]\n\n";

//! A hand-written provider and a hand-written client on real sockets, so that nothing of what is
//! tested has a hand in the test.

#![expect(dead_code, reason = "each test file uses its own part")]

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use relay::Config;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

/// No wait in these tests is longer: loopback answers in milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Bounds a wait.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("this takes milliseconds on loopback")
}

/// What the provider does with a connection, in order.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Writes bytes.
    Send(Vec<u8>),
    /// Waits for [`Provider::go`].
    Gate,
    /// Writes the bytes again and again until the peer is gone.
    Flood(Vec<u8>),
    /// Sends nothing until the peer is gone.
    Hold,
    /// Ends by RST, after a moment in which what was sent can be read.
    Reset,
}

/// What the provider saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A request, head and body.
    Request(String),
    /// The peer closed while an answer was held or flooded.
    Gone,
}

/// A provider on a real port: connection number n plays answer number n, the last one for ever.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
    gate: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    pub(crate) async fn start(answers: Vec<Vec<Step>>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let gate = Arc::new(Semaphore::new(0));
        let (tell, seen) = mpsc::unbounded_channel();
        let gates = Arc::clone(&gate);
        let task = tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((socket, _)) = listener.accept().await {
                let answer = answers[connection.min(answers.len() - 1)].clone();
                connection += 1;
                tokio::spawn(play(socket, answer, tell.clone(), Arc::clone(&gates)));
            }
        });
        Ok(Self { address, seen, gate, task })
    }

    pub(crate) fn go(&self) {
        self.gate.add_permits(1);
    }

    pub(crate) async fn next(&mut self) -> Seen {
        soon(self.seen.recv()).await.expect("the provider lives as long as the test")
    }
}

async fn play(
    mut socket: TcpStream,
    answer: Vec<Step>,
    tell: mpsc::UnboundedSender<Seen>,
    gate: Arc<Semaphore>,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let request = read_request(&mut socket).await?;
    drop(tell.send(Seen::Request(request)));
    for step in answer {
        match step {
            Step::Send(bytes) => socket.write_all(&bytes).await?,
            Step::Gate => gate.acquire().await.map_err(io::Error::other)?.forget(),
            Step::Flood(bytes) => {
                while socket.write_all(&bytes).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                drop(tell.send(Seen::Gone));
            }
            Step::Hold => {
                // FIN or RST, both are the end.
                drop(socket.read(&mut [0; 1]).await);
                drop(tell.send(Seen::Gone));
            }
            Step::Reset => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                socket.set_zero_linger()?;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Head and body as text; the body's length is taken from its header.
pub(crate) async fn read_request(socket: &mut TcpStream) -> io::Result<String> {
    let mut text = Vec::new();
    loop {
        if let Some(end) = find(&text, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&text[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
            if text.len() >= end + 4 + length {
                return Ok(String::from_utf8_lossy(&text).into_owned());
            }
        }
        if socket.read_buf(&mut text).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The head of a chunked stream of events.
pub(crate) fn stream_head() -> Step {
    Step::Send(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\
          connection: close\r\nx-request-id: r1\r\n\r\n"
            .to_vec(),
    )
}

/// One HTTP chunk; an empty one ends the body.
pub(crate) fn chunk(text: impl AsRef<[u8]>) -> Step {
    let text = text.as_ref();
    let mut bytes = format!("{:x}\r\n", text.len()).into_bytes();
    bytes.extend(text);
    bytes.extend(b"\r\n");
    Step::Send(bytes)
}

/// A whole answer with a length.
pub(crate) fn whole(status: &str, headers: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    vec![Step::Send(
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}")
            .into_bytes(),
    )]
}

/// A relay on a real port, in this process.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(upstream: SocketAddr, switches: &[(&str, &str)]) -> io::Result<Self> {
        Self::before(&format!("http://{upstream}/v1"), switches).await
    }

    /// The same before any base.
    pub(crate) async fn before(base: &str, switches: &[(&str, &str)]) -> io::Result<Self> {
        let mut config = Config::new(base.parse().expect("a URL"));
        for (name, value) in switches {
            config.set(name, value).expect("a switch and its value");
        }
        Self::with(config).await
    }

    /// The same with what no switch can say.
    pub(crate) async fn with(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let client = relay::dial::client(&config).map_err(io::Error::other)?;
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            relay::serve(listener, client, config, stopped).await.expect("a sound configuration");
        });
        Ok(Self { address, stop: Some(stop), task })
    }

    /// Tells it to stop, as SIGTERM does.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }
}

/// A client on a raw socket.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    pub(crate) received: Vec<u8>,
}

impl Client {
    /// Connects and sends a request.
    pub(crate) async fn send(relay: SocketAddr, request: &str) -> io::Result<Self> {
        let mut socket = TcpStream::connect(relay).await?;
        socket.write_all(request.as_bytes()).await?;
        Ok(Self { socket, received: Vec::new() })
    }

    /// Asks for a stream, as every client of the family does.
    pub(crate) async fn chat(relay: SocketAddr) -> io::Result<Self> {
        Self::send(relay, &post("/v1/chat/completions", "")).await
    }

    /// Reads until `text` is there.
    pub(crate) async fn until(&mut self, text: &str) -> &mut Self {
        while find(&self.received, text.as_bytes()).is_none() {
            let read = soon(self.socket.read_buf(&mut self.received)).await;
            let read = read.unwrap_or_else(|error| panic!("{error} before {text:?}"));
            assert_ne!(read, 0, "ended before {text:?}: {}", self.text());
        }
        self
    }

    /// Reads to the end, by FIN or RST.
    pub(crate) async fn rest(&mut self) -> &mut Self {
        while let Ok(1..) = soon(self.socket.read_buf(&mut self.received)).await {}
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    /// Status line and headers, in lower case.
    pub(crate) fn head(&self) -> String {
        let end = find(&self.received, b"\r\n\r\n").expect("a head");
        String::from_utf8_lossy(&self.received[..end]).to_lowercase()
    }

    pub(crate) fn status(&self) -> u16 {
        self.head().split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status")
    }

    /// The body as framed by a length or by the end of the connection.
    pub(crate) fn plain(&self) -> String {
        let end = find(&self.received, b"\r\n\r\n").expect("a head") + 4;
        String::from_utf8_lossy(&self.received[end..]).into_owned()
    }

    /// The body without its chunk framing, and whether the last chunk came.
    pub(crate) fn chunked(&self) -> (Vec<u8>, bool) {
        assert!(self.head().contains("transfer-encoding: chunked"), "{}", self.head());
        let mut rest = &self.received[find(&self.received, b"\r\n\r\n").expect("a head") + 4..];
        let mut body = Vec::new();
        while let Some(end) = find(rest, b"\r\n") {
            let size = std::str::from_utf8(&rest[..end]).expect("a size");
            let size = usize::from_str_radix(size, 16).expect("a size");
            if size == 0 {
                return (body, true);
            }
            rest = &rest[end + 2..];
            body.extend(&rest[..size.min(rest.len())]);
            rest = rest.get(size + 2..).unwrap_or_default();
        }
        (body, false)
    }
}

/// A request with a small body; `headers` end with CRLF each.
pub(crate) fn post(path: &str, headers: &str) -> String {
    let body = r#"{"stream": true}"#;
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: relay\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

/// A request without a body.
pub(crate) fn bare(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n{headers}\r\n")
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

//! An in-memory network for tests of clients and middleboxes: no latency, no packets, RST by a flag.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf},
    sync::mpsc,
};

use crate::{
    http1::RequestDecoder,
    net::{Connecting, Fault, Host, Listening, Socket, Stack, Stream, TasksAlive},
    trace::{ClientFact, Connection, Fact, Name, Recorder},
};

/// A network of duplex pipes.
pub(crate) struct Pipes {
    capacity: usize,
    listeners: Mutex<BTreeMap<Name, mpsc::UnboundedSender<Box<dyn Socket>>>>,
    pub(crate) faults: Mutex<Vec<Fault>>,
    connections: AtomicU64,
}

impl Pipes {
    /// Pipes that hold so many bytes each way.
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            listeners: Mutex::default(),
            faults: Mutex::default(),
            connections: AtomicU64::new(0),
        })
    }

    pub(crate) fn host(self: &Arc<Self>, name: &str, recorder: &Recorder) -> Host {
        Host::new(name.into(), self.clone(), recorder.clone())
    }
}

impl Stack for Pipes {
    fn connect(&self, from: &Name, to: &Name) -> Connecting {
        let connection = Connection(self.connections.fetch_add(1, Ordering::Relaxed));
        let (near, far) = tokio::io::duplex(self.capacity);
        let reset = Arc::new(AtomicBool::new(false));
        let end =
            |io, peer: &Name| End { io, connection, peer: peer.clone(), reset: reset.clone() };
        let near: Box<dyn Socket> = Box::new(end(near, to));
        let listeners = self.listeners.lock().unwrap();
        let heard = listeners.get(to).is_some_and(|to| to.send(Box::new(end(far, from))).is_ok());
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let connected = if heard { Ok(near) } else { Err(refused()) };
        Box::pin(std::future::ready(connected))
    }

    fn listen(&self, at: &Name) -> io::Result<Box<dyn Listening>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.listeners.lock().unwrap().insert(at.clone(), sender);
        Ok(Box::new(Accepts(receiver)))
    }

    fn apply(&self, fault: &Fault) {
        self.faults.lock().unwrap().push(fault.clone());
    }

    fn tasks_alive(&self, _: &dyn Fn(&str) -> bool) -> Option<TasksAlive> {
        None
    }
}

struct Accepts(mpsc::UnboundedReceiver<Box<dyn Socket>>);

impl Listening for Accepts {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Box<dyn Socket>>> {
        self.0.poll_recv(cx).map(|socket| socket.ok_or_else(|| io::ErrorKind::BrokenPipe.into()))
    }

    fn local_addr(&self) -> SocketAddr {
        nowhere()
    }
}

fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

struct End {
    io: DuplexStream,
    connection: Connection,
    peer: Name,
    reset: Arc<AtomicBool>,
}

impl Socket for End {
    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reset.store(true, Ordering::Relaxed);
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn connection(&self) -> Connection {
        self.connection
    }

    fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (nowhere(), nowhere())
    }

    fn peer(&self) -> Name {
        self.peer.clone()
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let at_end = buf.filled().len() == before && buf.remaining() > 0;
        if at_end && self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// What a scripted server does with one connection, after it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Wait(u64),
    Reset,
    /// Reads until the peer goes, and says when it did.
    Watch,
}

/// Text to send.
pub(crate) fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// What a scripted server saw, with virtual times since the recorder began.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: Vec<(Duration, String)>,
    pub(crate) gone: Vec<(Duration, Option<io::ErrorKind>)>,
    /// How many body bytes each write had taken, and when.
    pub(crate) written: u64,
}

/// Serves one script a connection, in order; then listens no more.
pub(crate) fn serve(host: &Host, scripts: Vec<Vec<Step>>) -> Arc<Mutex<Seen>> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (host, seen_inside) = (host.clone(), seen.clone());
    let mut listener = host.listen().unwrap();
    tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = mock_openai::wire::Accept::accept(&mut listener).await.unwrap();
            tokio::spawn(play(stream, script, seen_inside.clone(), host.recorder().clone()));
        }
    });
    seen
}

async fn play(mut stream: Stream, script: Vec<Step>, seen: Arc<Mutex<Seen>>, recorder: Recorder) {
    let mut decoder = RequestDecoder::new();
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !decoder.is_over() {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(len) => {
                decoder.feed(&piece[..len]);
                request.extend_from_slice(&piece[..len]);
            }
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    seen.lock().unwrap().requests.push((recorder.now(), request));
    for step in script {
        match step {
            Step::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
                seen.lock().unwrap().written += bytes.len() as u64;
            }
            Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Step::Reset => stream.reset().await.unwrap(),
            Step::Watch => {
                let how = stream.read(&mut piece).await.err().map(|error| error.kind());
                seen.lock().unwrap().gone.push((recorder.now(), how));
            }
        }
    }
}

/// The facts of a client with their times in milliseconds, sockets left out.
pub(crate) fn client_facts(recorder: &Recorder) -> Vec<(u64, ClientFact)> {
    let events = recorder.take().events.into_iter();
    let facts = events.filter_map(|event| {
        let Fact::Client(fact) = event.fact else { return None };
        Some((u64::try_from(event.at.as_millis()).unwrap(), fact))
    });
    facts.collect()
}

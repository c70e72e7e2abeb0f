//! Clients that cost little: one thread reads all streams and notes when each event came.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream as Socket},
    thread::{self, JoinHandle},
    time::Duration,
};

use hdrhistogram::Histogram;
use tokio::{io::AsyncReadExt as _, net::TcpStream, runtime, sync::mpsc, task::JoinSet};

use super::{END, now};

/// What stands before the time in each event.
const MARK: &[u8] = b"chatcmpl-";
const DIGITS: usize = 20;

/// Sends a request on a connection of its own.
///
/// # Errors
/// Nobody takes it.
pub fn ask(address: SocketAddr, body: &str) -> io::Result<Socket> {
    let mut socket = Socket::connect(address)?;
    socket.set_nodelay(true)?;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json";
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(request.as_bytes())?;
    Ok(socket)
}

/// Reads up to the end of a stream's first event, after which it blocks no more.
///
/// # Errors
/// The answer is another one.
pub fn first_event(socket: &mut Socket) -> io::Result<()> {
    let mut buffer = [0; 2 << 10];
    let mut got = 0;
    while !buffer[..got].ends_with(b"\n\n\r\n") {
        let read = socket.read(&mut buffer[got..])?;
        if read == 0 {
            let said = String::from_utf8_lossy(&buffer[..got]).into_owned();
            return Err(io::Error::other(format!("the stream ends early, after: {said}")));
        }
        got += read;
    }
    socket.set_nonblocking(true)
}

/// A stream that is read, and when its first event was due where events do not tell that.
type Stream = (Socket, Option<Duration>);

/// The thread that reads; streams are given to it as they are opened.
#[derive(Debug)]
pub struct Readers {
    give: mpsc::UnboundedSender<Stream>,
    thread: JoinHandle<io::Result<Histogram<u64>>>,
}

impl Readers {
    /// Starts it.
    ///
    /// # Errors
    /// There is no runtime for it.
    pub fn start() -> io::Result<Self> {
        let (give, take) = mpsc::unbounded_channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::spawn(move || runtime.block_on(read_all(take)));
        Ok(Self { give, thread })
    }

    /// Has a stream read to its end. Without `due`, each event says when it was due.
    ///
    /// # Errors
    /// The socket cannot be turned into one that does not block, or reading has failed before.
    pub fn give(&self, socket: Socket, due: Option<Duration>) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        self.give.send((socket, due)).map_err(|_| io::Error::other("the reader has failed"))
    }

    /// Waits for the end of all streams: how late their events came, in nanoseconds.
    ///
    /// # Errors
    /// A stream broke off.
    pub fn finish(self) -> io::Result<Histogram<u64>> {
        drop(self.give);
        self.thread.join().map_err(|_| io::Error::other("the reader panicked"))?
    }
}

/// From 1 ns to 100 s with three digits.
///
/// # Panics
/// Never: the bounds are right.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 100_000_000_000, 3).expect("the bounds are right")
}

async fn read_all(mut take: mpsc::UnboundedReceiver<Stream>) -> io::Result<Histogram<u64>> {
    let mut all = histogram();
    let mut readers = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(late) = readers.join_next() => {
                let all_late: Vec<Duration> = late.map_err(io::Error::other)??;
                for late in all_late {
                    all.saturating_record(u64::try_from(late.as_nanos()).unwrap_or(u64::MAX));
                }
            }
            Some((socket, due)) = take.recv() => {
                readers.spawn(read(socket, due));
            }
            else => return Ok(all),
        }
    }
}

/// Reads one stream; how late each event came.
async fn read(socket: Socket, due: Option<Duration>) -> io::Result<Vec<Duration>> {
    let mut socket = TcpStream::from_std(socket)?;
    let mut buffer = Vec::with_capacity(16 << 10);
    let mut late = Vec::new();
    loop {
        if socket.read_buf(&mut buffer).await? == 0 {
            return Err(io::Error::other("a stream broke off"));
        }
        let came = now();
        let ended = buffer.ends_with(END.as_bytes()) || buffer.ends_with(b"\r\n0\r\n\r\n");
        let mut rest = &buffer[..];
        while let Some(at) = rest.windows(MARK.len()).position(|found| found == MARK) {
            let Some(told) = rest.get(at + MARK.len()..at + MARK.len() + DIGITS) else { break };
            let told = std::str::from_utf8(told).ok().and_then(|told| told.parse().ok());
            let due = due.or_else(|| told.map(Duration::from_nanos)).unwrap_or(came);
            late.push(came.saturating_sub(due));
            rest = &rest[at + MARK.len() + DIGITS..];
        }
        if ended {
            return Ok(late);
        }
        let read = buffer.len() - rest.len().min(MARK.len() + DIGITS);
        buffer.drain(..read);
    }
}

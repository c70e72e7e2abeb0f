//! The server below a broken relay: what it holds, how long it bears a client that reads nothing, and
//! how it calls its provider.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::Router;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::JoinSet,
    time::{Sleep, sleep, timeout},
};

use super::setup::Drain;
use crate::{
    net::{Listener, Stop, Stream, upstream},
    plan::RelayKind,
    target::{Calls, WriteBuffer, connection},
};

/// Settings of the server.
#[derive(Debug, Clone, Copy)]
pub struct Server {
    /// How much hyper may hold for a client that does not read.
    pub buffer: WriteBuffer,
    /// How long a write may wait before the client is given up; for ever where it is `None`.
    pub stalled: Option<Duration>,
    /// What it does when it is told to stop.
    pub told_to_stop: Told,
    /// What it does when accept fails.
    pub out_of_files: OutOfFiles,
    /// Whether a client of HTTP/1.0 is answered as one of HTTP/1.1 would be.
    pub takes_1_0_for_1_1: bool,
    /// Switches that the relay has beside those that all broken relays have.
    pub switches: &'static [&'static str],
    /// Whether the relay logs its streams: scenarios that read the log run with it then.
    pub logs: bool,
    /// What the relay says that it does to streams.
    pub kind: RelayKind,
    /// Makes the client by which it calls its provider.
    pub calls: Calls,
}

/// What a server does when accept fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfFiles {
    /// It tries again a second later.
    Waits,
    /// It ends.
    Dies,
    /// It tries again at once.
    Spins,
}

/// What a server does when it is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It lets streams run for its grace, and ends what runs then.
    Drains,
    /// It has no handler for the word, and dies of it.
    Dies,
    /// It lets streams run for as long as they do.
    WaitsForEver,
}

impl Server {
    /// One that is right.
    pub const RIGHT: Self = Self {
        buffer: WriteBuffer::AtMost(16 << 10),
        stalled: Some(Duration::from_mins(1)),
        told_to_stop: Told::Drains,
        out_of_files: OutOfFiles::Waits,
        takes_1_0_for_1_1: false,
        switches: &[],
        logs: false,
        kind: RelayKind::Transparent,
        calls: upstream,
    };
}

/// How long what ends at the end of the grace may take to leave, before it is cut.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Accepts connections until it is told to stop, and serves each in a task of its own. What runs
/// then has the grace of the setup; after it `ending` is told.
pub(in crate::broken) async fn serve(
    mut listener: Listener,
    router: Router,
    server: Server,
    Drain { grace, ending }: Drain,
) {
    let dies = server.told_to_stop == Told::Dies;
    let stop = if dies { Stop::default() } else { listener.stop() };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.clone().told() => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&mut listener, server) => {
                // What runs is dropped with the tasks of the server.
                let Some((inner, peer)) = accepted else { return };
                let client = Client { inner, server, has_asked: false, waits: None };
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(connection(client, peer, router, server.buffer, stop));
            }
        }
    }
    drop(listener);
    if server.told_to_stop == Told::WaitsForEver {
        all(&mut connections).await;
    }
    if timeout(grace, all(&mut connections)).await.is_err() {
        ending.tell();
        drop(timeout(LAST_WORDS, all(&mut connections)).await);
    }
    connections.shutdown().await;
}

/// The next connection; `None` where the server ends for want of one.
async fn accept(listener: &mut Listener, server: Server) -> Option<(Stream, SocketAddr)> {
    match server.out_of_files {
        OutOfFiles::Waits => Some(axum::serve::Listener::accept(listener).await),
        OutOfFiles::Dies => mock_openai::wire::Accept::accept(listener).await.ok(),
        OutOfFiles::Spins => loop {
            if let Ok(accepted) = mock_openai::wire::Accept::accept(listener).await {
                return Some(accepted);
            }
        },
    }
}

async fn all(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

/// A client's socket.
struct Client<I> {
    inner: I,
    server: Server,
    /// Whether its first request line has come.
    has_asked: bool,
    /// Since a write has had no room.
    waits: Option<Pin<Box<Sleep>>>,
}

const OLD: &[u8] = b"HTTP/1.0\r\n";

impl<I: AsyncRead + Unpin> AsyncRead for Client<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let start = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if self.server.takes_1_0_for_1_1 && !self.has_asked {
            // The request line of these clients comes in one piece.
            self.has_asked = true;
            let read = &mut buf.filled_mut()[start..];
            if let Some(at) = read.windows(OLD.len()).position(|window| window == OLD) {
                read[at + OLD.len() - 3] = b'1';
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> Client<I> {
    /// What a write came to; an error where it has waited too long.
    fn bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut I>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let written = write(Pin::new(&mut self.inner), cx);
        let Some(bound) = self.server.stalled.filter(|_| written.is_pending()) else {
            self.waits = None;
            return written;
        };
        let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(bound)));
        ready!(waits.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Client<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.bounded(cx, |inner, cx| inner.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.bounded(cx, |inner, cx| inner.poll_write_vectored(cx, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.bounded(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.bounded(cx, AsyncWrite::poll_shutdown)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::Instant,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_given_up_after_a_minute_and_a_slow_one_is_not() {
        let (mut reader, inner) = duplex(4);
        let mut client = Client { inner, server: Server::RIGHT, has_asked: false, waits: None };
        let start = Instant::now();
        let writing = tokio::spawn(async move { client.write_all(b"a longer text").await });
        // A byte every 50 s: each one makes room.
        for _ in 0..3 {
            sleep(Duration::from_secs(50)).await;
            reader.read_u8().await.unwrap();
        }
        let error = writing.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 150 + 60);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_client_is_taken_for_a_new_one_where_it_is_said_so() {
        for (takes, seen) in [(true, "GET / HTTP/1.1\r\n\r\n"), (false, "GET / HTTP/1.0\r\n\r\n")] {
            let (mut old, inner) = duplex(64);
            let server = Server { takes_1_0_for_1_1: takes, ..Server::RIGHT };
            let mut client = Client { inner, server, has_asked: false, waits: None };
            old.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
            drop(old);
            let mut text = String::new();
            client.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, seen);
        }
    }
}

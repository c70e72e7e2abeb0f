//! A connection that records what its application does with it.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Host, Socket};
use crate::trace::{Connection, Fact, Name, SocketFact};

/// One end of a simulated connection. Dropping it closes it.
pub struct Stream {
    host: Host,
    socket: Box<dyn Socket>,
    connection: Connection,
    blocked: bool,
    read_ended: bool,
    failed: bool,
}

impl Stream {
    pub(super) async fn connect(host: &Host, to: &Name) -> io::Result<Self> {
        match host.stack().connect(host.name(), to).await {
            Ok(socket) => {
                let (local, peer) = socket.addresses();
                let stream = Self::new(host.clone(), socket);
                stream.record(SocketFact::Connected { local, peer, to: to.clone() });
                Ok(stream)
            }
            Err(error) => {
                // A failed connect has no number of its own: both ends of none.
                let fact = SocketFact::ConnectFailed { error: error.kind(), to: to.clone() };
                host.recorder().record(host.name(), Fact::Socket(Connection(u64::MAX), fact));
                Err(error)
            }
        }
    }

    pub(super) fn accepted(host: Host, socket: Box<dyn Socket>) -> Self {
        let (local, peer) = socket.addresses();
        let from = socket.peer();
        let stream = Self::new(host, socket);
        stream.record(SocketFact::Accepted { local, peer, from });
        stream
    }

    fn new(host: Host, socket: Box<dyn Socket>) -> Self {
        let connection = socket.connection();
        Self { host, socket, connection, blocked: false, read_ended: false, failed: false }
    }

    /// The number that both ends share.
    pub fn connection(&self) -> Connection {
        self.connection
    }

    /// This end's address, and the other's.
    pub fn addresses(&self) -> (SocketAddr, SocketAddr) {
        self.socket.addresses()
    }

    /// The host at the other end.
    pub fn peer(&self) -> Name {
        self.socket.peer()
    }

    fn record(&self, fact: SocketFact) {
        self.host.recorder().record(self.host.name(), Fact::Socket(self.connection, fact));
    }

    fn record_failure(&mut self, error: &io::Error) {
        if !self.failed {
            self.failed = true;
            self.record(SocketFact::Failed { error: error.kind() });
        }
    }

    /// Ends the connection by RST once what was written has left this host.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where the engine knows no RST.
    pub async fn reset(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| mock_openai::wire::Wire::poll_reset(Pin::new(self), cx)).await
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let room = buf.remaining();
        match ready!(Pin::new(&mut *self.socket).poll_read(cx, buf)) {
            Ok(()) => {
                let len = buf.filled().len() - before;
                if len > 0 {
                    self.record(SocketFact::Read { len });
                } else if room > 0 && !self.read_ended {
                    self.read_ended = true;
                    self.record(SocketFact::ReadEnd);
                }
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                self.record_failure(&error);
                Poll::Ready(Err(error))
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut *self.socket).poll_write(cx, bytes) {
            Poll::Pending => {
                if !self.blocked {
                    self.blocked = true;
                    self.record(SocketFact::Blocked);
                }
                Poll::Pending
            }
            Poll::Ready(Ok(len)) => {
                if self.blocked {
                    self.blocked = false;
                    self.record(SocketFact::Unblocked);
                }
                self.record(SocketFact::Wrote { bytes: Bytes::copy_from_slice(&bytes[..len]) });
                Poll::Ready(Ok(len))
            }
            Poll::Ready(Err(error)) => {
                self.record_failure(&error);
                Poll::Ready(Err(error))
            }
        }
    }

    /// All slices in one write, as `writev(2)`. A socket that cannot do that makes hyper copy a whole
    /// body into one flat buffer, where on a real one it queues at most 16 pieces.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices {
            return self.poll_write(cx, only);
        }
        let mut joined = Vec::with_capacity(slices.iter().map(|slice| slice.len()).sum());
        for slice in slices {
            joined.extend_from_slice(slice);
        }
        self.poll_write(cx, &joined)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = ready!(Pin::new(&mut *self.socket).poll_shutdown(cx));
        if done.is_ok() {
            self.record(SocketFact::ShutDown);
        }
        Poll::Ready(done)
    }
}

impl mock_openai::wire::Wire for Stream {
    fn poll_reset(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = ready!(self.socket.poll_reset(cx));
        if done.is_ok() {
            self.record(SocketFact::Reset);
        }
        Poll::Ready(done)
    }
}

impl hyper_util::client::legacy::connect::Connection for Stream {
    fn connected(&self) -> hyper_util::client::legacy::connect::Connected {
        hyper_util::client::legacy::connect::Connected::new()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.record(SocketFact::Dropped);
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("connection", &self.connection).finish_non_exhaustive()
    }
}

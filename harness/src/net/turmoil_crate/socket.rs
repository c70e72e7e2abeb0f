//! One end of a connection, which its host's crash can take away.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use crate::{
    net::Socket,
    trace::{Connection, Name},
};

/// The crate's socket; nothing after a crash of its host.
pub(super) struct Slot(Mutex<Option<TcpStream>>);

impl Slot {
    /// Takes the socket away: who holds the other end of this hears nothing of it.
    pub(super) fn take(&self) -> Option<TcpStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Does something with the socket; waits for ever where it was taken away.
    fn poll<T>(&self, act: impl FnOnce(Pin<&mut TcpStream>) -> Poll<T>) -> Poll<T> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(stream) => act(Pin::new(stream)),
            None => Poll::Pending,
        }
    }
}

/// What the harness's streams hold.
pub(super) struct TurmoilSocket {
    slot: Arc<Slot>,
    connection: Connection,
    addresses: (SocketAddr, SocketAddr),
    peer: Name,
}

impl TurmoilSocket {
    /// A socket, and what its host keeps of it.
    pub(super) fn new(
        stream: TcpStream,
        connection: Connection,
        addresses: (SocketAddr, SocketAddr),
        peer: Name,
    ) -> (Self, Arc<Slot>) {
        let slot = Arc::new(Slot(Mutex::new(Some(stream))));
        (Self { slot: Arc::clone(&slot), connection, addresses, peer }, slot)
    }
}

impl AsyncRead for TurmoilSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.slot.poll(|stream| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for TurmoilSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.slot.poll(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.slot.poll(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.slot.poll(|stream| stream.poll_shutdown(cx))
    }
}

impl Socket for TurmoilSocket {
    /// The crate sends RST for unread data alone, never because it is asked to.
    fn poll_reset(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn connection(&self) -> Connection {
        self.connection
    }

    fn addresses(&self) -> (SocketAddr, SocketAddr) {
        self.addresses
    }

    fn peer(&self) -> Name {
        Arc::clone(&self.peer)
    }
}

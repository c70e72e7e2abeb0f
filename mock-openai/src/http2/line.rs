//! The socket as the `h2` crate sees it: it begins with what was read already.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::order::Orders;
use crate::{journal::PeerEnd, socket::Socket, wire::Wire};

/// A socket that the connection's driver can still reach while `h2` has it.
pub(super) struct Line<W> {
    held: Arc<Mutex<Held<W>>>,
    orders: Arc<Orders>,
}

struct Held<W> {
    socket: Socket<W>,
    /// Whether it took less than it was given, last time.
    is_full: bool,
}

impl<W> Clone for Line<W> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held), orders: Arc::clone(&self.orders) }
    }
}

impl<W: Wire> Line<W> {
    pub(super) fn new(socket: Socket<W>, orders: Arc<Orders>) -> Self {
        Self { held: Arc::new(Mutex::new(Held { socket, is_full: false })), orders }
    }

    fn held(&self) -> MutexGuard<'_, Held<W>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_full(&self) -> bool {
        self.held().is_full
    }

    /// Sends FIN.
    pub(super) async fn shut_down(&self) -> io::Result<()> {
        poll_fn(|cx| self.held().socket.poll_shut_down(cx)).await.map_err(|how| self.failed(how))
    }

    /// Reads and throws away until the peer goes.
    pub(super) async fn drain(&self) {
        let how = poll_fn(|cx| self.held().socket.poll_gone_deaf(cx)).await;
        self.orders.peer_went(how);
    }

    fn failed(&self, how: PeerEnd) -> io::Error {
        self.orders.peer_went(how);
        io::ErrorKind::ConnectionReset.into()
    }
}

impl<W: Wire> AsyncRead for Line<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut held = self.held();
        if held.socket.ahead().is_empty()
            && let Err(how) = ready!(held.socket.poll_fill(cx))
        {
            drop(held);
            let error = self.failed(how);
            return Poll::Ready(if how == PeerEnd::Fin { Ok(()) } else { Err(error) });
        }
        buf.put_slice(&held.socket.take(buf.remaining()));
        Poll::Ready(Ok(()))
    }
}

impl<W: Wire> AsyncWrite for Line<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut held = self.held();
        let taken = held.socket.poll_write(cx, bytes);
        held.is_full = taken.is_pending();
        drop(held);
        taken.map_err(|how| self.failed(how))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.held().socket.poll_flush(cx);
        flushed.map_err(|how| self.failed(how))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = self.held().socket.poll_shut_down(cx);
        shut.map_err(|how| self.failed(how))
    }
}

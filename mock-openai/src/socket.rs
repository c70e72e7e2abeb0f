//! One connection's bytes: what was read ahead, and whether the peer is still there.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BytesMut};
use tokio::io::ReadBuf;

use crate::{
    http2::{Ending, Order},
    journal::PeerEnd,
    wire::Wire,
};

/// How much is read ahead of what is being answered: room for pipelined requests. When it is full
/// nothing is read until the answer is over, so that then a departure shows by failing writes only.
const READ_AHEAD_MAX: usize = 64 << 10;

/// Bytes of one read.
const READ_SIZE: usize = 8 << 10;

/// A connection with its read-ahead buffer.
pub(crate) struct Socket<W> {
    wire: W,
    ahead: BytesMut,
    gone: Option<PeerEnd>,
    /// Where it is a stream among others on a connection of HTTP/2: what can be ordered there.
    stream: Option<Ending>,
}

impl<W: Wire> Socket<W> {
    pub(crate) fn new(wire: W) -> Self {
        Self { wire, ahead: BytesMut::new(), gone: None, stream: None }
    }

    /// One that is a stream of HTTP/2.
    pub(crate) fn of_stream(wire: W, ending: Ending) -> Self {
        Self { stream: Some(ending), ..Self::new(wire) }
    }

    /// Whether it is a stream of HTTP/2, which frames bodies by itself.
    pub(crate) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Says how [`Self::shut_down`] ends a stream of HTTP/2; by the connection's FIN where nothing
    /// is said.
    pub(crate) fn will_end(&self, how: Order) {
        if let Some(ending) = &self.stream {
            ending.say(how);
        }
    }

    /// Says what a stream of HTTP/2 ends with, where it ends well.
    pub(crate) fn will_trail<'a>(&self, trailers: impl Iterator<Item = (&'a str, &'a str)>) {
        if let Some(ending) = &self.stream {
            ending.trail(trailers);
        }
    }

    /// What was read and not yet taken.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Takes bytes from the front of what was read; at most as many as there are.
    pub(crate) fn take(&mut self, len: usize) -> BytesMut {
        self.ahead.split_to(len.min(self.ahead.len()))
    }

    /// Forgets bytes at the front of what was read.
    pub(crate) fn skip(&mut self, len: usize) {
        self.ahead.advance(len.min(self.ahead.len()));
    }

    /// Waits until more was read than before.
    pub(crate) async fn more(&mut self) -> Result<(), PeerEnd> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Reads ahead while there is room; ready when the peer went away.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<PeerEnd> {
        while self.ahead.len() < READ_AHEAD_MAX {
            if let Err(how) = ready!(self.poll_fill(cx)) {
                return Poll::Ready(how);
            }
        }
        self.gone.map_or(Poll::Pending, Poll::Ready)
    }

    /// The same where nothing that arrives will be answered any more: it is thrown away, so that
    /// the peer's departure is seen whatever it sends before.
    pub(crate) fn poll_gone_deaf(&mut self, cx: &mut Context<'_>) -> Poll<PeerEnd> {
        loop {
            self.ahead.clear();
            if let Err(how) = ready!(self.poll_fill(cx)) {
                return Poll::Ready(how);
            }
        }
    }

    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PeerEnd>> {
        if let Some(how) = self.gone {
            return Poll::Ready(Err(how));
        }
        // Not zeroed: most polls find nothing to read, and each write makes several.
        let mut bytes = [const { MaybeUninit::uninit() }; READ_SIZE];
        let mut buf = ReadBuf::uninit(&mut bytes);
        match ready!(Pin::new(&mut self.wire).poll_read(cx, &mut buf)) {
            Ok(()) if !buf.filled().is_empty() => {
                self.ahead.extend_from_slice(buf.filled());
                Poll::Ready(Ok(()))
            }
            Ok(()) => Poll::Ready(Err(*self.gone.insert(PeerEnd::Fin))),
            Err(_) => Poll::Ready(Err(*self.gone.insert(PeerEnd::Reset))),
        }
    }

    /// Writes what the socket takes. A failed write means that the peer sent RST, now or before.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, PeerEnd>> {
        match ready!(Pin::new(&mut self.wire).poll_write(cx, bytes)) {
            Ok(0) | Err(_) => Poll::Ready(Err(self.failed())),
            Ok(len) => Poll::Ready(Ok(len)),
        }
    }

    /// Pushes out what the transport may hold back.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PeerEnd>> {
        ready!(Pin::new(&mut self.wire).poll_flush(cx)).map_err(|_| self.failed()).into()
    }

    fn failed(&mut self) -> PeerEnd {
        *self.gone.insert(PeerEnd::Reset)
    }

    /// Writes all of it, unless the peer goes away before.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> Result<(), PeerEnd> {
        let mut written = 0;
        while written < bytes.len() {
            written += poll_fn(|cx| {
                if let Poll::Ready(how) = self.poll_gone(cx) {
                    return Poll::Ready(Err(how));
                }
                self.poll_write(cx, &bytes[written..])
            })
            .await?;
        }
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Sends FIN after what was written.
    pub(crate) async fn shut_down(&mut self) -> Result<(), PeerEnd> {
        poll_fn(|cx| self.poll_shut_down(cx)).await
    }

    /// The same.
    pub(crate) fn poll_shut_down(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PeerEnd>> {
        ready!(Pin::new(&mut self.wire).poll_shutdown(cx)).map_err(|_| self.failed()).into()
    }

    /// Sends RST after what was written has left.
    pub(crate) async fn reset(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.wire).poll_reset(cx)).await
    }
}

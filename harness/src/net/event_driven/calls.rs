//! What the calls on a socket do: connect, read, write, shut down, reset, close.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Buf as _;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::{
    ends::{EndId, State},
    world::World,
};

fn not_connected<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

/// `EMFILE`, which `std` has no kind of its own for.
pub(super) fn out_of_files() -> io::Error {
    const EMFILE: i32 = 24;
    io::Error::from_raw_os_error(EMFILE)
}

impl World {
    /// An application holds an end from now on.
    pub(super) fn take_up(&mut self, id: EndId) {
        self.end_mut(id).held = true;
        let host = self.end(id).host;
        self.hosts[host].sockets += 1;
    }

    /// No application holds an end any more.
    pub(super) fn let_go(&mut self, id: EndId) {
        if std::mem::take(&mut self.end_mut(id).held) {
            let host = self.end(id).host;
            self.hosts[host].sockets = self.hosts[host].sockets.saturating_sub(1);
        }
    }

    /// Begins to connect.
    pub(super) fn connect(&mut self, from: usize, to: usize) -> io::Result<EndId> {
        if from == to {
            // The layer below would fold the packets back unseen.
            return Err(io::Error::new(io::ErrorKind::Unsupported, "a host cannot call itself"));
        }
        if self.hosts[from].is_out_of_files() {
            return Err(out_of_files());
        }
        let dialing = self.kernel.dial(from, self.hosts[to].address())?;
        let id = self.add_connection(from, to);
        self.end_mut(id).state = State::Connecting { dialing, waker: None };
        self.take_up(id);
        self.kick.notify_one();
        Ok(id)
    }

    /// Waits for a connect.
    pub(super) fn poll_connected(&mut self, id: EndId, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let end = self.end_mut(id);
        match &mut end.state {
            _ if end.orphaned => Poll::Pending,
            State::Connecting { waker, .. } => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            // A reset that came since is told by the first read or write.
            State::Open(_) | State::Reset { .. } => Poll::Ready(Ok(())),
            State::Failed(error) => {
                let error = *error;
                end.state = State::Dead;
                self.let_go(id);
                Poll::Ready(Err(error.into()))
            }
            State::Crashed => Poll::Pending,
            State::Awaited | State::Aborted | State::Closed | State::Dead => not_connected(),
        }
    }

    /// Reads; the peer is told of the room that this makes.
    pub(super) fn poll_read(
        &mut self,
        id: EndId,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let end = self.connections[id.connection].end_mut(id.side);
        match &mut end.state {
            State::Open(stream) => {
                self.kernel.reads_on(end.host);
                // The layer below clears all that it is given to read into: no more than there is.
                let unread = usize::try_from(end.counters.unread()).unwrap_or(usize::MAX);
                let room = buf.remaining().min(unread.max(1));
                let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
                let read = Pin::new(stream).poll_read(cx, &mut part);
                let len = part.filled().len();
                buf.advance(len);
                let len = u64::try_from(len).unwrap_or(u64::MAX);
                if len > 0 && end.counters.reads(len) && !end.window_opened {
                    end.window_opened = true;
                    self.opened.push(id);
                    self.kick.notify_one();
                }
                read
            }
            State::Reset { unread, .. } if unread.has_remaining() => {
                let len = unread.remaining().min(buf.remaining());
                buf.put_slice(&unread.split_to(len));
                Poll::Ready(Ok(()))
            }
            // After the peer's FIN a read knows nothing of errors (`SOCK_DONE` on Linux).
            State::Reset { .. } if end.counters.fin_received => Poll::Ready(Ok(())),
            State::Reset { error, .. } => {
                Poll::Ready(error.take().map_or(Ok(()), |kind| Err(kind.into())))
            }
            State::Crashed => Poll::Pending,
            State::Awaited
            | State::Connecting { .. }
            | State::Failed(_)
            | State::Aborted
            | State::Closed
            | State::Dead => not_connected(),
        }
    }

    /// Writes as much as the send buffer has room for.
    pub(super) fn poll_write(
        &mut self,
        id: EndId,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let end = self.connections[id.connection].end_mut(id.side);
        match &mut end.state {
            State::Open(_) if end.counters.fin_queued => {
                Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
            }
            State::Open(stream) => {
                let room = end.send_buffer.saturating_sub(end.counters.in_flight());
                if room == 0 {
                    end.writer = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                let len = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                self.kernel.on(end.host);
                let wrote = Pin::new(stream).poll_write(cx, &bytes[..len]);
                if let Poll::Ready(Ok(len)) = wrote {
                    end.counters.written += u64::try_from(len).unwrap_or(u64::MAX);
                    self.kick.notify_one();
                }
                wrote
            }
            State::Reset { error, .. } => {
                Poll::Ready(Err(error.take().unwrap_or(io::ErrorKind::BrokenPipe).into()))
            }
            State::Crashed => Poll::Pending,
            State::Awaited
            | State::Connecting { .. }
            | State::Failed(_)
            | State::Aborted
            | State::Closed
            | State::Dead => not_connected(),
        }
    }

    /// Sends FIN after what was written.
    pub(super) fn poll_shutdown(
        &mut self,
        id: EndId,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let end = self.connections[id.connection].end_mut(id.side);
        match &mut end.state {
            State::Open(stream) => {
                self.kernel.on(end.host);
                let shut = Pin::new(stream).poll_shutdown(cx);
                if shut.is_ready() && !end.counters.fin_queued {
                    end.counters.fin_queued = true;
                    self.kick.notify_one();
                }
                shut
            }
            State::Crashed => Poll::Pending,
            // Linux says `ENOTCONN`, which tokio's `TcpStream` keeps to itself.
            State::Reset { .. }
            | State::Awaited
            | State::Connecting { .. }
            | State::Failed(_)
            | State::Aborted
            | State::Closed
            | State::Dead => Poll::Ready(Ok(())),
        }
    }

    /// Sends RST once everything that was written has left.
    pub(super) fn poll_reset(&mut self, id: EndId, cx: &Context<'_>) -> Poll<io::Result<()>> {
        match self.end(id).state {
            State::Open(_) => {
                self.drain();
                let end = self.end_mut(id);
                if end.counters.all_sent() {
                    self.abort(id, State::Aborted);
                } else {
                    end.leaver = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
            State::Crashed => return Poll::Pending,
            State::Reset { .. } => self.end_mut(id).state = State::Aborted,
            State::Awaited
            | State::Connecting { .. }
            | State::Failed(_)
            | State::Aborted
            | State::Closed
            | State::Dead => {}
        }
        self.kick.notify_one();
        Poll::Ready(Ok(()))
    }

    /// Lets go of an end, as `close(2)` does: with what was not read, by RST; else by FIN, after
    /// what was written.
    pub(super) fn close(&mut self, id: EndId) {
        self.let_go(id);
        if self.end(id).orphaned {
            return;
        }
        let unread = match &self.end(id).state {
            State::Open(_) => self.end(id).counters.unread() > 0,
            State::Crashed => return,
            State::Awaited
            | State::Connecting { .. }
            | State::Failed(_)
            | State::Reset { .. }
            | State::Aborted
            | State::Closed
            | State::Dead => true,
        };
        if unread && !self.end(id).counters.all_sent() {
            // The layer below sends only when the pump comes; Linux has sent it at the write.
            self.drain();
        }
        let end = self.connections[id.connection].end_mut(id.side);
        let after = if unread { State::Dead } else { State::Closed };
        let before = std::mem::replace(&mut end.state, after);
        end.counters.fin_queued = true;
        self.kernel.drop_on(end.host, before);
        self.kick.notify_one();
    }
}

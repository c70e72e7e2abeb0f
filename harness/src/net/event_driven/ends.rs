//! A connection and its two ends, as the engine keeps account of them.

use std::{io, net::SocketAddr, task::Waker, time::Duration};

use bytes::Bytes;
use turmoil_net::{TcpSegment, shim::tokio::net::TcpStream};

use super::{kernel::Dialing, segments, sequence::Counters, spins::Calls};

/// Which end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// The end that connected.
    Caller,
    /// The end that accepted.
    Callee,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// One end of one connection: what a ticket names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EndId {
    /// Index of the connection, which is also its number in the trace.
    pub(super) connection: usize,
    pub(super) side: Side,
}

impl EndId {
    pub(super) fn peer(self) -> Self {
        Self { side: self.side.other(), ..self }
    }
}

/// A connection, from its first SYN to the end of the run.
pub(super) struct Connection {
    /// The link that it goes over.
    pub(super) link: usize,
    ends: [End; 2],
}

impl Connection {
    /// From its ends: the caller's, then the callee's.
    pub(super) fn new(link: usize, ends: [End; 2]) -> Self {
        Self { link, ends }
    }

    pub(super) fn end(&self, side: Side) -> &End {
        &self.ends[side as usize]
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }
}

/// One end of a connection.
pub(super) struct End {
    /// Index of its host.
    pub(super) host: usize,
    pub(super) address: SocketAddr,
    /// Bytes that may be unacknowledged before a write blocks.
    pub(super) send_buffer: u64,
    pub(super) state: State,
    pub(super) counters: Counters,
    /// When the last packet from here arrives: what is sent later arrives no earlier.
    pub(super) last_due: Duration,
    /// A packet from here was lost for ever: what is behind it can never be taken in.
    pub(super) severed: bool,
    /// When anything from its peer last arrived.
    pub(super) heard: Duration,
    /// How often its peer was asked since then whether it lives.
    pub(super) probes: u64,
    /// How often applications called on it at one instant.
    pub(super) calls: Calls,
    /// Whoever waits for room to write.
    pub(super) writer: Option<Waker>,
    /// Whoever waits for what was written to leave.
    pub(super) leaver: Option<Waker>,
    /// An application holds it: it takes up one of its host's files.
    pub(super) held: bool,
    /// The process that held it has ended, and closed it: what is left of that process hears
    /// nothing more, and what it does to this end is without effect.
    pub(super) orphaned: bool,
    /// Whether the window has grown enough to be told without being asked.
    pub(super) window_opened: bool,
}

impl End {
    pub(super) fn new(
        host: usize,
        address: SocketAddr,
        recv_buffer: u64,
        send_buffer: u64,
    ) -> Self {
        Self {
            host,
            address,
            send_buffer,
            state: State::Awaited,
            counters: Counters::new(recv_buffer),
            last_due: Duration::ZERO,
            severed: false,
            heard: Duration::ZERO,
            probes: 0,
            calls: Calls::default(),
            writer: None,
            leaver: None,
            held: false,
            orphaned: false,
            window_opened: false,
        }
    }

    pub(super) fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }

    /// Whether a segment that arrives makes its host send nothing: it only acknowledges, and all that
    /// was written has left.
    pub(super) fn is_idle_after(&self, segment: &TcpSegment) -> bool {
        matches!(self.state, State::Open(_))
            && !segments::counted(segment)
            && segment.seq == self.counters.next_expected
            && self.counters.all_sent()
            && !self.counters.fin_queued
    }

    /// Whether an application holds it, or a connect of its own may still make it one that is held.
    pub(super) fn is_held(&self) -> bool {
        matches!(
            self.state,
            State::Connecting { .. } | State::Failed(_) | State::Open(_) | State::Reset { .. }
        )
    }

    /// Whether a real host would still send again what was lost on the way from here.
    pub(super) fn retransmits(&self) -> bool {
        matches!(
            self.state,
            State::Connecting { .. } | State::Awaited | State::Open(_) | State::Closed
        )
    }
}

/// Where an end is between its first packet and its last.
pub(super) enum State {
    /// The called end, until the handshake is done.
    Awaited,
    /// The calling end, until the handshake is done.
    Connecting { dialing: Dialing, waker: Option<Waker> },
    /// The connect failed, and the caller has not yet been told.
    Failed(io::ErrorKind),
    /// Bytes flow.
    Open(TcpStream),
    /// An RST came. What had come before it can still be read; then the error is told, once, to
    /// whichever call comes first (as `sk_err` on Linux).
    Reset { unread: Bytes, error: Option<io::ErrorKind> },
    /// The application sent an RST from here.
    Aborted,
    /// The application let go of it; what it wrote, and its FIN, may still be on their way.
    Closed,
    /// Nobody holds it and nothing is left of it: what still comes is answered with RST.
    Dead,
    /// Its host crashed: its calls pend for ever.
    Crashed,
}

//! The sequence numbers of one end, and the receive window that it advertises (RFC 9293 3.4, 3.8).

use turmoil_net::TcpSegment;

/// Payload of a full segment: 1,500 B of Ethernet less 40 B of IPv4 and TCP headers.
pub(super) const MSS: u64 = 1460;

/// The largest window that a header can say without scaling (RFC 9293 3.1).
pub(super) const WINDOW_MAX: u64 = 65_535;

/// What one end has sent and taken in. All counts are bytes of payload since the connection began.
#[derive(Debug)]
pub(super) struct Counters {
    /// Accepted from the application.
    pub(super) written: u64,
    /// Left this host.
    pub(super) sent: u64,
    /// Acknowledged by the peer.
    pub(super) acked: u64,
    /// Taken in from the peer.
    pub(super) delivered: u64,
    /// Read by the application.
    pub(super) read: u64,
    /// How many bytes the peer has ever been allowed to send.
    allowed: u64,
    /// Receive buffer.
    buffer: u64,
    pub(super) fin_queued: bool,
    pub(super) fin_sent: bool,
    pub(super) fin_acked: bool,
    pub(super) fin_received: bool,
    /// Sequence number of the next byte to send (`SND.NXT`).
    pub(super) next_sent: u32,
    /// Sequence number up to which the peer has acknowledged (`SND.UNA`).
    unacked: u32,
    /// Sequence number of the next byte expected (`RCV.NXT`).
    pub(super) next_expected: u32,
}

fn len(segment: &TcpSegment) -> u32 {
    u32::try_from(segment.payload.len()).unwrap_or(u32::MAX)
}

impl Counters {
    pub(super) fn new(recv_buffer: u64) -> Self {
        let buffer = recv_buffer.clamp(1, WINDOW_MAX);
        Self {
            written: 0,
            sent: 0,
            acked: 0,
            delivered: 0,
            read: 0,
            allowed: buffer,
            buffer,
            fin_queued: false,
            fin_sent: false,
            fin_acked: false,
            fin_received: false,
            next_sent: 0,
            unacked: 0,
            next_expected: 0,
        }
    }

    /// Bytes taken in that the application has not read.
    pub(super) fn unread(&self) -> u64 {
        self.delivered - self.read
    }

    /// Bytes written that the peer has not acknowledged.
    pub(super) fn in_flight(&self) -> u64 {
        self.written.saturating_sub(self.acked)
    }

    /// Whether everything that was written has left this host.
    pub(super) fn all_sent(&self) -> bool {
        self.sent >= self.written
    }

    /// Whether the peer has acknowledged all that was written, the FIN included.
    pub(super) fn all_acknowledged(&self) -> bool {
        self.in_flight() == 0 && self.fin_acked == self.fin_queued
    }

    /// Whether both ends have said that they send no more, and this one knows that it was heard.
    pub(super) fn over(&self) -> bool {
        self.fin_received && self.fin_acked
    }

    /// Takes note of a segment that leaves.
    pub(super) fn leaves(&mut self, segment: &TcpSegment) {
        if segment.flags.syn {
            self.next_sent = segment.seq.wrapping_add(1);
            self.unacked = self.next_sent;
        }
        self.sent += u64::from(len(segment));
        self.next_sent = self.next_sent.wrapping_add(len(segment));
        if segment.flags.fin {
            self.fin_sent = true;
            self.next_sent = self.next_sent.wrapping_add(1);
        }
    }

    /// Takes note of a segment that arrives in order, and says whether it acknowledges anything.
    pub(super) fn arrives(&mut self, segment: &TcpSegment) -> bool {
        if segment.flags.syn {
            self.next_expected = segment.seq.wrapping_add(1);
        } else if segment.seq == self.next_expected && !self.fin_received {
            self.delivered += u64::from(len(segment));
            self.next_expected = self.next_expected.wrapping_add(len(segment));
            if segment.flags.fin {
                self.fin_received = true;
                self.next_expected = self.next_expected.wrapping_add(1);
            }
        }
        segment.flags.ack && self.acknowledged(segment.ack)
    }

    fn acknowledged(&mut self, ack: u32) -> bool {
        let newly = ack.wrapping_sub(self.unacked);
        let outstanding = self.next_sent.wrapping_sub(self.unacked);
        if newly == 0 || newly > outstanding {
            return false;
        }
        self.unacked = ack;
        self.fin_acked = self.fin_sent && ack == self.next_sent;
        self.acked += u64::from(newly) - u64::from(self.fin_acked);
        true
    }

    /// Takes note that the application read, and says whether the peer must be told at once that
    /// the window has grown.
    ///
    /// It is told at once when the window that it knows of is at most half the buffer, as on Linux
    /// (`tcp_cleanup_rbuf`); otherwise the next packet tells it, if one goes.
    pub(super) fn reads(&mut self, len: u64) -> bool {
        self.read += len;
        let known = self.allowed.saturating_sub(self.delivered);
        self.worth_telling() && known * 2 <= self.buffer
    }

    /// The receiver's silly window avoidance (RFC 9293 3.8.6.2.2): the window's end stays where it
    /// is until it can move by a full segment or half the buffer.
    fn worth_telling(&self) -> bool {
        let growth = (self.read + self.buffer).saturating_sub(self.allowed);
        growth >= MSS.min(self.buffer / 2).max(1)
    }

    /// The window to write into a segment that leaves with this acknowledgement number.
    ///
    /// Its end never moves back, and never beyond what the buffer has room for.
    pub(super) fn window(&mut self, segment: &TcpSegment) -> u16 {
        if self.worth_telling() {
            self.allowed = self.read + self.buffer;
        }
        let since =
            if segment.flags.ack { self.next_expected.wrapping_sub(segment.ack) } else { 0 };
        let window = self.allowed.saturating_sub(self.delivered) + u64::from(since);
        u16::try_from(window.min(WINDOW_MAX)).unwrap_or(u16::MAX)
    }
}

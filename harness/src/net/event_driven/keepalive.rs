//! Keep-alive: a peer of whom nothing is heard is asked whether it lives (RFC 9293 3.8.4).
//!
//! As `tcp_keepalive_timer` of Linux does it. A probe is an acknowledgement with a sequence number
//! that was acknowledged before, so that whoever knows the connection answers with its own, and whoever
//! has forgotten it with RST. While something waits to be acknowledged no probe is sent.

use std::{io, mem, time::Duration};

use turmoil_net::TcpSegment;

use super::{
    ends::{EndId, State},
    segments,
    world::World,
};

/// Whether a segment asks for an acknowledgement and nothing else. `next` is the sequence number that
/// follows all that its sender has sent.
pub(super) fn is_probe(segment: &TcpSegment, next: u32) -> bool {
    !segments::counted(segment) && !segment.flags.rst && segment.seq == next.wrapping_sub(1)
}

impl World {
    /// Bytes can flow over an end from now on: its host looks after it, if it does so at all.
    pub(super) fn look_after(&mut self, id: EndId) {
        let now = self.now();
        let end = self.end_mut(id);
        end.heard = now;
        let host = end.host;
        if let Some(keepalive) = self.hosts[host].keepalive {
            self.looks.insert((now + keepalive.idle.0, id));
        }
    }

    /// Asks every peer that has been silent for so long, and gives up those that were asked in vain.
    pub(super) fn look(&mut self, now: Duration) {
        while let Some((due, id)) = self.looks.pop_first() {
            if due > now {
                self.looks.insert((due, id));
                return;
            }
            if let Some(next) = self.look_at(id, now) {
                self.looks.insert((next, id));
            }
        }
    }

    /// Looks at one end, and says when to look again.
    fn look_at(&mut self, id: EndId, now: Duration) -> Option<Duration> {
        let end = self.end(id);
        let keepalive = self.hosts[end.host].keepalive?;
        if !matches!(end.state, State::Open(_)) || end.counters.over() {
            return None;
        }
        if !end.counters.all_acknowledged() {
            return Some(now + keepalive.idle.0);
        }
        if now.saturating_sub(end.heard) < keepalive.idle.0 {
            return Some(end.heard + keepalive.idle.0);
        }
        if end.probes >= keepalive.count {
            self.give_up(id);
            return None;
        }
        let (seq, ack) = (end.counters.next_sent.wrapping_sub(1), end.counters.next_expected);
        self.end_mut(id).probes += 1;
        self.send(id, segments::acknowledgement(self.route(id), seq, ack));
        Some(now + keepalive.interval.0)
    }

    /// Ends a connection whose peer no longer answers. The peer is told, should it still hear.
    fn give_up(&mut self, id: EndId) {
        let end = self.end_mut(id);
        let State::Open(stream) = mem::replace(&mut end.state, State::Dead) else { return };
        let (seq, ack) = (end.counters.next_sent, end.counters.next_expected);
        self.send(id, segments::reset(self.route(id), seq, ack));
        let here = segments::reset(self.route(id.peer()), 0, 0);
        let here = segments::packet(self.route(id.peer()), here);
        self.breaks(id, stream, here, io::ErrorKind::TimedOut);
    }
}

//! What happens to a packet when it leaves a host.

use std::{mem, sync::Arc, time::Duration};

use turmoil_net::{TcpSegment, Transport};

use super::{
    ends::{EndId, State},
    flights::Flight,
    keepalive,
    link::{Journey, Load, NEVER},
    segments,
    world::World,
};
use crate::trace::{self, Connection, Fact, Fate, Name};

impl World {
    /// Sends every packet that waits in a socket layer, and tells of windows that opened.
    pub(super) fn drain(&mut self) {
        let mut leaving = mem::take(&mut self.leaving);
        self.kernel.egress(&mut leaving);
        for packet in leaving.drain(..) {
            if let Transport::Tcp(segment) = &packet.payload
                && let Some(from) = self.sender(&packet, segment)
                && let Transport::Tcp(segment) = packet.payload
            {
                self.send(from, segment);
            }
        }
        self.leaving = leaving;
        for end in mem::take(&mut self.opened) {
            self.tell_window(end);
        }
    }

    /// Tells the peer that the window has grown, unless a packet of this pass did already. After
    /// its FIN it sends nothing more, and may be gone: it would answer with RST.
    fn tell_window(&mut self, id: EndId) {
        let end = self.end(id);
        if end.window_opened && matches!(end.state, State::Open(_)) && !end.counters.fin_received {
            let (seq, ack) = (end.counters.next_sent, end.counters.next_expected);
            self.send(id, segments::acknowledgement(self.route(id), seq, ack));
        }
    }

    /// Sends one segment from an end.
    pub(super) fn send(&mut self, from: EndId, mut segment: TcpSegment) {
        let end = self.connections[from.connection].end_mut(from.side);
        let host = &self.hosts[end.host];
        // What the socket layer of a vanished host does, a FIN of its own included, nobody has sent.
        if host.down || host.vanished {
            return;
        }
        if !segment.flags.rst {
            end.window_opened = false;
            segment.window = end.counters.window(&segment);
        }
        end.counters.leaves(&segment);
        if end.counters.all_sent()
            && let Some(waker) = end.leaver.take()
        {
            waker.wake();
        }
        let actor = Arc::clone(&host.name);
        let link = self.connections[from.connection].link;
        for piece in segments::pieces(segment, self.links[link].payload_max) {
            self.put_on_link(&actor, from, piece);
        }
    }

    /// Sends one segment in the name of an end, without its knowledge.
    pub(super) fn inject(&mut self, actor: &Name, from: EndId, segment: TcpSegment) {
        self.put_on_link(actor, from, segment);
    }

    fn put_on_link(&mut self, actor: &Name, from: EndId, segment: TcpSegment) {
        let (sent, link) = (self.now(), self.connections[from.connection].link);
        let fate = self.fate(from, &segment, sent);
        let to = from.peer();
        let packet = trace::Packet {
            connection: Connection(u64::try_from(from.connection).unwrap_or(u64::MAX)),
            link: Arc::clone(&self.links[link].name),
            to: Arc::clone(&self.hosts[self.end(to).host].name),
            addresses: self.route(from),
            flags: segments::flags(&segment),
            seq: segment.seq,
            ack: segment.ack,
            window: segment.window,
            payload: segment.payload.clone(),
            fate: fate.0,
        };
        let fact = self.recorder.record(actor, Fact::Packet(packet));
        if let Some(due) = fate.1 {
            self.flights.push(due, Flight { to, segment, sent, fact, link });
        }
    }

    /// What the link does with a segment, and when it arrives if it ever does.
    fn fate(
        &mut self,
        from: EndId,
        segment: &TcpSegment,
        now: Duration,
    ) -> (Fate, Option<Duration>) {
        let connection = &mut self.connections[from.connection];
        let to = &self.hosts[connection.end(from.peer().side).host];
        let link = &mut self.links[connection.link];
        let end = connection.end_mut(from.side);
        let host = &self.hosts[end.host];
        let asks = keepalive::is_probe(segment, end.counters.next_sent);
        let load = Load { asks, ..load(segment) };
        let journey = if end.severed || host.vanished || to.vanished {
            Journey::Lost
        } else {
            link.send(self.seed, now, host.is_below(to), load)
        };
        let in_order = |due: Duration| due.max(end.last_due);
        let (fate, due) = match journey {
            Journey::Due(due) => (Fate::Due(in_order(due)), in_order(due)),
            Journey::Late(due) => (Fate::Late(in_order(due)), in_order(due)),
            Journey::Held(due) => (Fate::Held, in_order(due)),
            Journey::Lost => (Fate::Dropped, NEVER),
        };
        if due == NEVER {
            end.severed |= !asks;
            return (fate, None);
        }
        end.last_due = due;
        (fate, Some(due))
    }
}

/// What a segment asks of a link.
pub(super) fn load(segment: &TcpSegment) -> Load {
    let payload = u64::try_from(segment.payload.len()).unwrap_or(u64::MAX);
    Load {
        bytes: segments::HEADERS + payload,
        counted: segments::counted(segment),
        syn: segment.flags.syn,
        asks: false,
    }
}

//! What happens to a packet when it arrives at a host.

use std::{io, mem, time::Duration};

use turmoil_net::{Packet, TcpSegment, shim::tokio::net::TcpStream};

use super::{
    ends::{EndId, State},
    flights::Flight,
    keepalive, segments,
    world::World,
};
use crate::trace::Fact;

/// When the pump is to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// As soon as every task that is ready has run: something arrived.
    Now,
    /// When the next packet is due, or a call has made something to send.
    At(Duration),
    /// When a call has made something to send.
    Kicked,
}

impl World {
    /// Sends what waits to be sent, then delivers what is due.
    pub(super) fn pass(&mut self) -> Next {
        self.drain();
        let now = self.now();
        self.look(now);
        self.late.wake(now);
        let look = self.looks.first().map(|(due, _)| *due);
        let due = [self.flights.next_due(), look, self.late.next_due()];
        let mut next = due.into_iter().flatten().min().map_or(Next::Kicked, Next::At);
        while let Some(flight) = self.flights.pop_due(now) {
            self.arrive(flight, now);
            next = Next::Now;
        }
        next
    }

    fn arrive(&mut self, flight: Flight, now: Duration) {
        let to = flight.to;
        let host = &mut self.hosts[self.connections[to.connection].end(to.side).host];
        if host.vanished {
            return;
        }
        if host.down {
            host.missed.push(flight);
            return;
        }
        let calls = flight.segment.flags.syn && !flight.segment.flags.ack;
        if calls && now < host.blackhole_until {
            let until = host.blackhole_until;
            return self.send_again(flight, until);
        }
        let end = self.connections[to.connection].end_mut(to.side);
        (end.heard, end.probes) = (now, 0);
        let refuses = host.door.is_none() || now < host.refuses_until;
        self.recorder.record(&host.name, Fact::Arrived { packet: flight.fact });
        let segment = flight.segment;
        if calls && refuses {
            self.answer_with_reset(to, &segment);
        } else if segment.flags.rst {
            self.reset_arrives(to, segment);
        } else {
            self.segment_arrives(to, segment);
        }
    }

    fn segment_arrives(&mut self, to: EndId, segment: TcpSegment) {
        let lives = match self.end(to).state {
            // What its owner let go of, nobody will ever read: the peer must learn that (RFC 1122
            // 4.2.2.13; Linux resets likewise).
            State::Closed => segment.payload.is_empty(),
            State::Awaited | State::Connecting { .. } | State::Open(_) => true,
            State::Failed(_)
            | State::Reset { .. }
            | State::Aborted
            | State::Dead
            | State::Crashed => false,
        };
        if !lives {
            if matches!(self.end(to).state, State::Closed) {
                self.bury(to, State::Dead);
            }
            return self.answer_with_reset(to, &segment);
        }
        if keepalive::is_probe(&segment, self.end(to).counters.next_expected) {
            let (seq, ack) = (self.end(to).counters.next_sent, self.end(to).counters.next_expected);
            return self.send(to, segments::acknowledgement(self.route(to), seq, ack));
        }
        let route = self.route(to.peer());
        let end = self.end_mut(to);
        let is_idle = end.is_idle_after(&segment);
        if end.counters.arrives(&segment) && end.counters.in_flight() < end.send_buffer {
            end.wake_writer();
        }
        let packet = segments::packet(route, segment);
        if is_idle {
            return self.kernel.deliver_to_idle(packet);
        }
        self.kernel.deliver(packet);
        match self.end(to).state {
            State::Connecting { .. } => self.settle_connect(to),
            State::Awaited => self.settle_accept(to),
            State::Failed(_)
            | State::Open(_)
            | State::Reset { .. }
            | State::Aborted
            | State::Closed
            | State::Dead
            | State::Crashed => {}
        }
    }

    fn answer_with_reset(&mut self, at: EndId, to: &TcpSegment) {
        self.send(at, segments::answer(self.route(at), to));
    }

    fn reset_arrives(&mut self, to: EndId, segment: TcpSegment) {
        let packet = segments::packet(self.route(to.peer()), segment);
        let end = self.connections[to.connection].end_mut(to.side);
        match mem::replace(&mut end.state, State::Dead) {
            State::Open(stream) if !end.counters.over() => {
                let error = end.counters.error_on_reset();
                self.breaks(to, stream, packet, error);
            }
            connecting @ State::Connecting { .. } => {
                end.state = connecting;
                self.kernel.deliver(packet);
                self.settle_connect(to);
            }
            State::Awaited => self.forget_handshake(to),
            State::Closed => self.kernel.deliver(packet),
            other @ (State::Open(_)
            | State::Failed(_)
            | State::Reset { .. }
            | State::Aborted
            | State::Dead
            | State::Crashed) => end.state = other,
        }
    }

    /// A connection breaks at one end, whose socket below is ended by an RST. What came before it can
    /// still be read: the layer below would throw that away.
    pub(super) fn breaks(
        &mut self,
        id: EndId,
        stream: TcpStream,
        reset: Packet,
        error: io::ErrorKind,
    ) {
        let end = self.connections[id.connection].end_mut(id.side);
        let unread = self.kernel.unread(end.host, &stream);
        self.kernel.deliver(reset);
        self.kernel.drop_on(end.host, stream);
        end.state = State::Reset { unread, error: Some(error) };
        end.wake_writer();
        if let Some(waker) = end.leaver.take() {
            waker.wake();
        }
    }

    /// Ends the socket below an end, without a word to its peer.
    pub(super) fn kill(&mut self, id: EndId) {
        let reset = segments::reset(self.route(id.peer()), 0, 0);
        self.kernel.deliver(segments::packet(self.route(id.peer()), reset));
    }

    /// Finds out whether a connect is done, and tells whoever waits for it.
    fn settle_connect(&mut self, id: EndId) {
        let end = self.connections[id.connection].end_mut(id.side);
        let State::Connecting { dialing, waker } = &mut end.state else { return };
        let Some(dialed) = self.kernel.dialed(end.host, dialing) else { return };
        if let Some(waker) = waker.take() {
            waker.wake();
        }
        end.state = match dialed {
            Ok(stream) => State::Open(stream),
            Err(error) => State::Failed(error.kind()),
        };
        self.look_after(id);
    }

    /// Takes a connection from the listener below when its handshake is done.
    fn settle_accept(&mut self, id: EndId) {
        let end = self.connections[id.connection].end_mut(id.side);
        let host = &mut self.hosts[end.host];
        let Some(listener) = &host.listener else { return };
        let Some(stream) = self.kernel.accept(end.host, listener) else { return };
        end.state = State::Open(stream);
        let Some(door) = &mut host.door else { return self.abort(id, State::Dead) };
        door.waiting.push_back(id.connection);
        if let Some(waker) = door.waker.take() {
            waker.wake();
        }
        self.look_after(id);
    }

    /// Ends a handshake from this end. The layer below would keep the socket for ever, so the
    /// handshake is brought to its end first.
    fn forget_handshake(&mut self, id: EndId) {
        self.drain();
        let end = self.end(id);
        let (seq, ack, host) = (end.counters.next_expected, end.counters.next_sent, end.host);
        let route = self.route(id.peer());
        let done = segments::acknowledgement(route, seq, ack);
        self.kernel.deliver(segments::packet(route, done));
        self.kill(id);
        if let Some(listener) = &self.hosts[host].listener
            && let Some(stream) = self.kernel.accept(host, listener)
        {
            self.kernel.drop_on(host, stream);
        }
    }

    /// Ends an open connection from here by RST.
    pub(super) fn abort(&mut self, id: EndId, state: State) {
        self.drain();
        let over = self.end(id).counters.over();
        if !over {
            let (seq, ack) = (self.end(id).counters.next_sent, self.end(id).counters.next_expected);
            self.send(id, segments::reset(self.route(id), seq, ack));
        }
        self.bury(id, state);
    }

    /// Ends the socket below an end without a word, and leaves the end in `state`.
    pub(super) fn bury(&mut self, id: EndId, state: State) {
        self.kill(id);
        let end = self.connections[id.connection].end_mut(id.side);
        let before = mem::replace(&mut end.state, state);
        self.kernel.drop_on(end.host, before);
    }
}

impl super::sequence::Counters {
    /// What the first call after an RST is told: `tcp_reset` of Linux says `EPIPE` where the peer
    /// had closed and this end had not, else `ECONNRESET`.
    fn error_on_reset(&self) -> io::ErrorKind {
        if self.fin_received && !self.fin_queued {
            io::ErrorKind::BrokenPipe
        } else {
            io::ErrorKind::ConnectionReset
        }
    }
}

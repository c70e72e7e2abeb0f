//! Carrying out what happens to links and hosts.

use std::{mem, sync::Arc, time::Duration};

use super::{
    departure::load,
    ends::{EndId, Side, State},
    flights::Flight,
    link::NEVER,
    segments,
    world::World,
};
use crate::{net::Fault, trace::Exit};

pub(super) const SIDES: [Side; 2] = [Side::Callee, Side::Caller];

impl World {
    /// Carries out a fault, and returns the host whose actors are to start, if one starts again.
    ///
    /// A link or a host that does not exist is left alone: plans are checked before they run.
    pub(super) fn apply(&mut self, fault: &Fault) -> Option<usize> {
        // What was sent before now has left before it happens.
        self.drain();
        let end = |lasts: Option<Duration>, now: Duration| {
            lasts.map_or(NEVER, |lasts| now.saturating_add(lasts))
        };
        let now = self.now();
        match fault {
            Fault::Reset { link } => self.reset_link(self.link(link)?),
            Fault::Hold { link, lasts } => self.hold_link(self.link(link)?, end(*lasts, now)),
            Fault::Drop { link, way, lasts } => {
                let link = self.link(link)?;
                self.links[link].silence(*way, end(*lasts, now));
            }
            Fault::Vanish { host } => {
                let host = self.host(host).ok()?;
                self.hosts[host].vanished = true;
            }
            Fault::Refuse { host, lasts } => {
                let host = self.host(host).ok()?;
                self.hosts[host].refuses_until = end(*lasts, now);
            }
            Fault::Blackhole { host, lasts } => {
                let host = self.host(host).ok()?;
                self.hosts[host].blackhole_until = end(*lasts, now);
            }
            Fault::Terminate { host } => {
                let host = self.host(host).ok()?;
                self.terminate(host);
            }
            Fault::Kill { host } => {
                let host = self.host(host).ok()?;
                if self.hosts[host].stop.is_told() {
                    self.exit(host, Exit::Killed);
                }
            }
            Fault::Crash { host } => {
                let host = self.host(host).ok()?;
                self.crash(host);
            }
            Fault::Restart { host } => {
                let host = self.host(host).ok()?;
                if mem::take(&mut self.hosts[host].exited) {
                    // What its last process closed is the host's to bring to its end.
                    return Some(host);
                }
                self.crash(host);
                self.revive(host, now);
                return Some(host);
            }
        }
        None
    }

    fn link(&self, name: &str) -> Option<usize> {
        self.links.iter().position(|link| &*link.name == name)
    }

    /// RST to both ends of every connection over a link, each in the name of the other; the trace
    /// tells them by the link's name.
    fn reset_link(&mut self, link: usize) {
        let name = Arc::clone(&self.links[link].name);
        for connection in 0..self.connections.len() {
            let on_link = self.connections[connection].link == link;
            let alive = SIDES.iter().any(|side| {
                let end = self.connections[connection].end(*side);
                end.retransmits() && !end.counters.over()
            });
            if !on_link || !alive {
                continue;
            }
            for side in SIDES {
                let id = EndId { connection, side };
                let counters = &self.end(id).counters;
                let (seq, ack) = (counters.next_sent, counters.next_expected);
                let reset = segments::reset(self.route(id), seq, ack);
                self.inject(&name, id, reset);
            }
        }
        self.kick.notify_one();
    }

    fn hold_link(&mut self, link: usize, until: Duration) {
        self.links[link].hold(until);
        self.flights.hold(link, until);
        self.kick.notify_one();
    }

    /// Ends everything on a host at once; no packet tells of it.
    fn crash(&mut self, host: usize) {
        self.end_life(host);
        self.hosts[host].down = true;
        self.hosts[host].exited = false;
        self.hosts[host].door = None;
        self.hosts[host].calling.clear();
        let listener = self.hosts[host].listener.take();
        self.kernel.drop_on(host, listener);
        for connection in 0..self.connections.len() {
            for side in SIDES {
                let id = EndId { connection, side };
                let end = self.end(id);
                let dies = match end.state {
                    // Nobody holds it, and the SYN may yet reach the host's next life; the layer
                    // below forgot half a handshake with its listener.
                    State::Awaited | State::Crashed => false,
                    State::Connecting { .. }
                    | State::Failed(_)
                    | State::Open(_)
                    | State::Reset { .. }
                    | State::Aborted
                    | State::Closed
                    | State::Dead => true,
                };
                if end.host == host {
                    self.let_go(id);
                }
                if self.end(id).host == host && dies {
                    self.bury(id, State::Crashed);
                }
            }
        }
        // What the layer below made of all this dies with the host.
        self.drain();
    }

    /// Lets a host start again. Its peers send again what it missed, and learn that it knows
    /// nothing of them.
    fn revive(&mut self, host: usize, now: Duration) {
        self.hosts[host].down = false;
        for flight in mem::take(&mut self.hosts[host].missed) {
            self.send_again(flight, now);
        }
        self.kick.notify_one();
    }

    /// What a host did not take in is sent again, until it arrives after a point in time.
    pub(super) fn send_again(&mut self, flight: Flight, after: Duration) {
        let sender = flight.to.peer();
        let (from, to) = (self.end(sender).host, self.end(flight.to).host);
        let up = self.hosts[from].is_below(&self.hosts[to]);
        let load = load(&flight.segment);
        if !load.counted || !self.end(sender).retransmits() || after == NEVER {
            return;
        }
        let due = self.links[flight.link].sent_again(flight.sent, after, up, load.syn);
        let end = self.end_mut(sender);
        let due = due.max(end.last_due);
        if due < NEVER {
            end.last_due = due;
            self.flights.push(due, flight);
        }
    }
}

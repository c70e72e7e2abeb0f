//! An application that calls again and again without letting time pass.
//!
//! Between two instants any number of tasks runs, and no time passes for them: one that tries for ever
//! would hang the run. So a socket that was called on too often at one instant answers no more until
//! the next, and nobody is woken for it. A task that spins without any socket and never yields cannot be
//! stopped from within its process.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::{ends::EndId, world::World};
use crate::trace::{Fact, Name, WorldFact};

/// Calls on one socket at one instant: a megabyte, read byte by byte.
const CALLS_MAX: u64 = 1 << 20;

/// Calls on one socket.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// The instant of the last one.
    at: Duration,
    /// How many there were at that instant.
    count: u64,
    told: bool,
}

impl Calls {
    /// Counts one, and says whether it is one too many; and whether that is the first such.
    fn one_more(&mut self, now: Duration) -> (bool, bool) {
        if self.at != now {
            (self.at, self.count) = (now, 0);
        }
        self.count += 1;
        let is_spinning = self.count > CALLS_MAX;
        let is_new = is_spinning && !self.told;
        self.told |= is_spinning;
        (is_spinning, is_new)
    }
}

impl World {
    /// An application calls on its end of a connection.
    pub(super) fn call<T>(
        &mut self,
        id: EndId,
        cx: &mut Context<'_>,
        call: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let now = self.now();
        let end = self.end_mut(id);
        let (host, (is_spinning, is_new)) = (end.host, end.calls.one_more(now));
        if is_new {
            self.spins(host, "a connection");
        }
        if is_spinning { Poll::Pending } else { self.called_on(host, cx, call) }
    }

    /// An application calls on its listener.
    pub(super) fn call_door<T>(
        &mut self,
        host: usize,
        cx: &mut Context<'_>,
        call: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let now = self.now();
        let door = self.hosts[host].door.as_mut();
        let (is_spinning, is_new) = door.map_or((false, false), |door| door.calls.one_more(now));
        if is_new {
            self.spins(host, "its listener");
        }
        if is_spinning { Poll::Pending } else { self.called_on(host, cx, call) }
    }

    fn spins(&self, host: usize, on: &'static str) {
        let name: Name = Arc::clone(&self.hosts[host].name);
        self.recorder.record(&name, Fact::World(WorldFact::Spins { calls: CALLS_MAX, on }));
    }
}

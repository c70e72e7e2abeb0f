//! The end of what runs on a host, when it is told to stop: the host itself stays up.

use std::{mem, sync::Arc};

use super::{
    ends::{EndId, State},
    faults::SIDES,
    world::World,
};
use crate::{
    net::Stop,
    trace::{Exit, Fact, WorldFact},
};

impl World {
    /// Tells what runs on a host to stop. Where nothing acts upon that, it ends at once.
    pub(super) fn terminate(&mut self, host: usize) {
        let state = &self.hosts[host];
        if state.down || state.exited || state.stop.is_told() {
            return;
        }
        self.recorder.record(&state.name, Fact::World(WorldFact::ToldToStop));
        state.stop.tell();
        if !state.stop.is_handled() {
            self.exit(host, Exit::Unhandled);
        }
    }

    /// Takes note that an actor of a host has ended by itself.
    pub(super) fn ended(&mut self, host: usize, life: Option<u64>) {
        let state = &mut self.hosts[host];
        if Some(state.life) != life {
            return;
        }
        state.running = state.running.saturating_sub(1);
        if state.running == 0 && state.stop.is_told() {
            self.exit(host, Exit::Drained);
        }
    }

    /// Closes all that a process of this host holds, as `exit(2)` does. What it has spawned cannot be
    /// ended, but is no longer heard.
    pub(super) fn exit(&mut self, host: usize, because: Exit) {
        self.drain();
        let name = Arc::clone(&self.hosts[host].name);
        self.recorder.record(&name, Fact::World(WorldFact::Exited { because }));
        self.end_life(host);
        self.hosts[host].exited = true;
        if let Some(door) = self.hosts[host].door.as_ref().map(|door| door.id) {
            self.stop_listening(host, door);
        }
        for connection in 0..self.connections.len() {
            for side in SIDES {
                let id = EndId { connection, side };
                // What nobody was given yet can still come to who listens here next.
                let given = !matches!(self.end(id).state, State::Awaited);
                if self.end(id).host == host && given {
                    if self.end(id).is_held() {
                        self.close(id);
                    }
                    self.let_go(id);
                    self.end_mut(id).orphaned = true;
                }
            }
        }
    }

    /// What was started on a host up to now is no longer heard.
    pub(super) fn end_life(&mut self, host: usize) {
        let state = &mut self.hosts[host];
        for task in mem::take(&mut state.tasks) {
            task.abort();
        }
        state.life += 1;
        state.running = 0;
        state.stop = Stop::default();
    }
}

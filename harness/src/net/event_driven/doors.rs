//! Listening, and taking what was accepted.

use std::{
    collections::VecDeque,
    io, mem,
    task::{Context, Poll},
};

use super::{
    calls::out_of_files,
    ends::{EndId, Side, State},
    hosts::Door,
    spins::Calls,
    world::World,
};

impl World {
    /// Listens on the one port of a host, and returns the number of this listening.
    ///
    /// The socket below stays bound when the application stops listening: bound anew it would be
    /// refused while accepted connections live, which `SO_REUSEADDR` (set by tokio) permits.
    pub(super) fn listen(&mut self, at: usize) -> io::Result<u64> {
        let host = &mut self.hosts[at];
        if host.door.is_some() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        if host.listener.is_none() {
            host.listener = Some(self.kernel.listen(at, host.address())?);
        }
        self.doors += 1;
        host.door = Some(Door {
            id: self.doors,
            waiting: VecDeque::new(),
            waker: None,
            calls: Calls::default(),
        });
        Ok(self.doors)
    }

    /// Waits for the next connection. Nothing ever comes to a listener of a host that crashed.
    ///
    /// # Errors
    /// `EMFILE` where a connection waits and the host has no file left for it: it goes on waiting.
    pub(super) fn poll_accept(
        &mut self,
        at: usize,
        id: u64,
        cx: &Context<'_>,
    ) -> Poll<io::Result<EndId>> {
        let is_full = self.hosts[at].is_out_of_files();
        let Some(door) = self.hosts[at].door.as_mut().filter(|door| door.id == id) else {
            return Poll::Pending;
        };
        if is_full && !door.waiting.is_empty() {
            return Poll::Ready(Err(out_of_files()));
        }
        if let Some(connection) = door.waiting.pop_front() {
            let id = EndId { connection, side: Side::Callee };
            self.take_up(id);
            return Poll::Ready(Ok(id));
        }
        door.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Stops listening: what nobody took is reset, as on Linux.
    pub(super) fn stop_listening(&mut self, at: usize, id: u64) {
        let door = &mut self.hosts[at].door;
        if door.as_ref().is_none_or(|door| door.id != id) {
            return;
        }
        let waiting = mem::take(door).map(|door| door.waiting).unwrap_or_default();
        for connection in waiting {
            let id = EndId { connection, side: Side::Callee };
            if matches!(self.end(id).state, State::Open(_)) {
                self.abort(id, State::Dead);
            } else {
                self.close(id);
            }
        }
        self.kick.notify_one();
    }
}

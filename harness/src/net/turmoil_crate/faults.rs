//! What can happen to the crate's links and hosts.

use std::{sync::Weak, time::Duration};

use tokio::time::sleep;

use super::{TICK, socket::Slot, stack::TurmoilStack};
use crate::net::Fault;

impl TurmoilStack {
    /// Carries out a fault, in the context of the world's host. What the crate cannot do was
    /// refused before the run; a link or a host that does not exist is left alone.
    pub(super) fn carry_out(&self, fault: &Fault) {
        match fault {
            Fault::Hold { link, lasts } => self.hold(link, *lasts),
            Fault::Refuse { host, lasts } => self.refuse(host, *lasts),
            Fault::Crash { host } => self.crash(host),
            Fault::Restart { host } => {
                self.crash(host);
                if let Some(host) = self.state().hosts.get(host) {
                    host.restart.notify_one();
                }
            }
            Fault::Reset { .. }
            | Fault::Drop { .. }
            | Fault::Vanish { .. }
            | Fault::Blackhole { .. }
            | Fault::Terminate { .. }
            | Fault::Kill { .. } => {}
        }
    }

    fn hold(&self, link: &str, lasts: Option<Duration>) {
        let pairs = self.state().hosts.joined_by(link);
        for (one, other) in &pairs {
            turmoil::hold(*one, *other);
        }
        let Some(lasts) = lasts else { return };
        tokio::spawn(async move {
            // What is released arrives with the next tick.
            sleep(lasts.saturating_sub(TICK)).await;
            for (one, other) in pairs {
                turmoil::release(one, other);
            }
        });
    }

    fn refuse(&self, host: &str, lasts: Option<Duration>) {
        let now = turmoil::sim_elapsed().unwrap_or_default();
        if let Some(host) = self.state().hosts.get_mut(host) {
            host.refuses_until = lasts.map_or(Duration::MAX, |lasts| now.saturating_add(lasts));
        }
    }

    /// Takes a host's sockets away and ends its actors; no segment tells of it.
    fn crash(&self, host: &str) {
        let mut state = self.state();
        let Some(host) = state.hosts.get_mut(host) else { return };
        host.life += 1;
        host.listens = false;
        let slots: Vec<_> =
            host.sockets.drain(..).filter_map(|slot| Weak::upgrade(&slot)).collect();
        host.buried.extend(slots.iter().filter_map(|slot| Slot::take(slot)));
        for task in host.tasks.drain(..) {
            task.abort();
        }
    }
}

//! The word to stop, which a host is told as a process is by SIGTERM.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

/// A word that is said once, and heard by everybody who waits for it, then or later. Clones share it.
#[derive(Clone, Default)]
pub struct Stop {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    told: AtomicBool,
    handled: AtomicBool,
    waiting: Notify,
}

impl Stop {
    /// Says it.
    pub fn tell(&self) {
        self.shared.told.store(true, Ordering::Relaxed);
        self.shared.waiting.notify_waiters();
    }

    /// Whether it was said.
    pub fn is_told(&self) -> bool {
        self.shared.told.load(Ordering::Relaxed)
    }

    /// Waits until it is said.
    pub async fn told(self) {
        let waiting = self.shared.waiting.notified();
        if !self.is_told() {
            waiting.await;
        }
    }

    /// The same, for somebody who acts upon it.
    pub(super) fn handled(&self) -> Self {
        self.shared.handled.store(true, Ordering::Relaxed);
        self.clone()
    }

    /// Whether somebody acts upon it. A process that has no handler for SIGTERM dies of it.
    pub(super) fn is_handled(&self) -> bool {
        self.shared.handled.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("told", &self.is_told()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_heard_by_who_waits_and_by_who_comes_later() {
        let stop = Stop::default();
        let waiting = tokio::spawn(stop.clone().told());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        stop.tell();
        waiting.await.expect("it is told");
        stop.clone().told().await;
        assert!(!stop.is_handled());
        assert!(stop.handled().is_told() && stop.is_handled());
    }
}

//! A slow host: its applications run some time after the network has woken them.
//!
//! Only wakes by the network are late. Who runs anyway, by a timer or by another task, finds at once what
//! there is; and who runs late finds all that came meanwhile.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Wake, Waker},
    time::Duration,
};

use tokio::sync::Notify;

use super::world::World;
use crate::trace::Recorder;

/// Wakes that are to come, in order.
pub(super) struct Late {
    due: Mutex<BTreeMap<(Duration, u64), Waker>>,
    /// Wakes the pump, which carries them out.
    kick: Arc<Notify>,
    clock: Recorder,
}

/// What the network wakes in the place of a task.
struct Snooze {
    late: Arc<Late>,
    by: Duration,
    task: Waker,
}

impl Late {
    pub(super) fn new(kick: Arc<Notify>, clock: Recorder) -> Arc<Self> {
        Arc::new(Self { due: Mutex::default(), kick, clock })
    }

    fn due(&self) -> MutexGuard<'_, BTreeMap<(Duration, u64), Waker>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever's time has come.
    pub(super) fn wake(&self, now: Duration) {
        while let Some(first) = self.due().first_entry() {
            if first.key().0 > now {
                return;
            }
            first.remove().wake();
        }
    }

    /// When the next one's time comes.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due().first_key_value().map(|((due, _), _)| *due)
    }
}

impl Wake for Snooze {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let at = self.late.clock.now() + self.by;
        let mut due = self.late.due();
        let last = due.range((at, 0)..=(at, u64::MAX)).next_back().map(|((_, order), _)| *order);
        due.insert((at, last.map_or(0, |last| last + 1)), self.task.clone());
        self.late.kick.notify_one();
    }
}

impl World {
    /// Makes a call of an application on a host: it is woken as late as things are there.
    pub(super) fn called_on<T>(
        &mut self,
        host: usize,
        cx: &mut Context<'_>,
        call: impl FnOnce(&mut Self, &mut Context<'_>) -> T,
    ) -> T {
        let Some(by) = self.hosts[host].slow_cpu else { return call(self, cx) };
        let task = cx.waker().clone();
        let snooze = Waker::from(Arc::new(Snooze { late: Arc::clone(&self.late), by, task }));
        call(self, &mut Context::from_waker(&snooze))
    }
}

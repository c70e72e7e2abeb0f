//! The one place where facts are stamped with time and order.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{ClientFact, Event, Fact, Name, SocketFact, Trace};

/// The most that a trace holds. A run that would go on is stopped: a scenario that makes more is one
/// that nobody reads, or a loop in which no time passes.
const BOUNDS: Bounds = Bounds { events: 4_000_000, bytes: 1 << 30 };

#[derive(Debug, Clone, Copy)]
struct Bounds {
    events: usize,
    /// Of payload.
    bytes: usize,
}

/// Takes each fact of a run as it is recorded, in order.
pub type Watcher = Box<dyn FnMut(Event) + Send>;

/// Collects the facts of one run. Clones write into the same trace.
#[derive(Debug, Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    bounds: Bounds,
    held: Mutex<Held>,
    filled: Notify,
}

#[derive(Default)]
struct Held {
    events: Vec<Event>,
    bytes: usize,
    /// Facts that a watcher has taken.
    watched: usize,
    watcher: Option<Watcher>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("events", &self.events.len()).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
enum Clock {
    /// One paused tokio runtime for all hosts, which began at this instant.
    OneRuntime(Instant),
    /// A runtime for each host: only the engine knows the time that they share.
    Engine(fn() -> Duration),
}

impl Recorder {
    /// A recorder whose time zero is now, on the runtime that all hosts share.
    pub fn starting_now() -> Self {
        Self::with(Clock::OneRuntime(Instant::now()))
    }

    /// From now on each fact goes to a watcher, and the trace keeps none: a run of any length then
    /// takes no more memory than what is simulated.
    #[must_use]
    pub fn watched_by(self, watcher: Watcher) -> Self {
        self.held().watcher = Some(watcher);
        self
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.shared.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A recorder that asks an engine how long the run has lasted.
    pub fn asking(elapsed: fn() -> Duration) -> Self {
        Self::with(Clock::Engine(elapsed))
    }

    fn with(clock: Clock) -> Self {
        Self::bounded(clock, BOUNDS)
    }

    fn bounded(clock: Clock, bounds: Bounds) -> Self {
        let shared = Shared { clock, bounds, held: Mutex::default(), filled: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Virtual time since the run began.
    pub fn now(&self) -> Duration {
        match self.shared.clock {
            Clock::OneRuntime(start) => Instant::now().duration_since(start),
            Clock::Engine(elapsed) => elapsed(),
        }
    }

    /// Records a fact that `actor` saw now, and returns its ordinal. A trace that is full takes only
    /// what the world says.
    pub fn record(&self, actor: &Name, fact: Fact) -> usize {
        let at = self.now();
        let mut held = self.held();
        if let Some(watcher) = &mut held.watcher {
            watcher(Event { at, actor: Arc::clone(actor), fact });
            held.watched += 1;
            return held.watched - 1;
        }
        let bounds = self.shared.bounds;
        if held.events.len() >= bounds.events || held.bytes >= bounds.bytes {
            self.shared.filled.notify_waiters();
            if !matches!(fact, Fact::World(_)) {
                return held.events.len();
            }
        }
        held.bytes += payload(&fact);
        held.events.push(Event { at, actor: Arc::clone(actor), fact });
        held.events.len() - 1
    }

    /// Waits until the trace is full; for ever where it never is.
    pub async fn filled(&self) {
        self.shared.filled.notified().await;
    }

    /// All that was recorded; what comes later is recorded anew.
    pub fn take(&self) -> Trace {
        let mut held = self.held();
        Trace { events: std::mem::take(&mut *held).events }
    }
}

/// Bytes that a fact keeps in memory.
fn payload(fact: &Fact) -> usize {
    match fact {
        Fact::Packet(packet) => packet.payload.len(),
        Fact::Logged { text } => text.len(),
        Fact::Socket(_, SocketFact::Wrote { bytes })
        | Fact::Client(ClientFact::Body { bytes, .. }) => bytes.len(),
        Fact::Socket(..)
        | Fact::Client(_)
        | Fact::Arrived { .. }
        | Fact::Provider(_)
        | Fact::Middlebox(..)
        | Fact::World(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Connection, WorldFact};

    #[tokio::test(start_paused = true)]
    async fn a_full_trace_says_so_and_takes_only_what_the_world_says() {
        for bounds in [Bounds { events: 2, bytes: 100 }, Bounds { events: 100, bytes: 6 }] {
            let recorder = Recorder::bounded(Clock::OneRuntime(Instant::now()), bounds);
            let wrote = || SocketFact::Wrote { bytes: "abc".into() };
            let filled = tokio::spawn({
                let recorder = recorder.clone();
                async move { recorder.filled().await }
            });
            tokio::task::yield_now().await;
            for _ in 0..3 {
                assert!(!filled.is_finished());
                recorder.record(&"a".into(), Fact::Socket(Connection(0), wrote()));
            }
            filled.await.expect("it is told");
            recorder.record(&"world".into(), Fact::World(WorldFact::Over));
            assert_eq!(recorder.take().events.len(), 3);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watcher_takes_each_fact_in_order_and_the_trace_keeps_none() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let watcher = Box::new(move |event: Event| sink.lock().unwrap().push(event.fact));
        let recorder = Recorder::starting_now().watched_by(watcher);
        let facts = [WorldFact::NotSettled, WorldFact::Over];
        let record = |fact| recorder.record(&"world".into(), Fact::World(fact));
        assert_eq!(facts.clone().map(record), [0, 1]);
        assert_eq!(*seen.lock().unwrap(), facts.map(Fact::World));
        assert!(recorder.take().events.is_empty());
    }
}

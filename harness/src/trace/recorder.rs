//! The one place where facts are stamped with time and order.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Event, Fact, Name, Trace};

/// Collects the facts of one run. Clones write into the same trace.
#[derive(Debug, Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    events: Mutex<Vec<Event>>,
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

    /// A recorder that asks an engine how long the run has lasted.
    pub fn asking(elapsed: fn() -> Duration) -> Self {
        Self::with(Clock::Engine(elapsed))
    }

    fn with(clock: Clock) -> Self {
        Self { shared: Arc::new(Shared { clock, events: Mutex::new(Vec::new()) }) }
    }

    /// Virtual time since the run began.
    pub fn now(&self) -> Duration {
        match self.shared.clock {
            Clock::OneRuntime(start) => Instant::now().duration_since(start),
            Clock::Engine(elapsed) => elapsed(),
        }
    }

    /// Records a fact that `actor` saw now, and returns its ordinal.
    pub fn record(&self, actor: &Name, fact: Fact) -> usize {
        let at = self.now();
        let mut events = self.shared.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(Event { at, actor: Arc::clone(actor), fact });
        events.len() - 1
    }

    /// All that was recorded; what comes later is recorded anew.
    pub fn take(&self) -> Trace {
        let mut events = self.shared.events.lock().unwrap_or_else(PoisonError::into_inner);
        Trace { events: std::mem::take(&mut *events) }
    }
}

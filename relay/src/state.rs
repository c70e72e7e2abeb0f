//! What all requests of one relay share.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use tokio::{sync::watch, time::Instant};
use tower::util::BoxCloneSyncService;

use crate::{
    caps::{Caps, Slot},
    config::Config,
    metrics::Metrics,
    serve::BoxError,
};

/// How the provider is called.
pub(crate) type Upstream = BoxCloneSyncService<reqwest::Request, reqwest::Response, BoxError>;

/// One relay.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) config: Config,
    pub(crate) upstream: Upstream,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) phases: Phases,
    caps: Arc<Caps>,
    started: Instant,
    requests: AtomicU64,
    ids: AtomicU64,
}

impl Relay {
    pub(crate) fn new(config: Config, upstream: Upstream, phases: Phases) -> Arc<Self> {
        let caps = Caps::new(config.max_streams_per_address, config.max_streams);
        Arc::new(Self {
            config,
            upstream,
            metrics: Arc::default(),
            phases,
            caps: Arc::new(caps),
            started: Instant::now(),
            requests: AtomicU64::new(0),
            ids: AtomicU64::new(0),
        })
    }

    /// A place for one more request from that address; `None` where a cap is reached.
    pub(crate) fn admit(&self, address: SocketAddr) -> Option<Slot> {
        self.caps.admit(address.ip())
    }

    /// Counts requests, so that each draws its own jitter.
    pub(crate) fn next_ordinal(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts the ids of requests. A count of its own: ids that are made must not move the jitter.
    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// The wall clock, as far as it is known: the epoch and tokio's time since.
    pub(crate) fn wall_clock(&self) -> Option<SystemTime> {
        self.config.epoch.map(|epoch| epoch + self.started.elapsed())
    }
}

/// Where a relay stands between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Everything is served.
    Running,
    /// Nothing new is accepted; what runs may finish.
    Draining,
    /// What still runs ends now, and says so.
    Ending,
}

/// Watches the phase.
#[derive(Debug, Clone)]
pub(crate) struct Phases(watch::Receiver<Phase>);

impl Phases {
    pub(crate) fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (sender, Self(receiver))
    }

    pub(crate) fn now(&self) -> Phase {
        *self.0.borrow()
    }

    /// Resolves once `phase` is reached; never if the relay is gone before.
    pub(crate) async fn reached(mut self, phase: Phase) {
        if self.0.wait_for(|now| *now >= phase).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

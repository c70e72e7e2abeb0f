//! One account per exchange: what happened, told once when it is over.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use http::StatusCode;
use tokio::time::Instant;

use crate::{
    breaker::Verdict,
    caps::Slot,
    lock::Locked as _,
    log,
    metrics::Metrics,
    stream::{EndReason, Note, read_on::Usage},
    upstreams::Permit,
    wire::Client,
};

/// A client that leaves so long after the provider's last byte leaves in a silence. Tokens come
/// faster than one a second from every provider that streams.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// What is known of a request before anything is done about it.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) request_id: Arc<str>,
    pub(crate) route: &'static str,
}

/// How often the provider was asked, and where; the one who asks keeps the score, wherever it runs.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    made: AtomicU32,
    upstream: AtomicU32,
    /// Of the upstream whose body is on its way.
    permit: Mutex<Option<Permit>>,
}

impl Attempts {
    /// One more, to the upstream of that index.
    pub(crate) fn begin(&self, upstream: usize) {
        self.upstream.store(u32::try_from(upstream).unwrap_or(u32::MAX), Relaxed);
        self.made.fetch_add(1, Relaxed);
    }

    /// The upstream of that permit has answered; how its body ends is told by [`Self::end`].
    pub(crate) fn hold(&self, permit: Permit) {
        *self.lock() = Some(permit);
    }

    /// The answer was not good enough after all.
    pub(crate) fn release(&self) {
        drop(self.lock().take());
    }

    fn end(&self, verdict: Verdict) {
        let permit = self.lock().take();
        if let Some(permit) = permit {
            permit.done(verdict, Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Permit>> {
        self.permit.locked()
    }

    pub(crate) fn made(&self) -> u32 {
        self.made.load(Relaxed)
    }

    pub(crate) fn upstream(&self) -> u32 {
        self.upstream.load(Relaxed)
    }
}

/// One request under way: holds its place, and is closed with the reason for its end.
///
/// Dropped without a reason, the client went away.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) about: About,
    pub(crate) attempts: Arc<Attempts>,
    pub(crate) client: Client,
    pub(crate) opened: Instant,
    /// What the client was told; none while there is no head.
    pub(crate) status: Option<StatusCode>,
    /// Of its body, as it went to the client, or into the store whoever reads it there.
    pub(crate) bytes: u64,
    pub(crate) events: u64,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) longest_gap: Duration,
    /// When the provider's last bytes came.
    last: Option<Instant>,
    ended: Option<EndReason>,
    metrics: Arc<Metrics>,
    _slot: Slot,
}

impl Account {
    pub(crate) fn open(metrics: Arc<Metrics>, client: Client, slot: Slot, about: About) -> Self {
        metrics.open_streams.inc();
        Self {
            about,
            attempts: Arc::default(),
            client,
            opened: Instant::now(),
            status: None,
            bytes: 0,
            events: 0,
            first_byte: None,
            longest_gap: Duration::ZERO,
            last: None,
            ended: None,
            metrics,
            _slot: slot,
        }
    }

    /// The client gets its head.
    pub(crate) fn begun(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Bytes go to the client, or to those who read them in the store. Those of the provider tell of its
    /// pace, the relay's own do not.
    pub(crate) fn relayed(&mut self, now: Instant, bytes: usize, own: bool) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        self.client.give(bytes);
        if own {
            return;
        }
        match self.last.replace(now) {
            Some(last) => self.longest_gap = self.longest_gap.max(now.duration_since(last)),
            None => self.first_byte = Some(now.duration_since(self.opened)),
        }
    }

    /// Records what happened and is no end.
    pub(crate) fn note(&self, note: Note) {
        match note {
            Note::Heartbeat => {
                self.metrics.heartbeats.inc();
            }
            Note::IdleWarning => {
                self.metrics.idle_warnings.inc();
                log::idle_warning(self, self.last.map(|last| last.elapsed()));
            }
        }
    }

    /// Records what an answer cost of which the client did not hear.
    pub(crate) fn used(&self, usage: Usage) {
        for (kind, tokens) in [("input", usage.input), ("output", usage.output)] {
            self.metrics.read_on_tokens.get_or_create(&[("kind", kind.to_owned())]).inc_by(tokens);
        }
    }

    /// Records how it ended; only the first call counts.
    pub(crate) fn end(&mut self, reason: EndReason) {
        self.end_as(reason, reason.verdict());
    }

    /// The same where the end says something else of the provider than it does by itself.
    pub(crate) fn end_as(&mut self, reason: EndReason, verdict: Verdict) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(reason);
        self.attempts.end(verdict);
        self.metrics.streams.get_or_create(&[("end", reason.code().to_owned())]).inc();
        if reason == EndReason::ClientGone {
            let window = [("window", self.window().to_owned())];
            self.metrics.cancels.get_or_create(&window).inc();
        }
        if let Some(first) = self.first_byte {
            self.metrics.time_to_first_byte.observe(first.as_secs_f64());
            self.metrics.longest_gap.observe(self.longest_gap.as_secs_f64());
        }
        log::stream(self, reason);
    }

    /// Where in its answer a client is that goes now.
    fn window(&self) -> &'static str {
        match (self.status, self.last) {
            (None, _) => "before_head",
            (Some(_), None) => "before_first_byte",
            (Some(_), Some(last)) if last.elapsed() < IDLE_AFTER => "active",
            (Some(_), Some(_)) => "idle",
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let stalled = self.client.has_stalled();
        self.end(if stalled { EndReason::ClientStalled } else { EndReason::ClientGone });
        self.metrics.open_streams.dec();
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;

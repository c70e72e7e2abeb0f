//! What is counted, and the text that a scrape gets.
//!
//! Names and units are those of <https://prometheus.io/docs/practices/naming/>: one prefix, base
//! units, `_total` for what only grows. Nothing is looked up by label for an event: what an event
//! adds to has no labels, and labels are looked up once, when a stream ends.

use std::sync::atomic::AtomicI64;

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use reqwest::Url;

use crate::{breaker::State, config::shown};

/// The content type of the text exposition format (`OpenMetrics` 1.0).
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds to the first byte of a body: from what a cache needs to the relay's budget of 300 s.
/// Thinking models take tens of seconds, so the steps go on where those of a web server end.
const FIRST_BYTE: [f64; 13] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Seconds of a stream's longest silence: a token takes 10 to 100 ms, a proxy cuts idle streams at
/// 30 or 60 s, and the relay itself warns at 60 and ends at 120.
const GAP: [f64; 12] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 120.0];

type Labels<const N: usize> = [(&'static str, String); N];
/// A figure that rises and falls.
pub(crate) type Level = Gauge<i64, AtomicI64>;

/// Where bytes of bodies count that are given to clients.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    /// All of them.
    pub(crate) bytes: Counter,
    /// Those that wait.
    pub(crate) held: Level,
}

/// The counters of one relay.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels<2>, Counter>,
    refused: Family<Labels<1>, Counter>,
    breakers: Family<Labels<2>, Level>,
    open_connections: Level,
    pub(crate) open_streams: Level,
    pub(crate) streams: Family<Labels<1>, Counter>,
    pub(crate) cancels: Family<Labels<1>, Counter>,
    retries: Counter,
    resumed_readers: Counter,
    pub(crate) given: Given,
    pub(crate) time_to_first_byte: Histogram,
    /// The longest of each stream, not each gap: a lock once a stream in place of one an event,
    /// and one stall in a thousand tokens is seen where an average of gaps would bury it.
    pub(crate) longest_gap: Histogram,
    pub(crate) heartbeats: Counter,
    pub(crate) idle_warnings: Counter,
    pub(crate) read_on_tokens: Family<Labels<1>, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("relay"),
            requests: Family::default(),
            refused: Family::default(),
            breakers: Family::default(),
            open_connections: Gauge::default(),
            open_streams: Gauge::default(),
            streams: Family::default(),
            cancels: Family::default(),
            retries: Counter::default(),
            resumed_readers: Counter::default(),
            given: Given::default(),
            time_to_first_byte: Histogram::new(FIRST_BYTE),
            longest_gap: Histogram::new(GAP),
            heartbeats: Counter::default(),
            idle_warnings: Counter::default(),
            read_on_tokens: Family::default(),
        };
        metrics.register_traffic();
        metrics.register_upstreams();
        metrics.register_streams();
        metrics
    }
}

impl Metrics {
    fn register_traffic(&mut self) {
        let to = &mut self.registry;
        to.register("requests", "Answers by route and status", self.requests.clone());
        to.register("refused", "Requests refused by the limit they met", self.refused.clone());
        let help = "Connections of clients that are open now";
        to.register("open_connections", help, self.open_connections.clone());
        let help = "Requests that hold a place now";
        to.register("open_streams", help, self.open_streams.clone());
        to.register("streams", "Relayed answers by how they ended", self.streams.clone());
        let help = "Clients that went away, by where in its answer each was";
        to.register("cancels", help, self.cancels.clone());
    }

    fn register_upstreams(&mut self) {
        let to = &mut self.registry;
        to.register("retries", "Attempts after the first", self.retries.clone());
        let help = "Each upstream's circuit breaker: 0 closed, 1 half-open, 2 open";
        to.register("breaker_state", help, self.breakers.clone());
        let help = "Readers that came back for the rest of a stream";
        to.register("resumed_readers", help, self.resumed_readers.clone());
    }

    fn register_streams(&mut self) {
        let to = &mut self.registry;
        let help = "Body bytes given to clients, the relay's own included";
        to.register_with_unit("relayed", help, Unit::Bytes, self.given.bytes.clone());
        let help = "Body bytes that wait for room in clients' sockets";
        to.register_with_unit("held", help, Unit::Bytes, self.given.held.clone());
        let help = "Time from a request's admission to the provider's first body byte";
        let histogram = self.time_to_first_byte.clone();
        to.register_with_unit("time_to_first_byte", help, Unit::Seconds, histogram);
        let help = "The longest time between two pieces of a stream, of each stream";
        to.register_with_unit("longest_gap", help, Unit::Seconds, self.longest_gap.clone());
        let help = "Comments and events sent into silences";
        to.register("heartbeats", help, self.heartbeats.clone());
        let help = "Silences of providers that were worth a warning";
        to.register("idle_warnings", help, self.idle_warnings.clone());
        let help = "Tokens of answers that were read to their end after their clients had left";
        to.register("read_on_tokens", help, self.read_on_tokens.clone());
    }

    pub(crate) fn answered(&self, route: &'static str, status: http::StatusCode) {
        let labels = [("route", route.to_owned()), ("status", status.as_str().to_owned())];
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn refused(&self, limit: &'static str) {
        self.refused.get_or_create(&[("limit", limit.to_owned())]).inc();
    }

    /// One more connection, until what is returned is dropped.
    pub(crate) fn connected(&self) -> Connected {
        self.open_connections.inc();
        Connected(self.open_connections.clone())
    }

    pub(crate) fn retried(&self) {
        self.retries.inc();
    }

    pub(crate) fn resumed(&self) {
        self.resumed_readers.inc();
    }

    /// Where the breaker of the upstream of that index stands. By its index the log names it, too: two may
    /// have one base and different keys.
    pub(crate) fn breaker(&self, index: usize, base: &Url, state: State) {
        let state = match state {
            State::Closed => 0,
            State::HalfOpen => 1,
            State::Open => 2,
        };
        let labels = [("index", index.to_string()), ("upstream", shown(base))];
        self.breakers.get_or_create(&labels).set(state);
    }

    /// All counters as text. The library keeps label sets in random order; here they are sorted,
    /// so that equal counters give equal text. A histogram's buckets have an order already, which
    /// `OpenMetrics` demands.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing to a string does not fail.
            return String::new();
        }
        let mut lines: Vec<&str> = text.lines().collect();
        for samples in lines.chunk_by_mut(|a, b| a.starts_with('#') == b.starts_with('#')) {
            let is_histogram = samples.iter().any(|line| line.contains("_bucket{"));
            if !is_histogram && !samples[0].starts_with('#') {
                samples.sort_unstable();
            }
        }
        lines.into_iter().flat_map(|line| [line, "\n"]).collect()
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct Connected(Level);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;

//! What is counted, and the text that a scrape gets.

use std::sync::{Arc, atomic::AtomicI64};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{
    caps::Slot,
    stream::{EndReason, Note, read_on::Usage},
    wire::Client,
};

/// The content type of the text exposition format (`OpenMetrics` 1.0).
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<const N: usize> = [(&'static str, String); N];

/// The counters of one relay.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels<2>, Counter>,
    open_streams: Gauge<i64, AtomicI64>,
    streams: Family<Labels<1>, Counter>,
    retries: Counter,
    relayed_bytes: Counter,
    heartbeats: Counter,
    idle_warnings: Counter,
    read_on_tokens: Family<Labels<1>, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("relay"),
            requests: Family::default(),
            open_streams: Gauge::default(),
            streams: Family::default(),
            retries: Counter::default(),
            relayed_bytes: Counter::default(),
            heartbeats: Counter::default(),
            idle_warnings: Counter::default(),
            read_on_tokens: Family::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("requests", "Answers by route and status", metrics.requests.clone());
        registry.register(
            "open_streams",
            "Requests that hold a place now",
            metrics.open_streams.clone(),
        );
        registry.register("streams", "Relayed answers by how they ended", metrics.streams.clone());
        registry.register("retries", "Attempts after the first", metrics.retries.clone());
        registry.register(
            "relayed_bytes",
            "Body bytes given to clients, the relay's own included",
            metrics.relayed_bytes.clone(),
        );
        registry.register(
            "heartbeats",
            "Comments and events sent into silences",
            metrics.heartbeats.clone(),
        );
        registry.register(
            "idle_warnings",
            "Silences of providers that were worth a warning",
            metrics.idle_warnings.clone(),
        );
        registry.register(
            "read_on_tokens",
            "Tokens of answers that were read to their end after their clients had left",
            metrics.read_on_tokens.clone(),
        );
        metrics
    }
}

impl Metrics {
    pub(crate) fn answered(&self, route: &'static str, status: http::StatusCode) {
        let labels = [("route", route.to_owned()), ("status", status.as_str().to_owned())];
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn retried(&self) {
        self.retries.inc();
    }

    /// All counters as text. The library keeps label sets in random order; here they are sorted,
    /// so that equal counters give equal text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing to a string does not fail.
            return String::new();
        }
        let mut lines: Vec<&str> = text.lines().collect();
        for samples in lines.chunk_by_mut(|a, b| a.starts_with('#') == b.starts_with('#')) {
            if samples.first().is_some_and(|line| !line.starts_with('#')) {
                samples.sort_unstable();
            }
        }
        lines.into_iter().flat_map(|line| [line, "\n"]).collect()
    }
}

/// One request under way: holds its place, and is closed with the reason for its end.
///
/// Dropped without a reason, the client went away.
#[derive(Debug)]
pub(crate) struct Account {
    metrics: Arc<Metrics>,
    client: Client,
    ended: bool,
    _slot: Slot,
}

impl Account {
    pub(crate) fn open(metrics: Arc<Metrics>, client: Client, slot: Slot) -> Self {
        metrics.open_streams.inc();
        Self { metrics, client, ended: false, _slot: slot }
    }

    pub(crate) fn relayed(&self, bytes: usize) {
        self.metrics.relayed_bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Records what happened and is no end.
    pub(crate) fn note(&self, note: Note) {
        match note {
            Note::Heartbeat => self.metrics.heartbeats.inc(),
            Note::IdleWarning => self.metrics.idle_warnings.inc(),
        };
    }

    /// Records what an answer cost of which the client did not hear.
    pub(crate) fn used(&self, usage: Usage) {
        for (kind, tokens) in [("input", usage.input), ("output", usage.output)] {
            let labels = [("kind", kind.to_owned())];
            self.metrics.read_on_tokens.get_or_create(&labels).inc_by(tokens);
        }
    }

    /// Records how it ended; only the first call counts.
    pub(crate) fn end(&mut self, reason: EndReason) {
        if !std::mem::replace(&mut self.ended, true) {
            self.metrics.streams.get_or_create(&[("end", reason.code().to_owned())]).inc();
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
mod tests {
    use super::*;
    use crate::caps::Caps;

    #[test]
    fn an_account_counts_its_end_once_and_closes() {
        let metrics = Arc::new(Metrics::default());
        let caps =
            Arc::new(Caps::new(&crate::Config::new("http://127.0.0.1:9000/v1".parse().unwrap())));
        let client = Client::new(([127, 0, 0, 1], 1).into());
        let open = || {
            let slot = caps.admit(client.address().ip(), None).unwrap();
            Account::open(Arc::clone(&metrics), client.clone(), slot)
        };
        let mut complete = open();
        complete.end(EndReason::Complete);
        let gone = open();
        assert!(metrics.text().contains("relay_open_streams 2\n"));
        drop((complete, gone));
        metrics.answered("/v1", http::StatusCode::OK);
        assert_eq!(
            metrics.text().lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>(),
            [
                "relay_requests_total{route=\"/v1\",status=\"200\"} 1",
                "relay_open_streams 0",
                "relay_streams_total{end=\"client_gone\"} 1",
                "relay_streams_total{end=\"complete\"} 1",
                "relay_retries_total 0",
                "relay_relayed_bytes_total 0",
                "relay_heartbeats_total 0",
                "relay_idle_warnings_total 0",
            ]
        );
    }
}

//! What is logged: one line a stream when it ends, and warnings while it runs.
//!
//! The library emits `tracing` events and installs nothing: who listens is the program's affair, so
//! several relays share a process. Nothing of a request's headers, query or body is a field.

use std::time::Duration;

use tracing::{info, warn};

use crate::{account::Account, stream::EndReason};

/// The line of a stream that is over. `bytes` and `events` are those of the stream, once, however often a
/// kept one is read.
pub(crate) fn stream(account: &Account, reason: EndReason) {
    info!(
        target: "relay::stream",
        request_id = &*account.about.request_id,
        route = account.about.route,
        client = %account.client.address(),
        upstream = account.attempts.upstream(),
        attempts = account.attempts.made(),
        status = account.status.map(|status| status.as_u16()),
        bytes = account.bytes,
        events = account.events,
        first_byte_ms = account.first_byte.map(millis),
        longest_gap_ms = account.first_byte.map(|_| millis(account.longest_gap)),
        duration_ms = millis(account.opened.elapsed()),
        end = reason.code(),
        "stream"
    );
}

/// The provider is silent for longer than is usual.
pub(crate) fn idle_warning(account: &Account, silence: Option<Duration>) {
    warn!(
        target: "relay::stream",
        request_id = &*account.about.request_id,
        route = account.about.route,
        upstream = account.attempts.upstream(),
        silence_ms = silence.map(millis),
        "idle_warning"
    );
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

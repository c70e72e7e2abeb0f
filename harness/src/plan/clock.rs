//! What the clocks of hosts say: all the same, but for those that a plan sets wrong.

use std::time::Duration;

use super::Plan;
use crate::scenario::Clock;

/// When the simulated world begins: 2026-01-01T00:00:00Z, in days since 1970. Dates on the wire and
/// `created` stamps count from it.
pub const EPOCH: Duration = Duration::from_hours(20_454 * 24);

impl Plan {
    /// What a host's clock says when the run begins: unix time.
    pub fn clock(&self, host: &str) -> Duration {
        match self.hosts.get(host).and_then(|limits| limits.clock) {
            None => EPOCH,
            Some(Clock::Ahead(time)) => EPOCH.saturating_add(time.0),
            Some(Clock::Behind(time)) => EPOCH.saturating_sub(time.0),
        }
    }
}

//! What a broken relay is given: its provider, and the switches that all of them have.

use std::time::Duration;

use http::HeaderValue;
use indexmap::IndexMap;
use mock_openai::quantity::Time;

use crate::net::{Stop, Upstream};

/// The page that may call where nothing else is said.
const ORIGIN_DEFAULT: &str = "https://app.example";

/// How long running streams may go on where nothing else is said: less than the 30 s after which
/// Kubernetes kills.
const DRAIN_DEFAULT: Duration = Duration::from_secs(25);

/// The provider, who may call, and what a silent stream gets.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(super) upstream: Upstream,
    origins: Origins,
    pub(super) heartbeat: Option<Duration>,
    drain: Duration,
    /// Told when the drain is over, and what still runs is to end.
    pub(super) ending: Stop,
}

/// Whose pages may read answers, and whether with credentials.
#[derive(Debug, Clone)]
pub(in crate::broken) struct Origins {
    allowed: Vec<String>,
    pub(super) credentials: bool,
}

impl Setup {
    /// With the values of the switches; those that are not given have their defaults: pages of
    /// `https://app.example` may call, with credentials, there are no heartbeats, and a drain lasts 25 s.
    pub fn new(upstream: Upstream, switches: &IndexMap<String, String>) -> Self {
        let origins = switches.get("origins").map_or(ORIGIN_DEFAULT, String::as_str);
        let allowed = origins.split(',').map(|origin| origin.trim().to_owned()).collect();
        let credentials = switches.get("credentials").is_none_or(|value| value != "off");
        let heartbeat = switches.get("heartbeat").and_then(|value| interval(value));
        let drain = switches.get("drain").and_then(|value| interval(value));
        Self {
            upstream,
            origins: Origins { allowed, credentials },
            heartbeat,
            drain: drain.unwrap_or(DRAIN_DEFAULT),
            ending: Stop::default(),
        }
    }

    /// How long running streams may go on after the word to stop, and what tells them that it is over.
    pub(in crate::broken) fn drain(&self) -> (Duration, Stop) {
        (self.drain, self.ending.clone())
    }

    /// The interval of heartbeats, for a relay that has its own way with them: no others are sent.
    pub(in crate::broken) fn take_heartbeat(&mut self) -> Option<Duration> {
        self.heartbeat.take()
    }

    /// Whose pages may read answers.
    pub(in crate::broken) fn origins(&self) -> Origins {
        self.origins.clone()
    }

    /// Whether broken relays have a switch, and it takes a value.
    ///
    /// # Errors
    /// Why not: a scenario that needs it is skipped for this reason.
    pub fn maps_switch(name: &str, value: &str) -> Result<(), String> {
        match (name, value) {
            ("origins", _) | ("credentials", "on" | "off") => Ok(()),
            ("heartbeat", value) if value == "off" || interval(value).is_some() => Ok(()),
            ("drain", value) if interval(value).is_some() => Ok(()),
            ("drain", _) => Err(format!("`{value}` is no time")),
            ("heartbeat", _) => Err(format!("`{value}` is neither a time nor `off`")),
            ("credentials", _) => Err(format!("`{value}` is neither `on` nor `off`")),
            _ => Err(format!("broken relays have no switch `{name}`")),
        }
    }
}

/// A time that is more than none.
fn interval(value: &str) -> Option<Duration> {
    value.parse().ok().map(|Time(interval)| interval).filter(|interval| !interval.is_zero())
}

impl Origins {
    /// Whether pages of an origin may call.
    pub(super) fn allow(&self, origin: &HeaderValue) -> bool {
        self.allowed.iter().any(|allowed| allowed == "*" || *origin == **allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switches_are_those_of_cors_of_heartbeats_and_of_the_drain_and_no_others() {
        assert_eq!(Setup::maps_switch("origins", "https://a.example"), Ok(()));
        assert_eq!(Setup::maps_switch("credentials", "on"), Ok(()));
        let wrong = Setup::maps_switch("credentials", "yes").unwrap_err();
        assert_eq!(wrong, "`yes` is neither `on` nor `off`");
        assert_eq!(Setup::maps_switch("heartbeat", "15s"), Ok(()));
        assert_eq!(Setup::maps_switch("heartbeat", "off"), Ok(()));
        for value in ["15", "0s"] {
            let wrong = Setup::maps_switch("heartbeat", value).unwrap_err();
            assert_eq!(wrong, format!("`{value}` is neither a time nor `off`"));
        }
        assert_eq!(Setup::maps_switch("drain", "5s"), Ok(()));
        assert_eq!(Setup::maps_switch("drain", "off").unwrap_err(), "`off` is no time");
        let unknown = Setup::maps_switch("retries", "2").unwrap_err();
        assert_eq!(unknown, "broken relays have no switch `retries`");
    }
}

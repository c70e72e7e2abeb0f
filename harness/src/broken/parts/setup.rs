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
    pub(in crate::broken) drain: Drain,
    switches: IndexMap<String, String>,
}

/// What becomes of running streams after the word to stop.
#[derive(Debug, Clone)]
pub(in crate::broken) struct Drain {
    /// How long they may go on.
    pub(super) grace: Duration,
    /// Told when that is over, and what still runs is to end.
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
            drain: Drain { grace: drain.unwrap_or(DRAIN_DEFAULT), ending: Stop::default() },
            switches: switches.clone(),
        }
    }

    /// A time that a switch sets; `None` where it is not given, or is `off`.
    pub(in crate::broken) fn time(&self, name: &str) -> Option<Duration> {
        self.switches.get(name).and_then(|value| interval(value))
    }

    /// A number that a switch sets; `None` where it is not given, or is `off`.
    pub(in crate::broken) fn count(&self, name: &str) -> Option<usize> {
        self.switches.get(name)?.parse().ok()
    }

    /// Whether a switch is on.
    pub(in crate::broken) fn is_on(&self, name: &str) -> bool {
        self.switches.get(name).is_some_and(|value| value == "on")
    }

    /// The interval of heartbeats, for a relay that has its own way with them: no others are sent.
    pub(in crate::broken) fn take_heartbeat(&mut self) -> Option<Duration> {
        self.heartbeat.take()
    }

    /// Whose pages may read answers.
    pub(in crate::broken) fn origins(&self) -> Origins {
        self.origins.clone()
    }

    /// Whether a broken relay that has these switches beside those of all has a switch, and it takes
    /// a value.
    ///
    /// # Errors
    /// Why not: a scenario that needs it is skipped for this reason.
    pub fn maps_switch(own: &[&str], name: &str, value: &str) -> Result<(), String> {
        let is_time = value == "off" || interval(value).is_some();
        let (takes, what) = match name {
            "origins" => (true, ""),
            "heartbeat" => (is_time, "neither a time nor `off`"),
            "drain" => (interval(value).is_some(), "no time"),
            "credentials" => (matches!(value, "on" | "off"), "neither `on` nor `off`"),
            _ if !own.contains(&name) => {
                return Err(format!("broken relays have no switch `{name}`"));
            }
            "resume" => (matches!(value, "on" | "off"), "neither `on` nor `off`"),
            "half_close" => {
                (matches!(value, "abort" | "tolerate"), "neither `abort` nor `tolerate`")
            }
            "max_streams_per_address" => {
                let is_count = value.parse::<usize>().is_ok_and(|count| count > 0);
                (is_count || value == "off", "neither a number above 0 nor `off`")
            }
            _ => (is_time, "neither a time nor `off`"),
        };
        if takes { Ok(()) } else { Err(format!("`{value}` is {what}")) }
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
    fn the_switches_are_those_of_cors_of_heartbeats_and_of_the_drain_and_those_of_the_relay() {
        let maps = |name, value| Setup::maps_switch(&["half_close", "idle"], name, value);
        let right = [
            ("origins", "https://a.example"),
            ("credentials", "on"),
            ("heartbeat", "15s"),
            ("heartbeat", "off"),
            ("drain", "5s"),
            ("half_close", "tolerate"),
            ("idle", "2m"),
            ("idle", "off"),
        ];
        for (name, value) in right {
            assert_eq!(maps(name, value), Ok(()), "{name}");
        }
        let wrong = [
            ("credentials", "yes", "`yes` is neither `on` nor `off`"),
            ("heartbeat", "15", "`15` is neither a time nor `off`"),
            ("heartbeat", "0s", "`0s` is neither a time nor `off`"),
            ("drain", "off", "`off` is no time"),
            ("half_close", "on", "`on` is neither `abort` nor `tolerate`"),
            ("idle", "long", "`long` is neither a time nor `off`"),
            ("retries", "2", "broken relays have no switch `retries`"),
            ("resume", "on", "broken relays have no switch `resume`"),
        ];
        for (name, value, why) in wrong {
            assert_eq!(maps(name, value), Err(why.to_owned()), "{name}");
        }
    }
}

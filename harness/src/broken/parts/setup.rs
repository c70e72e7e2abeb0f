//! What a broken relay is given: its provider, and the switches that all of them have.

use std::time::Duration;

use http::HeaderValue;
use indexmap::IndexMap;
use mock_openai::quantity::Time;

use crate::net::Upstream;

/// The page that may call where nothing else is said.
const ORIGIN_DEFAULT: &str = "https://app.example";

/// The provider, who may call, and what a silent stream gets.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(super) upstream: Upstream,
    origins: Origins,
    pub(super) heartbeat: Option<Duration>,
}

/// Whose pages may read answers, and whether with credentials.
#[derive(Debug, Clone)]
pub(in crate::broken) struct Origins {
    allowed: Vec<String>,
    pub(super) credentials: bool,
}

impl Setup {
    /// With the values of the switches; those that are not given have their defaults: pages of
    /// `https://app.example` may call, with credentials, and there are no heartbeats.
    pub fn new(upstream: Upstream, switches: &IndexMap<String, String>) -> Self {
        let origins = switches.get("origins").map_or(ORIGIN_DEFAULT, String::as_str);
        let allowed = origins.split(',').map(|origin| origin.trim().to_owned()).collect();
        let credentials = switches.get("credentials").is_none_or(|value| value != "off");
        let heartbeat = switches.get("heartbeat").and_then(|value| interval(value));
        Self { upstream, origins: Origins { allowed, credentials }, heartbeat }
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
    fn the_switches_are_those_of_cors_and_of_heartbeats_and_no_others() {
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
        let unknown = Setup::maps_switch("retries", "2").unwrap_err();
        assert_eq!(unknown, "broken relays have no switch `retries`");
    }
}

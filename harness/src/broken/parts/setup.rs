//! What a broken relay is given: its provider, and the switches that all of them have.

use http::HeaderValue;
use indexmap::IndexMap;

use crate::net::Upstream;

/// The page that may call where nothing else is said.
const ORIGIN_DEFAULT: &str = "https://app.example";

/// The provider, and who may call.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(super) upstream: Upstream,
    origins: Origins,
}

/// Whose pages may read answers, and whether with credentials.
#[derive(Debug, Clone)]
pub(in crate::broken) struct Origins {
    allowed: Vec<String>,
    pub(super) credentials: bool,
}

impl Setup {
    /// With the values of the switches; those that are not given have their defaults: pages of
    /// `https://app.example` may call, with credentials.
    pub fn new(upstream: Upstream, switches: &IndexMap<String, String>) -> Self {
        let origins = switches.get("origins").map_or(ORIGIN_DEFAULT, String::as_str);
        let allowed = origins.split(',').map(|origin| origin.trim().to_owned()).collect();
        let credentials = switches.get("credentials").is_none_or(|value| value != "off");
        Self { upstream, origins: Origins { allowed, credentials } }
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
            ("credentials", _) => Err(format!("`{value}` is neither `on` nor `off`")),
            _ => Err(format!("broken relays have no switch `{name}`")),
        }
    }
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
    fn the_switches_are_those_of_cors_and_no_others() {
        assert_eq!(Setup::maps_switch("origins", "https://a.example"), Ok(()));
        assert_eq!(Setup::maps_switch("credentials", "on"), Ok(()));
        let wrong = Setup::maps_switch("credentials", "yes").unwrap_err();
        assert_eq!(wrong, "`yes` is neither `on` nor `off`");
        let unknown = Setup::maps_switch("heartbeat", "15s").unwrap_err();
        assert_eq!(unknown, "broken relays have no switch `heartbeat`");
    }
}

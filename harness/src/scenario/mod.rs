//! What a scenario file says, nothing resolved.

pub mod catalogue;
mod check;
mod client;
mod expect;
mod load;
mod names;
mod network;

use indexmap::IndexMap;
use mock_openai::{quantity::Time, script::Script};
use serde::{Deserialize, Serialize};

pub use client::{
    Backoff, Client, Does, Kind, Leave, Patience, Pause, ReadPoint, Reads, Request, Retries, Starts,
};
pub use expect::{Bound, EndsAs, EndsHow, Expect, Frames, Relay, Upstream};
pub use load::load;
pub use names::client_names;
pub use network::{
    BufferingProxy, HostLimits, LinkSpec, Links, MiddleboxSpec, NetEvent, NetFault, Network, When,
};

/// One scenario file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows: one sentence, present tense.
    pub title: String,
    /// Why it exists: standards, issue threads, articles.
    #[serde(default)]
    pub cites: Vec<String>,
    /// Ids of the rules that it is about; one that turns out not applicable is a failure.
    #[serde(default)]
    pub proves: Vec<String>,
    /// Words to select scenarios by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Capabilities that the target must claim, else the scenario is skipped with that reason.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The hosts from the clients to the provider: `client`, middleboxes, `relay`, `upstream`.
    #[serde(default = "default_path")]
    pub path: Vec<PathStep>,
    /// Virtual time after which the verdict is "did not finish".
    #[serde(default = "default_limit")]
    pub limit: Time,
    /// Switches of the relay by name; a target that does not map one skips the scenario.
    #[serde(default)]
    pub relay: IndexMap<String, Switch>,
    /// What the provider does.
    pub upstream: Script,
    /// What lies between.
    #[serde(default)]
    pub network: Network,
    /// Limits of hosts by name.
    #[serde(default)]
    pub hosts: IndexMap<String, HostLimits>,
    /// Who asks.
    pub clients: Vec<Client>,
    /// What is expected beyond the rules.
    #[serde(default)]
    pub expect: Vec<Expect>,
}

fn default_limit() -> Time {
    Time(std::time::Duration::from_mins(10))
}

fn default_path() -> Vec<PathStep> {
    vec![PathStep::Client, PathStep::Relay, PathStep::Upstream]
}

/// One host of the path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathStep {
    /// Every client.
    Client,
    /// The code under test.
    Relay,
    /// The provider.
    Upstream,
    /// A proxy that collects an answer in buffers before it passes it on.
    BufferingProxy(BufferingProxy),
}

/// The value of a relay's switch, kept as text: `on`, `off`, a number or a quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Switch(pub String);

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Switch;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a switch's value: a text, a number, `true` or `false`")
            }
            fn visit_str<E>(self, text: &str) -> Result<Switch, E> {
                Ok(Switch(text.to_owned()))
            }
            fn visit_bool<E>(self, on: bool) -> Result<Switch, E> {
                Ok(Switch(if on { "on" } else { "off" }.to_owned()))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Switch, E> {
                Ok(Switch(number.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

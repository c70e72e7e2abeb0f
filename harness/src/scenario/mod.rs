//! What a scenario file says, nothing resolved.

mod bound;
pub mod catalogue;
mod cell;
mod check;
mod client;
mod expect;
mod host;
mod jitter;
mod lint;
mod load;
mod middlebox;
mod names;
mod network;
mod outcome;
mod pick;
pub mod schema;
mod walk;

use indexmap::IndexMap;
use mock_openai::{
    quantity::Time,
    script::{Script, Values},
    short_forms,
    yaml::short::{Form, Short},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

pub use bound::{Bound, Bounds, Quantity};
pub use cell::CellName;
pub use client::{
    Backoff, Client, ClientWait, Does, Http, Kind, LastEventId, Leave, LongClientWait, Patience,
    Pause, ReadPoint, Reads, Reconnect, Request, Retries, Sdk, Starts, UntilMark,
};
pub(crate) use expect::is_of_a_word;
pub use expect::{EndsAs, EndsHow, Expect, Frames, Grade, LongEndsAs, LongFrames, Relay, Upstream};
pub use host::{Clock, HostLimits, KeepAlive, ProviderHttp};
pub use jitter::Jitter;
pub use lint::lint;
pub use load::{load, load_all};
pub use middlebox::{
    BufferingProxy, Compressor, ConnectionLimit, CutterEnd, Deadline, Haproxy, HeaderStripper,
    Http10Downgrade, IdleCutter, LoadBalancer, Middlebox, ReChunker, SECOND_RELAY, UpstreamHttp,
};
pub use names::client_names;
pub use network::{LinkSpec, Links, NetEvent, NetFault, Network, Way, When};
pub use outcome::Outcome;

/// One scenario file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Files whose keys this one takes over where it lacks them: one path or a list, from this
    /// file's folder. What the scenario says itself stands, and of several files an earlier one
    /// stands before a later; mappings are merged key by key, lists and single values are not. At
    /// most 16 files, at most 8 deep in each other, none outside the folder of all scenarios. Shared
    /// parts live in folders named `common`, which hold no scenarios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Values>,
    /// Axes with their values: the scenario is run for each combination, at most 10,000. `${axis}`
    /// stands for the value wherever a value can stand: alone for the value as it is, inside a longer
    /// text for its text. Inside brackets and braces it needs quotes: `{ eol: "${eol}" }`; `$${` is
    /// the text `${`. A value may have a label of its own, which then stands in the id:
    /// `[whole, { bytewise: { every: 1 } }]`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(extend("x-names" = "<axis>"))]
    pub matrix: IndexMap<String, Vec<serde_json::Value>>,
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
    #[schemars(extend("x-names" = "<switch>"))]
    pub relay: IndexMap<String, Switch>,
    /// What the provider does.
    pub upstream: Script,
    /// What lies between.
    #[serde(default)]
    pub network: Network,
    /// Limits of hosts by name.
    #[serde(default)]
    #[schemars(extend("x-names" = "<host>"))]
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

/// One host of the path: `client`, `relay`, `upstream`, or a middlebox in between.
#[derive(Debug, Clone, PartialEq)]
pub enum PathStep {
    /// Every client.
    Client,
    /// The code under test.
    Relay,
    /// The provider.
    Upstream,
    /// What stands between.
    Middlebox(Middlebox),
}

impl From<Middlebox> for PathStep {
    fn from(middlebox: Middlebox) -> Self {
        Self::Middlebox(middlebox)
    }
}

impl Short for PathStep {
    type Long = Middlebox;
    const FORM: Form = Form::Mapping;
    const NAME: &'static str = "PathStep";
    const WANTED: &'static str = "`client`, `relay`, `upstream`, or a middlebox with its settings, \
                                  such as `{ buffering_proxy: {} }`";
    const WORDS: &'static [&'static str] = &["client", "relay", "upstream"];

    fn text(text: &str) -> Option<Self> {
        match text {
            "client" => Some(Self::Client),
            "relay" => Some(Self::Relay),
            "upstream" => Some(Self::Upstream),
            _ => None,
        }
    }

    fn short_schema(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            json_schema!({ "const": "client", "description": "Every client." }),
            json_schema!({ "const": "relay", "description": "The code under test." }),
            json_schema!({ "const": "upstream", "description": "The provider." }),
        ]
    }
}

impl Serialize for PathStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Client | Self::Relay | Self::Upstream => {
                serializer.serialize_str(self.host_name())
            }
            Self::Middlebox(middlebox) => middlebox.serialize(serializer),
        }
    }
}

/// The value of a relay's switch, kept as text: `on`, `off`, a number or a quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Switch(pub String);

impl JsonSchema for Switch {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Switch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "boolean", "integer"],
            "minimum": 0,
            "description": "A switch's value: `on` or `true`, `off` or `false`, a number, or a text.",
        })
    }
}

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

short_forms!(PathStep);

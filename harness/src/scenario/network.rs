//! What lies between the hosts: links, and their events.

use indexmap::IndexMap;
use mock_openai::quantity::{Rate, Share, Size, Time};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};

use super::Jitter;

/// The `network:` block: links by name (`client-relay`), and `events`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// Links by the names of their neighbours, the client's side first.
    pub links: IndexMap<String, Links>,
    /// What happens to them, and when.
    pub events: Vec<NetEvent>,
}

/// One link: what holds for both directions, and what differs in one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// One way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Time>,
    /// What is added to each packet's latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Jitter>,
    /// Shared by all flows of one direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Rate>,
    /// Share of the packets that are lost and sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Share>,
    /// Bytes that wait for the bandwidth at most. What comes on top is lost: it is sent again a
    /// retransmission time-out later, and what is behind it on its flow waits. Unbounded where it is
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Size>,
    /// The largest packet, 40 B of headers included: 68 B to 1500 B, and 1500 B where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<Size>,
    /// What differs from the provider's side to the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<LinkSpec>,
    /// What differs from the client's side to the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<LinkSpec>,
}

/// One direction of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkSpec {
    /// One way; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Time>,
    /// What is added to each packet's latency; packets of one flow stay in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Jitter>,
    /// Shared by all flows; unlimited where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Rate>,
    /// Share of the packets that are lost: they arrive a retransmission time-out later, and what
    /// is behind them on their flow waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Share>,
    /// Bytes that wait for the bandwidth at most. What comes on top is lost: it is sent again a
    /// retransmission time-out later, and what is behind it on its flow waits. Unbounded where it is
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Size>,
}

/// Something that happens to a link or a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetEvent {
    /// At this virtual time; or `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// After something that a client received, or a mark that the provider passed; or `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<When>,
    /// The link that it happens to; or `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The host that it happens to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// With `drop`: what goes this way alone is lost; both ways where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
    /// What happens.
    #[serde(rename = "do")]
    pub fault: NetFault,
    /// For how long; for ever (or once) where it is left out.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Time>,
}

/// Which way over a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From the client's side to the provider's.
    Up,
    /// From the provider's side to the client's.
    Down,
}

/// A point in what one client received, or a mark of the provider's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EventPoint")]
pub struct When {
    /// The client's name; or `mark`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// After the provider has passed the `mark` of that name for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// After so many whole frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    /// After so many body bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Size>,
}

/// What can happen to a link or a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetFault {
    /// Link: every connection over it is reset, both ends see RST.
    Reset,
    /// Link: everything stalls, and arrives in order when it is over.
    Hold,
    /// Link: silence both ways, or one `way` alone; the ends are not told.
    Drop,
    /// Host: connects are answered with RST.
    Refuse,
    /// Host: connects are not answered at all; what is connected already goes on. A caller sends its
    /// SYN again after 1 s, 3 s, 7 s... (RFC 6298), so it gets through once the fault is over.
    Blackhole,
    /// Host: what runs on it is told to stop, as by SIGTERM in a deployment. A relay in process that
    /// acts upon it drains in its own time; all else ends at once, and its sockets are closed. With
    /// `for`, what still runs after that time is ended, as by SIGKILL. `restart` starts it again.
    Terminate,
    /// Host: it is gone at once, without a word on its connections.
    Crash,
    /// Host: it starts again from nothing; its peers' old connections are answered with RST.
    Restart,
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, link) in &self.links {
            map.serialize_entry(name, link)?;
        }
        if !self.events.is_empty() {
            map.serialize_entry("events", &self.events)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NetworkReader)
    }
}

struct NetworkReader;

impl<'de> serde::de::Visitor<'de> for NetworkReader {
    type Value = Network;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("links by name, such as `client-relay`, and `events`")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Network, A::Error> {
        let mut network = Network::default();
        while let Some(name) = map.next_key::<String>()? {
            if name == "events" {
                network.events = map.next_value()?;
            } else {
                network.links.insert(name, map.next_value()?);
            }
        }
        Ok(network)
    }
}

impl JsonSchema for Network {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "What lies between the hosts: links by the names of their two neighbours on the path, the client's side first (`client-relay`, `relay-upstream`), and `events`.",
            "properties": { "events": {
                "description": "What happens to links and hosts, and when.",
                "type": "array",
                "items": generator.subschema_for::<NetEvent>(),
            } },
            "additionalProperties": generator.subschema_for::<Links>(),
            "x-names": "<link>",
        })
    }
}

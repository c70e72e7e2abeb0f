//! What an author expects beyond the rules.

use indexmap::IndexMap;
use mock_openai::{
    quantity::{Size, Time},
    short_forms,
    yaml::short::{Form, Short},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Serialize, Serializer,
    de::value::{Error, StrDeserializer},
    ser::SerializeMap as _,
};

use super::{Bound, Outcome};

/// One expectation: about a client, about the provider, about the relay, an excuse, or several of
/// which any may hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The client that the keys below it speak of: a name, or a group's name for each of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Status of its last response: 100 to 599.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers of its last response: a value, a value with `*` at its end for any rest, or
    /// `absent`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(extend("x-names" = "<header>"))]
    pub headers: IndexMap<String, String>,
    /// The frames that it received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<Frames>,
    /// From its request to its first whole frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_frame: Option<Bound<Time>>,
    /// The longest silence between two frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_gap: Option<Bound<Time>>,
    /// How its last response ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<EndsAs>,
    /// What its application sees through its SDK, held against what the provider meant; for `as: sdk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sees: Option<Outcome>,
    /// Whether a page's script may read the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_reads: Option<bool>,
    /// How many requests it sent, preflights not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Bound<u64>>,
    /// What the provider saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
    /// What the relay held and told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Relay>,
    /// A rule that this scenario breaks for a reason that is not the relay's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excused: Option<String>,
    /// Why it is excused; the report prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Expectations of which one is enough: the first that holds decides, and the report names its
    /// grade.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<Self>,
    /// Inside `any_of`: how good this outcome is; `strict` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
}

impl Expect {
    /// Whether it, or an outcome that it accepts, speaks of the relay's log.
    pub fn asks_for_the_log(&self) -> bool {
        let own = self.relay.as_ref().is_some_and(|relay| relay.logged.is_some());
        own || self.any_of.iter().any(Self::asks_for_the_log)
    }
}

/// What words of a log are made of: `idle_warning` is one, `end=complete` are two.
pub(crate) fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How good an accepted outcome is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    #[default]
    Strict,
    /// Accepted, and worth knowing.
    Lenient,
}

/// What the provider saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// How many requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Bound<u64>>,
    /// From a client's leaving to the end of its upstream connection as the provider sees it; a client
    /// that vanishes leaves without a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_within: Option<Time>,
    /// The longest time for which the provider could write nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Bound<Time>>,
    /// The most answers that were under way at one time: from the whole request until the answer
    /// ended or its peer went away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<Bound<u64>>,
    /// From one request to the next, each of them, over all clients; it needs two requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Bound<Time>>,
}

/// What the relay held and told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// Bytes taken from the provider and not yet given to the client's socket, at most over time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_bytes: Option<Bound<Size>>,
    /// Streams that its metrics call open once every client has gone: the metric whose name ends
    /// with `open_streams` (the reference relay's `relay_open_streams`), or else with `in_flight`,
    /// summed over its labels. It asks `/metrics` five minutes after the last client, and needs
    /// `needs: [metrics]`: a relay that claims none is skipped, and one that claims them and tells
    /// none breaks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_streams: Option<Bound<u64>>,
    /// Metrics by name, at the time and with the need of `open_streams`. A name may lack the prefix
    /// that the relay gives to all of its own (`retries_total` for `relay_retries_total`), and may
    /// name labels: `requests_total{status="200"}`; over labels that it does not name it is the sum.
    /// A metric that is announced and has no sample yet is 0.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(extend("x-names" = "<metric>"))]
    pub metric: IndexMap<String, Bound<u64>>,
    /// A word that a line of its log holds, whole: its message, or a field's name or value, such as
    /// `idle_warning`. It needs `needs: [log]`: a relay that claims none is skipped. What is heard is
    /// what it tells by the `tracing` crate at level INFO and above, with a target that begins with
    /// `relay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged: Option<String>,
}

/// The frames of a response: `as_sent`, `{ as_sent: 3 }`, `{ count: ... }`, or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frames {
    /// All that the provider sent, byte for byte.
    AsSent,
    /// The first so many that the provider sent, byte for byte, and then no other of its frames.
    AsSentFirst(u64),
    /// So many.
    Count(Bound<u64>),
    /// These, each without its blank line.
    List(Vec<String>),
}

/// The long forms of expected frames.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LongFrames {
    /// The first so many that the provider sent, byte for byte, and then no other of its frames.
    AsSent(u64),
    /// So many.
    Count(Bound<u64>),
    /// These and no others, byte for byte: the text of each without its blank line. Line ends inside
    /// of a frame are part of it.
    List(Vec<String>),
}

/// How a response ends; any of the list is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndsAs {
    /// In these ways.
    pub how: Vec<EndsHow>,
    /// By the host that closed its connection first, where that is asked.
    pub first_closed_by: Option<String>,
}

/// The long form of an ending: one of `how` and `any_of`, and who closed first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LongEndsAs {
    /// The one way that is right.
    how: Option<EndsHow>,
    /// The ways that are right.
    any_of: Option<Vec<EndsHow>>,
    /// The host that sent the first FIN or RST on the connections that carried the response: the
    /// client's own, and those of the hosts behind it to the provider. `client` is the client's own
    /// host; a link that was reset by an event is called by its name, such as `relay-upstream`.
    first_closed_by: Option<String>,
}

/// The ways in which a response can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndsHow {
    /// By its terminator and its framing's end.
    Clean,
    /// By its framing's end, without the terminator, and with no word of an error.
    NoTerminator,
    /// By an error event, whatever the framing does then.
    ErrorEvent,
    /// By broken framing: FIN or RST in the body, or in place of a head.
    Broken,
    /// By an HTTP error status with a body that is no stream.
    Status,
    /// By the client's own leaving.
    Left,
}

impl From<LongFrames> for Frames {
    fn from(long: LongFrames) -> Self {
        match long {
            LongFrames::AsSent(first) => Self::AsSentFirst(first),
            LongFrames::Count(bound) => Self::Count(bound),
            LongFrames::List(list) => Self::List(list),
        }
    }
}

impl Short for Frames {
    type Long = LongFrames;
    const FORM: Form = Form::Mapping;
    const NAME: &'static str = "Frames";
    const WORDS: &'static [&'static str] = &["as_sent"];
    const WANTED: &'static str =
        "`as_sent`, `{ as_sent: 3 }`, `{ count: ... }` or `{ list: [...] }`";

    fn text(text: &str) -> Option<Self> {
        (text == "as_sent").then_some(Self::AsSent)
    }

    fn short_schema(_: &mut SchemaGenerator) -> Vec<Schema> {
        let says = "All that the provider sent, byte for byte.";
        vec![json_schema!({ "const": "as_sent", "description": says })]
    }
}

impl Serialize for Frames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::AsSent => serializer.serialize_str("as_sent"),
            Self::AsSentFirst(first) => one_key(serializer, "as_sent", first),
            Self::Count(bound) => one_key(serializer, "count", bound),
            Self::List(list) => one_key(serializer, "list", list),
        }
    }
}

impl From<LongEndsAs> for EndsAs {
    fn from(LongEndsAs { how, any_of, first_closed_by }: LongEndsAs) -> Self {
        Self { how: how.into_iter().chain(any_of.into_iter().flatten()).collect(), first_closed_by }
    }
}

impl Short for EndsAs {
    type Long = LongEndsAs;
    const FORM: Form = Form::Mapping;
    const NAME: &'static str = "EndsAs";
    const WANTED: &'static str = "`clean`, `no_terminator`, `error_event`, `broken`, `status`, `left`, or several: \
         `{ any_of: [error_event, broken] }`";
    const WORDS: &'static [&'static str] =
        &["clean", "no_terminator", "error_event", "broken", "status", "left"];

    fn text(text: &str) -> Option<Self> {
        let how = EndsHow::deserialize(StrDeserializer::<Error>::new(text)).ok()?;
        Some(Self { how: vec![how], first_closed_by: None })
    }

    fn short_schema(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![generator.subschema_for::<EndsHow>()]
    }
}

impl Serialize for EndsAs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.how.as_slice(), &self.first_closed_by) {
            ([one], None) => one.serialize(serializer),
            (several, None) => one_key(serializer, "any_of", several),
            (several, Some(host)) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("any_of", several)?;
                map.serialize_entry("first_closed_by", host)?;
                map.end()
            }
        }
    }
}

fn one_key<S: Serializer, V: Serialize + ?Sized>(
    serializer: S,
    key: &str,
    value: &V,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(key, value)?;
    map.end()
}

short_forms!(Frames, EndsAs);

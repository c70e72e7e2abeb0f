//! What an author expects beyond the rules.

use indexmap::IndexMap;
use mock_openai::quantity::{Size, Time};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};

/// One expectation: about a client, about the provider, about the relay, or an excuse.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The client that the keys below it speak of: a name, or a group's name for each of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Status of its last response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers of its last response: a value, a value with `*` at its end, or `absent`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
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
    /// Whether a page's script may read the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_reads: Option<bool>,
    /// How many requests it sent, preflights not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Bound<u64>>,
    /// What the provider saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
    /// What the relay held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Relay>,
    /// A rule that this scenario breaks for a reason that is not the relay's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excused: Option<String>,
    /// Why it is excused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What the provider saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// How many requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Bound<u64>>,
    /// From a client's leaving to the end of its upstream connection as the provider sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_within: Option<Time>,
    /// The longest time for which the provider could write nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Bound<Time>>,
}

/// What the relay held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// Bytes taken from the provider and not yet given to the client's socket, at most over time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_bytes: Option<Bound<Size>>,
}

/// A number, exact or bounded: `3`, `{ at_least: 3 }`, `{ at_most: 50ms }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bound<T> {
    /// Inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<T>,
    /// Inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<T>,
}

/// The frames of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frames {
    /// All that the provider sent, byte for byte.
    AsSent,
    /// The first so many that the provider sent, byte for byte, and then no other of its frames.
    AsSentFirst(u64),
    /// So many.
    Count(Bound<u64>),
}

/// How a response ends; any of the list is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndsAs(pub Vec<EndsHow>);

/// The ways in which a response can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

impl Serialize for Frames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::AsSent => serializer.serialize_str("as_sent"),
            Self::AsSentFirst(first) => one_key(serializer, "as_sent", first),
            Self::Count(bound) => one_key(serializer, "count", bound),
        }
    }
}

impl Serialize for EndsAs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => one_key(serializer, "any_of", several),
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

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bound<T>
where
    T: Copy,
{
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoundReader(std::marker::PhantomData))
    }
}

struct BoundReader<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de> + Copy> serde::de::Visitor<'de> for BoundReader<T> {
    type Value = Bound<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an exact value, `{ at_least: ... }` or `{ at_most: ... }`")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Bound<T>, E> {
        let exact = T::deserialize(serde::de::value::U64Deserializer::new(number))?;
        Ok(Bound { at_least: Some(exact), at_most: Some(exact) })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bound<T>, E> {
        let exact = T::deserialize(serde::de::value::StrDeserializer::new(text))?;
        Ok(Bound { at_least: Some(exact), at_most: Some(exact) })
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Bound<T>, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys<T> {
            at_least: Option<T>,
            at_most: Option<T>,
        }
        let keys = Keys::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(Bound { at_least: keys.at_least, at_most: keys.at_most })
    }
}

impl<'de> Deserialize<'de> for Frames {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FramesReader)
    }
}

struct FramesReader;

impl<'de> serde::de::Visitor<'de> for FramesReader {
    type Value = Frames;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("`as_sent`, `{ as_sent: 3 }` or `{ count: ... }`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Frames, E> {
        match text {
            "as_sent" => Ok(Frames::AsSent),
            other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
        }
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Frames, A::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Keys {
            AsSent(u64),
            Count(Bound<u64>),
        }
        Ok(match Keys::deserialize(serde::de::value::MapAccessDeserializer::new(map))? {
            Keys::AsSent(first) => Frames::AsSentFirst(first),
            Keys::Count(bound) => Frames::Count(bound),
        })
    }
}

impl<'de> Deserialize<'de> for EndsAs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EndsReader)
    }
}

struct EndsReader;

impl<'de> serde::de::Visitor<'de> for EndsReader {
    type Value = EndsAs;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a way to end, such as `clean`, or `{ any_of: [error_event, broken] }`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<EndsAs, E> {
        EndsHow::deserialize(serde::de::value::StrDeserializer::new(text))
            .map(|how| EndsAs(vec![how]))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<EndsAs, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys {
            any_of: Vec<EndsHow>,
        }
        Keys::deserialize(serde::de::value::MapAccessDeserializer::new(map))
            .map(|keys| EndsAs(keys.any_of))
    }
}

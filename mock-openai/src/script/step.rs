//! The steps of an answer, each doing one thing, run in order.

use std::fmt;

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected, Visitor},
};

use crate::quantity::{Size, Time};

/// One step of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The status line and the headers. Left out: 200 and the provider's usual headers.
    Head(Head),
    /// A whole well-formed streamed completion.
    Stream(Stream),
    /// One event, or exact bytes.
    Send(Send),
    /// A JSON answer that is no stream.
    Json(serde_json::Value),
    /// An error object as the whole answer, with its status.
    Error(ErrorAnswer),
    /// Cuts the bytes of inner steps at chosen places.
    Cut(Cut),
    /// Lets time pass, or waits for a cause.
    Wait(Wait),
    /// Runs inner steps several times.
    Repeat(Repeat),
    /// Stands before other steps and ends the answer at a point, whatever step runs then.
    Trip(Trip),
    /// How the answer ends; `clean` where it is left out.
    End(End),
    /// A named point that others can wait for.
    Mark(String),
}

/// The status line and the header section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Status code; 200 where it is left out.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers beside (or, by name, instead of) the usual ones.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, String>,
    /// How the end of the body is told.
    #[serde(default)]
    pub framing: Framing,
}

fn ok() -> u16 {
    200
}

/// How the end of a body is told (RFC 9112 6.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// `Transfer-Encoding: chunked`.
    #[default]
    Chunked,
    /// `Content-Length`, true or not. Where the body has another length, the connection is closed
    /// after it.
    Length(u64),
    /// By closing the connection.
    UntilClose,
}

/// A whole well-formed answer: role chunk, deltas, finish chunk, usage where asked, `[DONE]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// The text; where it is left out, made-up words fill the chunks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How many content deltas; 10 where neither this nor `text` is given, one a word of `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u64>,
    /// Bytes of text in each delta (not of its JSON); a given `text` is cut between characters, so
    /// that its deltas have at most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_size: Option<Size>,
    /// Time between one frame and the next; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Time>,
    /// Whether the usage chunk is sent.
    #[serde(default, skip_serializing_if = "Usage::is_auto")]
    pub usage: Usage,
    /// Ends the stream early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}

/// Whether a stream carries the usage chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// Where the request asks by `stream_options.include_usage`.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

impl Usage {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// Where a stream ends early, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The point, counted within this stream.
    pub after: After,
    /// How.
    pub end: End,
}

/// The same for an answer of several steps, counted over the whole body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trip {
    /// The point.
    pub after: After,
    /// How the answer ends there.
    pub end: End,
}

/// A point in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// So many body bytes: the cut may fall inside a frame.
    Bytes(Size),
    /// So many whole frames, role chunk included.
    Frames(u64),
    /// So much time since the request was read; in a `stop`, since the stream began.
    Time(Time),
}

/// One event, or exact bytes. The fields of an event, or `raw`, not both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// A comment line before the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The `event:` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The `id:` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The `retry:` field, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// One `data:` line for each line of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The text's bytes and nothing else; YAML's escapes give CR, NUL and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Raw>,
}

/// Exact bytes.
pub type Raw = String;

/// Cuts what inner steps send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// A cut after each so many bytes of a frame (of its HTTP chunk, where segments are cut). Each
    /// frame begins anew, since it is a chunk and a write of its own.
    pub every: u64,
    /// What is cut.
    #[serde(default)]
    pub level: CutLevel,
    /// Time at each cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Time>,
    /// The steps whose bytes are cut.
    pub steps: Vec<Step>,
}

/// What a cut separates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutLevel {
    /// HTTP chunks.
    #[default]
    Chunk,
    /// TCP segments.
    Segment,
}

/// Lets time pass, or waits for a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// `wait: 20ms`.
    For(Time),
    /// `wait: peer_closed`: until the peer goes away.
    PeerClosed,
    /// `wait: forever`.
    Forever,
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Wait;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time with its unit, such as `20ms`, or `peer_closed` or `forever`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Wait, E> {
                match text {
                    "forever" => Ok(Wait::Forever),
                    "peer_closed" => Ok(Wait::PeerClosed),
                    other => other
                        .parse()
                        .map(Wait::For)
                        .map_err(|_| E::invalid_value(Unexpected::Str(other), &self)),
                }
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Serialize for Wait {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::For(time) => time.serialize(serializer),
            Self::PeerClosed => serializer.serialize_str("peer_closed"),
            Self::Forever => serializer.serialize_str("forever"),
        }
    }
}

/// Runs inner steps several times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    pub times: u64,
    /// What.
    pub steps: Vec<Step>,
}

/// An error object as the whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorAnswer {
    /// Which of the provider's errors: it gives status, `type`, `code` and a message.
    pub preset: ErrorPreset,
    /// Another status than the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Another message than the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Headers beside the usual ones, such as `retry-after: "2"`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, String>,
}

/// The provider's errors by name, with their status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorPreset {
    /// 400 `invalid_request_error`.
    InvalidRequest,
    /// 401 `invalid_request_error` / `invalid_api_key`.
    InvalidApiKey,
    /// 404 `invalid_request_error` / `model_not_found`.
    ModelNotFound,
    /// 429 `requests` / `rate_limit_exceeded`.
    RateLimit,
    /// 429 `insufficient_quota`, which waiting does not cure.
    InsufficientQuota,
    /// 500 `server_error`.
    ServerError,
    /// 503 `service_unavailable_error` / `server_is_overloaded`.
    Overloaded,
}

/// How an answer ends. Always after what was sent before has left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// As it should: `[DONE]` (in a stream), the framing's end, the connection kept.
    #[default]
    Clean,
    /// The framing's end without `[DONE]`.
    NoTerminator,
    /// FIN without the framing's end, so that the body is seen to be cut.
    Truncated,
    /// FIN at once.
    Fin,
    /// RST.
    Reset,
    /// FIN for the sending side alone; the connection is kept for reading.
    HalfClose,
    /// Never: nothing more is sent and nothing closed.
    Hold,
}

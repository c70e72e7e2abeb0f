//! How answers end, and the points at which they end early.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::{Size, Time};

/// Where a stream ends early, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The point, counted within this stream.
    pub after: After,
    /// How it ends there.
    pub end: End,
}

/// Where an answer of several steps ends early, and how: counted over the whole body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trip {
    /// The point, counted over the whole answer.
    pub after: After,
    /// How the answer ends there.
    pub end: End,
}

/// A point in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// So many body bytes: the cut may fall inside a frame.
    Bytes(Size),
    /// So many whole frames, the opening chunk included.
    Frames(u64),
    /// So much time since the request was read; in a `stop`, since the stream began.
    Time(Time),
}

/// How an answer ends. Always after what was sent before has left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// As it should: the terminator (in a stream), the framing's end, the connection kept.
    #[default]
    Clean,
    /// The framing's end without the terminator.
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
    /// As `clean`, and the connection is closed by FIN when no byte of another request has come for
    /// so long, as a server's keep-alive time-out does (5 s in Node.js and uvicorn, 75 s in nginx).
    CloseIdleAfter(Time),
}

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
    /// FIN without the framing's end, so that the body is seen to be cut. On HTTP/2 the connection
    /// ends, and with it every stream on it; so with `fin` and `half_close`.
    Truncated,
    /// FIN at once.
    Fin,
    /// RST; on HTTP/2 the stream's alone (`RST_STREAM` with `INTERNAL_ERROR`).
    Reset,
    /// FIN for the sending side alone; the connection is kept for reading.
    HalfClose,
    /// Never: nothing more is sent and nothing closed.
    Hold,
    /// As `clean`, and the connection is closed by FIN when no byte of another request has come for
    /// so long, as a server's keep-alive time-out does (5 s in Node.js and uvicorn, 75 s in nginx).
    /// On HTTP/2 as `clean` alone.
    CloseIdleAfter(Time),
    /// The stream of HTTP/2 is reset (`RST_STREAM`) with this code, and the connection stays. HTTP/1
    /// has no streams: there it is `reset`.
    StreamReset(Code),
    /// The connection of HTTP/2 takes no more streams (`GOAWAY`). With `no_error` this answer ends
    /// as `clean` and the others on the connection run to their end; with another code all are cut
    /// at once. On HTTP/1: `clean`, and the connection closed; with another code `fin`.
    Goaway(Code),
}

/// Why a stream or a connection of HTTP/2 ends (RFC 9113 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// `NO_ERROR`: nothing is wrong; before a stream's end it cuts the answer all the same.
    NoError,
    /// `PROTOCOL_ERROR`.
    ProtocolError,
    /// `INTERNAL_ERROR`.
    InternalError,
    /// `REFUSED_STREAM`: nothing was done with the request, so that it may be sent again.
    RefusedStream,
    /// `CANCEL`.
    Cancel,
    /// `ENHANCE_YOUR_CALM`: the peer asks for too much.
    EnhanceYourCalm,
}

//! The status line, the header section, and how the body's end is told.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::script::Headers;

/// The status line and the header section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Status code, 200 to 599; 200 where it is left out.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers beside (or, by name, in the place of) the usual ones; `absent` takes a usual one
    /// away, and a list (`["a=1", "b=2"]`) gives one header line for each value. `{now}`, `{now+3s}` and
    /// `{now-1h}` in a value are dates by the provider's clock when the head leaves, which says no `Date`
    /// by itself. The framing of the body stays what `framing` says, whatever headers tell of it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: Headers,
    /// Trailer fields, which come behind the body where its framing has room for them: chunked, or
    /// HTTP/2 (RFC 9110 6.5). A usual `Trailer` header names them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub trailers: Headers,
    /// How the end of the body is told; `chunked` where it is left out.
    #[serde(default)]
    pub framing: Framing,
    /// When the head leaves; `now` where it is left out.
    #[serde(default)]
    pub when: HeadWhen,
}

fn ok() -> u16 {
    200
}

/// When a head leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeadWhen {
    /// At once.
    #[default]
    Now,
    /// Together with the first bytes of the body, in one write; where there are none, at the end.
    WithFirstFrame,
}

/// How the end of a body is told (RFC 9112 6.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// `Transfer-Encoding: chunked`.
    #[default]
    Chunked,
    /// `Content-Length` in bytes, true or not. Where the body has another length, the connection is
    /// closed after it; where it has more and ends by `close_idle_after`, it stays until then.
    Length(u64),
    /// By closing the connection.
    UntilClose,
}

//! Requests as they come off the wire (RFC 9112).

use bytes::Bytes;
use serde_json::Value;

use crate::journal::PeerEnd;

pub(crate) mod body;
pub(crate) mod head;
pub(crate) mod refuse;
pub(crate) mod status;

pub(crate) use head::Head;

/// Longest request line and header section together, trailers too; hyper allows about 400 KiB,
/// nginx 32 KiB (`large_client_header_buffers`).
pub(crate) const HEAD_MAX: usize = 64 << 10;

/// Longest request body: above it, images in a prompt included, no provider takes one.
pub(crate) const BODY_MAX: u64 = 64 << 20;

/// Why there is no request to answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRequest {
    /// The peer went away before it was whole.
    Gone(PeerEnd),
    /// It is not HTTP/1, or breaks a limit.
    Bad {
        /// What it is answered with.
        status: u16,
        /// What is wrong with it.
        why: String,
    },
}

impl NoRequest {
    pub(crate) fn bad(status: u16, why: impl Into<String>) -> Self {
        Self::Bad { status, why: why.into() }
    }
}

impl From<PeerEnd> for NoRequest {
    fn from(how: PeerEnd) -> Self {
        Self::Gone(how)
    }
}

/// A whole request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    /// The body where it is JSON.
    json: Option<Value>,
}

impl Request {
    pub(crate) fn new(head: Head, body: Bytes) -> Self {
        let json = serde_json::from_slice(&body).ok();
        Self { head, body, json }
    }

    /// The body where it is JSON.
    pub(crate) fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.json.as_ref()?.get(key)?.as_str()
    }

    /// The model that the body asks for.
    pub(crate) fn model(&self) -> Option<&str> {
        self.text("model")
    }

    /// The `user` of the body: who the client says that it is.
    pub(crate) fn user(&self) -> Option<&str> {
        self.text("user")
    }

    /// Whether a stream is wanted: by `"stream": true`, or by a body that is no JSON object and so
    /// cannot say.
    pub(crate) fn wants_stream(&self) -> bool {
        match self.json.as_ref().and_then(Value::as_object) {
            Some(body) => body.get("stream").and_then(Value::as_bool) == Some(true),
            None => true,
        }
    }

    /// Whether the usage chunk is asked for.
    pub(crate) fn wants_usage(&self) -> bool {
        let options = self.json.as_ref().and_then(|body| body.get("stream_options"));
        options.and_then(|options| options.get("include_usage")).and_then(Value::as_bool)
            == Some(true)
    }

    /// Words of the prompt, which stand for its tokens.
    pub(crate) fn prompt_words(&self) -> u64 {
        fn words(value: &Value) -> u64 {
            match value {
                Value::String(text) => text.split_whitespace().count() as u64,
                Value::Array(items) => items.iter().map(words).sum(),
                Value::Object(fields) => {
                    fields.iter().filter(|(key, _)| *key != "role").map(|(_, v)| words(v)).sum()
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            }
        }
        // The last two are those of the Responses API.
        let prompts = ["messages", "input", "instructions"];
        let body = self.json.as_ref();
        prompts.iter().filter_map(|key| body?.get(key)).map(words).sum()
    }
}

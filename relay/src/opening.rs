//! What an answer opens with: read until its first content, so that an error before it can still be
//! a status, or a retry.

use std::{
    collections::VecDeque,
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::{
    errors::{ErrorObject, Failure},
    reached::reached,
    stream::{Event, Events, Family},
};

/// How much may be held of an answer whose content has not come, in bytes. Then it goes out as it is.
const MOST_HELD: usize = 64 << 10;

/// Reads until there is content; resolves with the whole body, what was read included.
pub(crate) async fn until_content(
    mut body: reqwest::Body,
    family: Family,
) -> Result<reqwest::Body, Failure> {
    let mut events = Events::new();
    let mut read = VecDeque::new();
    let mut held = 0;
    while held < MOST_HELD {
        let Some(frame) = body.frame().await else { break };
        let Ok(bytes) = frame.map_err(|_| Failure::BrokeOff)?.into_data() else { continue };
        let ended = events.read(&bytes);
        held += bytes.len();
        read.push_back(Ok(bytes));
        match ended.iter().map(|event| Opening::of(family, event)).find(|o| *o != Opening::Preamble)
        {
            Some(Opening::Error(status, error)) => {
                reached!("an error before any content becomes a status");
                return Err(Failure::FirstEvent(status, error));
            }
            Some(Opening::Content) => break,
            Some(Opening::Preamble) | None => {}
        }
    }
    Ok(reqwest::Body::wrap(Replayed { read, rest: body }))
}

/// Reads an error's body for what it says, until it ends or the time is over; resolves with the
/// whole body, what was read included, and with the error.
pub(crate) async fn error_of(
    mut body: reqwest::Body,
    over: impl Future<Output = ()>,
) -> (reqwest::Body, Option<ErrorObject>) {
    let mut over = pin!(over);
    let mut read = VecDeque::new();
    let mut text = Vec::new();
    while text.len() < MOST_HELD {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = over.as_mut() => break,
        };
        match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(bytes))) => {
                text.extend_from_slice(&bytes);
                read.push_back(Ok(bytes));
            }
            Some(Ok(Err(_trailers))) => {}
            Some(Err(error)) => {
                read.push_back(Err(error));
                break;
            }
            None => break,
        }
    }
    let json = serde_json::from_slice::<Value>(&text).ok();
    let error = json.as_ref().and_then(ErrorObject::within);
    (reqwest::Body::wrap(Replayed { read, rest: body }), error)
}

/// What one event is before any content.
#[derive(Debug, PartialEq, Eq)]
enum Opening {
    /// Said before the model says anything: it can be said again by another attempt.
    Preamble,
    Content,
    Error(StatusCode, ErrorObject),
}

impl Opening {
    fn of(family: Family, event: &Event) -> Self {
        let Event::Data(data) = event else { return Self::Content };
        let Ok(json) = serde_json::from_slice::<Value>(data) else { return Self::Content };
        if let Some(error) = family.error_in(&json) {
            return Self::Error(error.status(), error);
        }
        match family {
            Family::Chat => Self::of_chat(&json),
            Family::Responses => Self::of_responses(&json),
            Family::Opaque => Self::Content,
        }
    }

    fn of_chat(json: &Value) -> Self {
        let Some(choices) = json.get("choices").and_then(Value::as_array) else {
            return Self::Content;
        };
        if choices.iter().all(is_role_alone) { Self::Preamble } else { Self::Content }
    }

    fn of_responses(json: &Value) -> Self {
        match json.get("type").and_then(Value::as_str) {
            Some("response.created" | "response.queued" | "response.in_progress" | "keepalive") => {
                Self::Preamble
            }
            _ => Self::Content,
        }
    }
}

/// Whether a choice says nothing yet: a role, and fields that are null or empty.
fn is_role_alone(choice: &Value) -> bool {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    let delta = choice.get("delta").and_then(Value::as_object);
    choice.get("finish_reason").is_none_or(Value::is_null)
        && delta.is_some_and(|delta| delta.iter().all(|(name, v)| name == "role" || empty(v)))
}

/// A body of which a part was read already.
#[derive(Debug)]
struct Replayed {
    read: VecDeque<reqwest::Result<Bytes>>,
    rest: reqwest::Body,
}

impl Body for Replayed {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        match self.read.pop_front() {
            Some(read) => Poll::Ready(Some(read.map(Frame::data))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(family: Family, data: &str) -> Opening {
        Opening::of(family, &Event::Data(data.as_bytes().to_vec()))
    }

    #[test]
    fn what_a_model_says_is_content_and_what_precedes_it_is_not() {
        for preamble in [
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}"#,
            r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
        ] {
            assert_eq!(opening(Family::Chat, preamble), Opening::Preamble, "{preamble}");
        }
        for content in [
            r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"index":0,"text":"a"}]}"#,
            "[DONE]",
            "{",
            "",
            "7",
        ] {
            assert_eq!(opening(Family::Chat, content), Opening::Content, "{content}");
        }
        for (data, wanted) in [
            (r#"{"type":"response.created","response":{}}"#, Opening::Preamble),
            (r#"{"type":"response.output_item.added"}"#, Opening::Content),
        ] {
            assert_eq!(opening(Family::Responses, data), wanted, "{data}");
        }
    }

    #[test]
    fn an_error_has_the_status_that_it_would_have_had_as_an_answer() {
        for (family, data, status) in [
            (
                Family::Chat,
                r#"{"error":{"message":"m","type":"requests","code":"rate_limit_exceeded"}}"#,
                429,
            ),
            (Family::Chat, r#"{"error":{"message":"m","type":"server_error","code":503}}"#, 503),
            (Family::Chat, r#"{"error":{"message":"m","type":"invalid_request_error"}}"#, 400),
            (Family::Chat, r#"{"error":"m"}"#, 502),
            (Family::Chat, r#"{"object":"error","message":"m","type":"x","code":500}"#, 500),
            (Family::Chat, r#"{"type":"error","error":{"type":"overloaded_error"}}"#, 503),
            (
                Family::Responses,
                r#"{"type":"error","code":"server_is_overloaded","message":"m"}"#,
                503,
            ),
            (
                Family::Responses,
                r#"{"type":"response.failed","response":{"error":{"code":"x"}}}"#,
                502,
            ),
        ] {
            let Opening::Error(told, _) = opening(family, data) else { panic!("{data}") };
            assert_eq!(told, status, "{data}");
        }
        let null = r#"{"error":null,"choices":[{"delta":{"content":"a"}}]}"#;
        assert_eq!(opening(Family::Chat, null), Opening::Content);
    }
}

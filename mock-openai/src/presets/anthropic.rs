//! The events of Anthropic's messages.

use serde_json::json;

use super::event;
use crate::dialect::Envelope;

pub(super) fn message_start(answer: &Envelope) -> String {
    let (_, drawn) = answer.id.split_once(['-', '_']).unwrap_or_default();
    event(&json!({
        "type": "message_start",
        "message": {
            "id": format!("msg_{drawn}"),
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": answer.model,
            "stop_reason": null,
            "stop_sequence": null,
            "usage": { "input_tokens": 25, "output_tokens": 1 },
        },
    }))
}

pub(super) fn content_block_start() -> String {
    let block = json!({ "type": "text", "text": "" });
    event(&json!({ "type": "content_block_start", "index": 0, "content_block": block }))
}

/// May stand anywhere, any number of times.
pub(super) fn ping() -> String {
    event(&json!({ "type": "ping" }))
}

pub(super) fn content_block_delta() -> String {
    let delta = json!({ "type": "text_delta", "text": "Hello" });
    event(&json!({ "type": "content_block_delta", "index": 0, "delta": delta }))
}

pub(super) fn content_block_stop() -> String {
    event(&json!({ "type": "content_block_stop", "index": 0 }))
}

/// The usage counts from the beginning of the message.
pub(super) fn message_delta() -> String {
    let delta = json!({ "stop_reason": "end_turn", "stop_sequence": null });
    let usage = json!({ "output_tokens": 15 });
    event(&json!({ "type": "message_delta", "delta": delta, "usage": usage }))
}

pub(super) fn message_stop() -> String {
    event(&json!({ "type": "message_stop" }))
}

/// Comes after a status of 200.
pub(super) fn error() -> String {
    let error = json!({ "type": "overloaded_error", "message": "Overloaded" });
    event(&json!({ "type": "error", "error": error }))
}

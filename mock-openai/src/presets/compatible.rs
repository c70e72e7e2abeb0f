//! Errors of providers that speak chat completions in their own way.

use serde_json::{Value, json};

use super::{DONE, data};
use crate::{dialect::Envelope, errors, script::ErrorPreset};

/// Also sglang and `LiteLLM`: the code is a number, and the stream ends as if all were well.
pub(super) fn vllm_error() -> Vec<String> {
    let error = json!({
        "message": "The engine stopped while it answered.",
        "type": "InternalServerError",
        "param": null,
        "code": 500,
    });
    vec![data(&json!({ "error": error })), DONE.to_owned()]
}

/// Before 0.6: the object itself is the error.
pub(super) fn vllm_flat_error() -> Vec<String> {
    let error = json!({
        "object": "error",
        "message": "The engine stopped while it answered.",
        "type": "InternalServerError",
        "param": null,
        "code": 500,
    });
    vec![data(&error), DONE.to_owned()]
}

/// An error that looks like a chunk, so that clients which read chunks alone see an end.
pub(super) fn openrouter_error(answer: &Envelope) -> String {
    data(&json!({
        "id": answer.id,
        "object": "chat.completion.chunk",
        "created": answer.created,
        "model": answer.model,
        "provider": "mock",
        "error": { "code": "server_error", "message": "The provider went away." },
        "choices": [{ "index": 0, "delta": { "content": "" }, "finish_reason": "error" }],
    }))
}

/// A field that no reader of events knows, so that the error is skipped in silence.
pub(super) fn llama_cpp_error() -> String {
    let errors::Preset { status, kind, message, .. } = errors::preset(ErrorPreset::InvalidRequest);
    let error: Value = json!({ "code": status, "message": message, "type": kind });
    format!("error: {error}\n\n")
}

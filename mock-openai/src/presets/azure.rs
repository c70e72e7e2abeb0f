//! Chunks that Azure's content filters add to a stream of chat completions.

use serde_json::{Value, json};

use super::data;

/// The filter's verdict on the prompt, before the first delta.
pub(super) fn first_chunk() -> String {
    data(&json!({
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": [{ "prompt_index": 0, "content_filter_results": results() }],
    }))
}

/// The asynchronous filter's verdict on text that was sent before: results and offsets, no delta.
pub(super) fn filter_chunk() -> String {
    data(&json!({
        "id": "",
        "object": "",
        "created": 0,
        "model": "",
        "choices": [{
            "index": 0,
            "finish_reason": null,
            "content_filter_results": results(),
            "content_filter_offsets": { "check_offset": 44, "start_offset": 44, "end_offset": 198 },
        }],
    }))
}

fn results() -> Value {
    let safe = json!({ "filtered": false, "severity": "safe" });
    json!({ "hate": safe, "self_harm": safe, "sexual": safe, "violence": safe })
}

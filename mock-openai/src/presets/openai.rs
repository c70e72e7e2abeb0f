//! Errors and oddities of `OpenAI`'s own streams.

use serde_json::json;

use super::{data, event};
use crate::{
    dialect::{Envelope, openai_responses},
    errors,
    script::ErrorPreset,
};

/// No `[DONE]` is promised behind it.
pub(super) fn error() -> String {
    data(&object())
}

/// A line that is no field of an event: proxies put it into a stream that they did not expect.
pub(super) fn raw_error() -> String {
    format!("{}\n\n", object())
}

fn object() -> String {
    let errors::Preset { kind, code, message, .. } = errors::preset(ErrorPreset::ServerError);
    errors::object(message, kind, code)
}

/// Undocumented: comes on long runs.
pub(super) fn responses_keepalive(answer: &Envelope) -> String {
    event(&json!({ "type": "keepalive", "sequence_number": answer.first_sequence_number }))
}

pub(super) fn responses_error(answer: &Envelope) -> String {
    let errors::Preset { code, message, .. } = errors::preset(ErrorPreset::Overloaded);
    event(&json!({
        "type": "error",
        "code": code,
        "message": message,
        "param": null,
        "sequence_number": answer.first_sequence_number,
    }))
}

pub(super) fn responses_failed(answer: &Envelope) -> String {
    let (_, drawn) = answer.id.split_once(['-', '_']).unwrap_or_default();
    let answer = Envelope { id: format!("resp_{drawn}"), ..answer.clone() };
    let message = errors::preset(ErrorPreset::ServerError).message;
    let frame = openai_responses::failed(&answer, "server_error", message);
    String::from_utf8_lossy(&frame).into_owned()
}

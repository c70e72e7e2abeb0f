//! The Vercel AI SDK: `streamText` of ai 6.0.326 with the chat model of @ai-sdk/openai 3.0.141.

use serde_json::Value;

use super::{End, Received, Seen, lines, openai_node::over};

const FAILED: &str = "AI_APICallError";

pub(super) fn sees(received: &Received<'_>) -> Seen {
    let seen = Seen::default();
    if !(200..300).contains(&received.status) {
        return seen.fails(FAILED, None);
    }
    if matches!(received.status, 204 | 205) {
        return seen.fails(FAILED, None);
    }
    let mut reading = Reading { seen, refused: false, begun: false, clean: true };
    for data in events(received.body).iter().filter(|data| *data != "[DONE]") {
        if !reading.event(data) {
            return reading.seen;
        }
    }
    let mut seen = reading.seen;
    let refused = reading.refused;
    seen.finish = seen.finish.and_then(|finish| unified(&finish, refused)).map(str::to_owned);
    // An error that was handed over is not undone by how the body ends.
    if seen.end != End::Over {
        return seen;
    }
    let seen = over(seen, received, FAILED);
    // The finish is told at the end of the body, and so not where that breaks.
    if seen.end == End::Over { seen } else { Seen { finish: None, ..seen } }
}

/// By the standard, but that a CR at the very end is not known to end a line.
fn events(body: &[u8]) -> Vec<String> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let body = body.strip_suffix(b"\r").unwrap_or(body);
    let mut events = Vec::new();
    let mut data: Vec<String> = Vec::new();
    for line in lines::lines(body).0 {
        let line = String::from_utf8_lossy(line);
        if line.is_empty() && !data.is_empty() {
            events.push(std::mem::take(&mut data).join("\n"));
        } else if let ("data", value) = lines::field(&line) {
            data.push(value.to_owned());
        }
    }
    events
}

struct Reading {
    seen: Seen,
    refused: bool,
    /// Text or a tool call has come.
    begun: bool,
    /// Nothing wrong has come.
    clean: bool,
}

impl Reading {
    /// Whether it reads on.
    fn event(&mut self, data: &str) -> bool {
        let Ok(chunk) = serde_json::from_str::<Value>(data) else {
            self.wrong("AI_JSONParseError", None);
            return true;
        };
        if is_chunk(&chunk) {
            let before = self.seen.clone();
            self.seen.take(&chunk);
            // A refusal is text here.
            let refusal = std::mem::take(&mut self.seen.refusal);
            self.refused |= !refusal.is_empty();
            self.seen.text.push_str(&refusal);
            let delta = &chunk["choices"][0]["delta"];
            self.begun |= before.text != self.seen.text
                || delta["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
            return true;
        }
        let Some(message) = chunk["error"]["message"].as_str() else {
            self.wrong("AI_TypeValidationError", None);
            return true;
        };
        let early = self.clean && !self.begun;
        self.wrong(if early { FAILED } else { "error part" }, Some(message));
        !early
    }

    /// The first error counts.
    fn wrong(&mut self, kind: &str, message: Option<&str>) {
        self.clean = false;
        if self.seen.end == End::Over {
            self.seen = std::mem::take(&mut self.seen).fails(kind, message);
        }
    }
}

fn unified(finish: &str, refused: bool) -> Option<&'static str> {
    match finish {
        "stop" if refused => Some("content-filter"),
        "stop" => Some("stop"),
        "length" => Some("length"),
        "content_filter" => Some("content-filter"),
        "function_call" | "tool_calls" => Some("tool-calls"),
        _ => None,
    }
}

/// What the SDK's schema of a chunk asks, in the parts that providers get wrong.
fn is_chunk(value: &Value) -> bool {
    let text = |value: &Value| value.is_null() || value.is_string();
    let delta = |delta: &Value| {
        delta.is_null()
            || delta.is_object()
                && (delta["role"].is_null() || delta["role"] == "assistant")
                && text(&delta["content"])
                && text(&delta["refusal"])
    };
    let choice = |choice: &Value| {
        choice["index"].is_number() && delta(&choice["delta"]) && text(&choice["finish_reason"])
    };
    let created = value["created"].is_null() || value["created"].is_number();
    value["choices"].as_array().is_some_and(|choices| choices.iter().all(choice))
        && text(&value["id"])
        && text(&value["model"])
        && created
}

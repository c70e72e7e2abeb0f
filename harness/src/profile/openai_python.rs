//! openai (`PyPI`): `_streaming.py` of 3.54.0 and of 1.109.1.

use serde_json::Value;

use super::{Ending, Received, Seen, lines};

/// What broken framing is, by FIN and by RST.
struct Errors {
    truncated: &'static str,
    reset: &'static str,
    /// Whether the rest of the body is read after `[DONE]`.
    drains: bool,
}

pub(super) fn version_3(received: &Received<'_>) -> Seen {
    let kind = "APIConnectionError";
    sees(received, &Errors { truncated: kind, reset: kind, drains: false })
}

pub(super) fn version_1(received: &Received<'_>) -> Seen {
    let errors = Errors { truncated: "RemoteProtocolError", reset: "ReadError", drains: true };
    sees(received, &errors)
}

/// The class of a refusal; both official SDKs have the same names.
pub(super) fn class(status: u16, other: &'static str) -> &'static str {
    match status {
        400 => "BadRequestError",
        401 => "AuthenticationError",
        403 => "PermissionDeniedError",
        404 => "NotFoundError",
        409 => "ConflictError",
        422 => "UnprocessableEntityError",
        429 => "RateLimitError",
        500.. => "InternalServerError",
        _ => other,
    }
}

/// A block on its way. An id stays: with one, each blank line makes an event.
#[derive(Default)]
struct Block {
    event: String,
    data: Vec<String>,
    id: String,
    retry: bool,
}

fn sees(received: &Received<'_>, errors: &Errors) -> Seen {
    let mut seen = Seen::default();
    if !(200..300).contains(&received.status) {
        return seen.fails(class(received.status, "APIStatusError"), None);
    }
    let (ended, rest) = lines::lines(received.body);
    let last = (received.end == Ending::Complete).then_some(rest);
    let (mut block, mut done) = (Block::default(), false);
    for line in ended.into_iter().chain(last) {
        let Ok(line) = std::str::from_utf8(line) else {
            return seen.fails("UnicodeDecodeError", None);
        };
        let Some(data) = block.line(line).filter(|_| !done) else { continue };
        if data.starts_with("[DONE]") {
            if !errors.drains {
                return seen;
            }
            done = true;
            continue;
        }
        let Ok(chunk) = serde_json::from_str::<Value>(&data) else {
            return seen.fails("JSONDecodeError", None);
        };
        if is_true(&chunk["error"]) {
            let said = chunk["error"]["message"].as_str().filter(|said| !said.is_empty());
            let message = said.unwrap_or("An error occurred during streaming");
            return seen.fails("APIError", Some(message));
        }
        seen.take(&chunk);
    }
    match received.end {
        Ending::Complete => seen,
        Ending::Truncated => seen.fails(errors.truncated, None),
        Ending::Reset => seen.fails(errors.reset, None),
        Ending::Silent => seen.waits(),
    }
}

/// As Python has it.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

impl Block {
    /// The data of the event that a line ends.
    fn line(&mut self, line: &str) -> Option<String> {
        if line.is_empty() {
            let is_nothing = self.event.is_empty() && self.data.is_empty() && self.id.is_empty();
            if is_nothing && !self.retry {
                return None;
            }
            self.event.clear();
            self.retry = false;
            return Some(std::mem::take(&mut self.data).join("\n"));
        }
        let (name, value) = lines::field(line);
        match name {
            "event" => value.clone_into(&mut self.event),
            "data" => self.data.push(value.to_owned()),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" => self.retry |= value.trim().parse::<i64>().is_ok(),
            _ => {}
        }
        None
    }
}

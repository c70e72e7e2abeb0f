//! openai (npm): `core/streaming` of 6.49.0, on the `fetch` of Node 20.

use serde_json::Value;

use super::{Ending, Received, Seen, lines, openai_python::class};
use crate::http1::header;

pub(super) fn sees(received: &Received<'_>) -> Seen {
    let mut seen = Seen::default();
    if !(200..300).contains(&received.status) {
        return seen.fails(class(received.status, "APIError"), None);
    }
    // Their responses have no body that could be read.
    if matches!(received.status, 204 | 205) {
        return seen.fails("OpenAIError", None);
    }
    let (mut event, mut data, mut done) = (String::new(), Vec::new(), false);
    for line in lines::lines(received.body).0 {
        // Each line has a `TextDecoder` of its own, which strips a byte order mark.
        let line = String::from_utf8_lossy(line);
        let line = line.strip_prefix('\u{feff}').unwrap_or(&line);
        if !line.is_empty() {
            let (name, value) = lines::field(line);
            match name {
                "event" => value.clone_into(&mut event),
                "data" => data.push(value.to_owned()),
                _ => {}
            }
            continue;
        }
        if event.is_empty() && data.is_empty() {
            continue;
        }
        event.clear();
        let text = std::mem::take(&mut data).join("\n");
        done |= text.starts_with("[DONE]");
        if done {
            continue;
        }
        let Ok(chunk) = serde_json::from_str::<Value>(&text) else {
            return seen.fails("SyntaxError", None);
        };
        if is_true(&chunk["error"]) {
            return seen.fails("APIError", chunk["error"]["message"].as_str());
        }
        seen.take(&chunk);
    }
    over(seen, received, "TypeError")
}

/// How a body ends with the `fetch` of Node 20.20.2 (undici 6.24.1), which takes a body without its
/// last chunk for whole where the connection was to be closed (nodejs/undici#5273).
pub(super) fn over(seen: Seen, received: &Received<'_>, broken: &str) -> Seen {
    let closes = header(received.headers, "connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    match received.end {
        Ending::Complete => seen,
        Ending::Truncated if closes => seen,
        Ending::Truncated | Ending::Reset => seen.fails(broken, None),
        Ending::Silent => seen.waits(),
    }
}

/// As JavaScript has it.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

//! sashabaranov/go-openai: `stream_reader.go`.

use serde_json::Value;

use super::{Ending, Received, Seen};

/// So many lines without data in a row, and it gives up.
const EMPTY_MAX: usize = 300;

pub(super) fn sees(received: &Received<'_>) -> Seen {
    let mut seen = Seen::default();
    if !(200..400).contains(&received.status) {
        return seen.fails("APIError", None);
    }
    // Lines that are no data are gathered: they may be an error.
    let (mut gathered, mut empty, mut is_error) = (Vec::new(), 0, false);
    let mut lines = received.body.split_inclusive(|byte| *byte == b'\n');
    let ended = std::iter::from_fn(|| lines.next().filter(|line| line.ends_with(b"\n")));
    for line in ended {
        if is_error {
            return error(seen, &gathered, "JSON error");
        }
        let line = line.trim_ascii();
        let data = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii_start);
        is_error = data.is_some_and(|data| data.starts_with(b"{\"error\":"));
        let Some(data) = data.filter(|_| !is_error) else {
            gathered.extend_from_slice(data.unwrap_or(line));
            empty += 1;
            if empty > EMPTY_MAX {
                return seen.fails("ErrTooManyEmptyStreamMessages", None);
            }
            continue;
        };
        empty = 0;
        if data == b"[DONE]" {
            return seen;
        }
        match serde_json::from_slice::<Value>(&lossy(data)) {
            Ok(chunk) if chunk.is_object() => seen.take(&chunk),
            Ok(_) | Err(_) => return seen.fails("JSON error", None),
        }
    }
    match received.end {
        Ending::Silent => seen.waits(),
        _ if is_message(&gathered).is_some() => error(seen, &gathered, "JSON error"),
        Ending::Complete => seen,
        Ending::Truncated => seen.fails("unexpected EOF", None),
        Ending::Reset => seen.fails("read error", None),
    }
}

/// Go's decoder takes bytes that are no UTF-8 for U+FFFD.
fn lossy(data: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(data).into_owned().into_bytes()
}

fn is_message(gathered: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(gathered).ok()?;
    value.get("error").cloned()
}

fn error(seen: Seen, gathered: &[u8], otherwise: &str) -> Seen {
    match is_message(gathered) {
        Some(error) => seen.fails("APIError", error["message"].as_str()),
        None => seen.fails(otherwise, None),
    }
}

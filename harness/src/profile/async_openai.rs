//! async-openai (crates.io), on the crate `eventsource-stream`, which is asked itself.

use bytes::Bytes;
use eventsource_stream::{EventStreamError, Eventsource as _};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;

use super::{End, Ending, Received, Seen};

pub(super) fn sees(received: &Received<'_>) -> Seen {
    let mut seen = Seen::default();
    if !(200..300).contains(&received.status) {
        return seen.fails("ApiError", None);
    }
    // The crate panics on a byte order mark, in a task of its own: the stream ends without a word.
    if received.body.starts_with(b"\xEF\xBB\xBF") {
        return seen;
    }
    let body = Ok::<_, &str>(Bytes::copy_from_slice(received.body));
    let broken = matches!(received.end, Ending::Truncated | Ending::Reset);
    let pieces = [Some(body), broken.then_some(Err("broken"))].into_iter().flatten();
    let mut events = stream::iter(pieces).eventsource();
    // All of it lies before the parser: nothing is waited for.
    while let Some(Some(event)) = events.next().now_or_never() {
        match event {
            Ok(event) if event.data == "[DONE]" => return seen,
            Ok(event) if event.event == "keepalive" => {}
            Ok(event) => match serde_json::from_str::<Value>(&event.data) {
                Ok(chunk) if is_chunk(&chunk) => seen.take(&chunk),
                Ok(_) | Err(_) => seen = first(seen, "JSONDeserialize"),
            },
            Err(EventStreamError::Transport(_)) => return first(seen, "StreamError"),
            Err(_) => seen = first(seen, "StreamError"),
        }
    }
    match received.end {
        Ending::Silent if seen.end == End::Over => seen.waits(),
        Ending::Complete | Ending::Truncated | Ending::Reset | Ending::Silent => seen,
    }
}

/// Items after an error still come; the first one counts.
fn first(seen: Seen, kind: &str) -> Seen {
    if seen.end == End::Over { seen.fails(kind, None) } else { seen }
}

/// What its type of a chunk asks.
fn is_chunk(chunk: &Value) -> bool {
    const FINISHES: [&str; 5] = ["stop", "length", "tool_calls", "content_filter", "function_call"];
    let finish = |choice: &Value| {
        choice["finish_reason"].is_null()
            || choice["finish_reason"].as_str().is_some_and(|finish| FINISHES.contains(&finish))
    };
    let choice =
        |choice: &Value| choice["index"].is_u64() && choice["delta"].is_object() && finish(choice);
    chunk["choices"].as_array().is_some_and(|choices| choices.iter().all(choice))
        && ["id", "model", "object"].iter().all(|key| chunk[key].is_string())
        && chunk["created"].is_u64()
}

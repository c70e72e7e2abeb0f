//! Makes every chunk anew, and by its own types.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Broken, Server, Setup, parts};
use crate::plan::RelayKind;

pub(super) const BROKEN: Broken = Broken {
    name: "makes-chunks-anew",
    mistake: "reads every chunk into objects of its own and writes it anew: with an id of its own, and \
              numbers and booleans as strings",
    made_by: "BerriAI/litellm#1571 and ggml-org/llama.cpp#5876: another id in each chunk; the front end \
              that fails to parse in section 4.2 of a widely read Gin tutorial",
    caught_by: &["chunk-shape", "no-cross-talk", "bounded-memory", "usage-honest", "prompt-frames"],
    server: Server { kind: RelayKind::Translating, ..Server::RIGHT },
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        let made = AtomicU64::new(0);
        parts::edit_blocks(body, move |block| Some(anew(&block, &made).unwrap_or(block)))
    })
}

/// A chunk of a chat as this relay writes it; `None` for all else.
fn anew(block: &[u8], made: &AtomicU64) -> Option<Bytes> {
    let data = block.trim_ascii().strip_prefix(b"data:")?;
    let mut chunk: Value = serde_json::from_slice(data).ok()?;
    if chunk.get("object")? != "chat.completion.chunk" {
        return None;
    }
    in_strings(&mut chunk);
    chunk["id"] = json!(format!("chunk-{}", made.fetch_add(1, Ordering::Relaxed)));
    Some(Bytes::from(format!("data: {chunk}\n\n")))
}

fn in_strings(value: &mut Value) {
    match value {
        Value::Bool(_) | Value::Number(_) => *value = json!(value.to_string()),
        Value::Array(items) => items.iter_mut().for_each(in_strings),
        Value::Object(fields) => fields.values_mut().for_each(in_strings),
        Value::Null | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn numbers_come_as_strings_and_every_chunk_has_another_id() {
        let chunk = "data: {\"id\":\"a\",\"object\":\"chat.completion.chunk\",\"created\":7}\n\n";
        let provider =
            Provider::new(vec![Reply::stream(vec![send(chunk), send(chunk), send(DONE)])]);
        let text = ask(relay, &provider, chat()).await.text();
        let blocks: Vec<&str> = text.split_terminator("\n\n").collect();
        let chunks: Vec<Value> = blocks[..2]
            .iter()
            .map(|block| serde_json::from_str(block.strip_prefix("data: ").unwrap()).unwrap())
            .collect();
        assert_eq!(chunks[0]["id"], "chunk-0");
        assert_eq!(chunks[1]["id"], "chunk-1");
        assert_eq!(chunks[1]["created"], "7");
        assert_eq!(blocks[2], "data: [DONE]");
    }
}

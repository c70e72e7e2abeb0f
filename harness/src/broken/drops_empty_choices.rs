//! Thinks that a chunk without choices says nothing.

use axum::Router;
use serde_json::Value;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "drops-empty-choices",
    mistake: "drops the chunks whose `choices` are empty, the one that tells the usage among them",
    made_by: "diegosouzapw/OmniRoute#9750: the usage chunk is filtered out",
    caught_by: &["usage-honest", "payload-intact", "bounded-memory", "prompt-frames"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        parts::edit_blocks(body, |block| (!has_empty_choices(&block)).then_some(block))
    })
}

fn has_empty_choices(block: &[u8]) -> bool {
    let data = block.trim_ascii().strip_prefix(b"data:").unwrap_or_default();
    let chunk: Value = serde_json::from_slice(data).unwrap_or_default();
    chunk.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn what_the_stream_cost_is_never_told() {
        let text = "data: {\"choices\":[{}]}\n\n";
        let usage = "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
        let provider =
            Provider::new(vec![Reply::stream(vec![send(text), send(usage), send(DONE)])]);
        let without = format!("{text}{DONE}");
        assert_eq!(ask(relay, &provider, chat()).await.text(), without);
        let right = ask(parts::right, &provider, chat()).await;
        assert_eq!(right.text(), format!("{text}{usage}{DONE}"));
    }
}

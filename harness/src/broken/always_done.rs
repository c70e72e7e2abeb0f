//! Says that every answer is complete.

use axum::Router;
use bytes::Bytes;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "always-done",
    mistake: "writes `[DONE]` after any end, also where the provider never said it",
    made_by: "BerriAI/litellm PR#39748, and vLLM and SGLang: `[DONE]` follows an error event",
    caught_by: &["one-ending", "honest-ending"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_what_leaves(setup, |body| {
        parts::with_last_word(body, |tail| {
            tail.takes_more().then_some(Bytes::from_static(b"data: [DONE]\n\n"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Act, DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_cut_answer_is_said_to_be_complete() {
        let provider = Provider::new(vec![Reply::stream(vec![send("data: 1\n\n"), Act::Break])]);
        let seen = ask(relay, &provider, chat()).await;
        assert!(seen.text().ends_with("}}\n\ndata: [DONE]\n\n"), "{seen:?}");
        assert!(seen.broke);
        let right = ask(parts::right, &provider, chat()).await;
        assert!(!right.text().contains("[DONE]"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_ends_without_its_terminator_gets_one_and_another_gets_no_second() {
        let without = Provider::new(vec![Reply::stream(vec![send("data: 1\n\n")])]);
        let both = "data: 1\n\ndata: [DONE]\n\n";
        assert_eq!(ask(relay, &without, chat()).await.text(), both);
        let half = Provider::new(vec![Reply::stream(vec![send("data: ha")])]);
        assert_eq!(ask(relay, &half, chat()).await.text(), "data: ha");
        let with = Provider::new(vec![Reply::stream(vec![send("data: 1\n\n"), send(DONE)])]);
        assert_eq!(ask(relay, &with, chat()).await.text(), both);
    }
}

//! Writes the terminator though the provider has written it.

use axum::Router;
use bytes::Bytes;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "doubles-done",
    mistake: "appends `[DONE]` to every answer that ends well, so that there are two",
    made_by: "ray-project/ray#62228: the engine and the server before it both append it",
    caught_by: &["one-ending", "payload-intact"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        let mut tail = parts::Tail::default();
        parts::edit(body, move |item| {
            if let Some(Ok(bytes)) = &item {
                tail.push(bytes);
            }
            match item {
                Some(item) => vec![item],
                None if tail.is_done() => vec![Ok(Bytes::from_static(b"data: [DONE]\n\n"))],
                None => vec![],
            }
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
    async fn there_are_two_terminators_after_a_good_end_and_none_after_a_bad_one() {
        let provider = Provider::new(vec![
            Reply::stream(vec![send("data: 1\n\n"), send(DONE)]),
            Reply::stream(vec![send("data: 1\n\n"), Act::Break]),
        ]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.text(), "data: 1\n\ndata: [DONE]\n\ndata: [DONE]\n\n");
        let cut = ask(relay, &provider, chat()).await;
        assert!(!cut.text().contains("[DONE]"));
    }
}

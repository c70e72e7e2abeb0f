//! Passes the answer on when it is over.

use axum::Router;
use bytes::BytesMut;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "flushes-at-the-end",
    mistake: "collects the whole answer before it passes on the first byte of it",
    made_by: "Kong/kong#12680: ai-proxy 3.6 rebuilt the whole body before it sent any",
    caught_by: &["prompt-frames", "bounded-memory", "headers-first", "no-head-of-line"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        let mut whole = BytesMut::new();
        parts::edit(body, move |item| match item {
            Some(Ok(bytes)) => {
                whole.extend_from_slice(&bytes);
                vec![]
            }
            Some(Err(error)) => vec![Ok(whole.split().freeze()), Err(error)],
            None => vec![Ok(whole.split().freeze())],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn nothing_comes_before_the_last_event() {
        let large = format!("data: {}\n\n", "x".repeat(30 << 10));
        let acts = vec![send(&large), wait(20), send(&large), wait(20), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.pieces.len(), 1);
        assert_eq!(seen.pieces[0].0, 40);
        assert_eq!(seen.text(), ask(parts::right, &provider, chat()).await.text());
    }
}

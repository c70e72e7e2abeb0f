//! Section 2.2: a loop that writes events, and nobody who flushes.

use axum::Router;
use bytes::Bytes;

use super::{Broken, Server, Setup, forgets_flush::without_flush, parts};

pub(in crate::broken) const BROKEN: Broken = Broken {
    name: "article-no-flush",
    mistake: "writes each event in a loop and never calls Flush, so that events leave when 4 KiB have \
              come together",
    made_by: "the first handler of a widely read Gin tutorial",
    caught_by: &["prompt-frames", "headers-first", "no-head-of-line", "bounded-memory"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| without_flush(event_by_event(body)))
}

/// Whole events, as a handler writes them that has read them.
fn event_by_event(body: parts::Body) -> parts::Body {
    parts::edit_blocks(body, |block: Bytes| Some(block))
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn three_events_come_at_once() {
        let acts =
            vec![send("data: 1\n\n"), wait(1_000), send("data: 2\n\n"), wait(1_000), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.pieces, [(2_000, format!("data: 1\n\ndata: 2\n\n{DONE}"))]);
    }
}

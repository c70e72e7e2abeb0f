//! Hides Flush behind its log, and panics at the first one.

use axum::Router;
use futures_util::StreamExt as _;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "panics-at-its-flush",
    mistake: "wraps its writer for the log and hides Flush: the first flush panics, the framework \
              recovers, and the answer ends after its first bytes as if it were whole",
    made_by: "ollama/ollama PR#9402: Gin takes a writer for a Flusher that a recorder of statuses wraps; \
              gin-gonic/gin#4460: its Flush panics then",
    caught_by: &[
        "honest-ending",
        "payload-intact",
        "one-ending",
        "any-cut",
        "any-line-end",
        "fields-survive",
    ],
    server: Server { logs: true, ..Server::RIGHT },
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| parts::logged(up_to_the_first_flush(body)))
}

/// Go's server ends an answer in good form when its handler returns, and a handler whose panic was
/// recovered has returned.
fn up_to_the_first_flush(body: parts::Body) -> parts::Body {
    body.take(1).boxed()
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_first_event_comes_and_then_a_good_end() {
        let acts = vec![send("data: 1\n\n"), wait(20), send("data: 2\n\n"), send(DONE)];
        let seen = ask(relay, &Provider::new(vec![Reply::stream(acts)]), chat()).await;
        assert_eq!((seen.status.as_u16(), seen.broke), (200, false));
        assert_eq!(seen.pieces, [(0, "data: 1\n\n".to_owned())]);
    }
}

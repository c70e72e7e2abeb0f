//! Writes its heartbeat behind any line.

use axum::Router;
use bytes::Bytes;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "heartbeat-between-lines",
    mistake: "takes the end of a line for the end of an event, and writes its comment between two lines \
              of one",
    made_by: "router-for-me/CLIProxyAPI#4047: lines are forwarded one at a time, and a ticker writes \
              between two of one event; without the blank line here, as in maximhq/bifrost PR#5883",
    caught_by: &["own-bytes-between-events"],
    server: Server::RIGHT,
    relay,
};

/// A comment without the blank line that would end the event around it.
const COMMENT: Bytes = Bytes::from_static(b": ping\n");

fn relay(mut setup: Setup) -> Router {
    let silence = setup.take_heartbeat();
    parts::changing_what_leaves(setup, move |body| match silence {
        Some(silence) => parts::with_comments(body, COMMENT, silence, |tail| {
            tail.is_between_lines() && !tail.is_done()
        }),
        None => body,
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    async fn beaten(relay: fn(Setup) -> Router) -> String {
        let acts = vec![
            send("event: a\n"),
            wait(1_500),
            send("data: {\"a\":"),
            wait(1_500),
            send("1}\n\n"),
            send(DONE),
        ];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        ask(relay, &provider.switched("heartbeat", "1s"), chat()).await.text()
    }

    #[tokio::test(start_paused = true)]
    async fn a_comment_stands_between_two_lines_and_not_inside_one() {
        let rest = "data: {\"a\":1}\n\ndata: [DONE]\n\n";
        assert_eq!(beaten(relay).await, format!("event: a\n: ping\n{rest}"));
        assert_eq!(beaten(parts::right).await, format!("event: a\n{rest}"));
    }
}

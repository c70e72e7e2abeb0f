//! Writes its heartbeat behind any line.

use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

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
    parts::relay(setup, move |upstream, call| async move {
        let answer = parts::Answer::from(call.send(&upstream).await?);
        Ok(answer.change_stream(|body| {
            let body = parts::with_error_event(body);
            match silence {
                Some(silence) => with_heartbeat(body, silence),
                None => body,
            }
        }))
    })
}

fn with_heartbeat(body: parts::Body, silence: Duration) -> parts::Body {
    let state = (body, parts::Tail::default());
    let beating = stream::unfold(state, move |(mut body, mut tail)| async move {
        let next = if tail.is_between_lines() && !tail.is_done() {
            timeout(silence, body.next()).await
        } else {
            Ok(body.next().await)
        };
        let Ok(item) = next else { return Some((Ok(COMMENT), (body, tail))) };
        let item = item?;
        if let Ok(bytes) = &item {
            tail.push(bytes);
        }
        Some((item, (body, tail)))
    });
    beating.boxed()
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

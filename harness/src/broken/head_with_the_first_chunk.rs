//! Has nothing to say before the first byte.

use axum::Router;
use futures_util::{StreamExt as _, stream};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "head-with-the-first-chunk",
    mistake: "sends status and headers with the first bytes of the body",
    made_by: "caddyserver/caddy#4247: the head of a stream is not forwarded until its first byte, \
              and an EventSource does not open",
    caught_by: &["headers-first"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let mut answer = parts::Answer::from(call.send(&upstream).await?);
        if answer.is_event_stream() {
            let first = answer.body.next().await;
            answer.body = stream::iter(first).chain(answer.body).boxed();
        }
        Ok(answer.change_stream(parts::with_error_event))
    })
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;
    use tower::ServiceExt as _;

    use super::{
        super::parts::testing::{Provider, Reply, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_head_comes_when_the_body_does() {
        let head_after = async |relay: fn(Setup) -> Router| {
            let provider = Provider::new(vec![Reply::stream(vec![wait(700), send("data: 1\n\n")])]);
            let asked = Instant::now();
            relay(provider.setup()).oneshot(chat()).await.unwrap();
            asked.elapsed().as_millis()
        };
        assert_eq!(head_after(relay).await, 700);
        assert_eq!(head_after(parts::right).await, 0);
    }
}

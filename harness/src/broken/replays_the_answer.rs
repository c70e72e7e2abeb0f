//! Retries when half the answer has reached the client.

use axum::Router;
use futures_util::{StreamExt as _, stream};

use super::{Broken, Server, Setup, parts};
use crate::net::Upstream;

pub(super) const BROKEN: Broken = Broken {
    name: "replays-the-answer",
    mistake: "when the stream breaks it asks once more and sends the new answer from its start",
    made_by: "apache/shenyu#6647: a reactive retry replays the provider after partial output",
    caught_by: &["no-retry-after-content", "payload-intact", "chunk-shape"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let answer = parts::Answer::from(call.send(&upstream).await?);
        Ok(answer.change_stream(|body| parts::with_error_event(replayed(upstream, call, body))))
    })
}

fn replayed(upstream: Upstream, call: parts::Call, body: parts::Body) -> parts::Body {
    let again = Some((upstream, call));
    let spliced = stream::unfold((body, again), async |(mut body, mut again)| {
        let mut item = body.next().await?;
        if let (Err(_), Some((upstream, call))) = (&item, again.take_if(|_| item.is_err())) {
            match call.send(&upstream).await {
                Ok(response) => {
                    body = parts::Answer::from(response).body;
                    item = body.next().await?;
                }
                Err(error) => item = Err(error),
            }
        }
        Some((item, (body, again)))
    });
    spliced.boxed()
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Act, DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_client_gets_the_beginning_twice() {
        let provider = Provider::new(vec![
            Reply::stream(vec![send("data: 1\n\n"), send("data: 2\n\n"), Act::Break]),
            Reply::stream(vec![send("data: 1\n\n"), send("data: 2\n\n"), send(DONE)]),
        ]);
        let seen = ask(relay, &provider, chat()).await;
        let got = "data: 1\n\ndata: 2\n\ndata: 1\n\ndata: 2\n\ndata: [DONE]\n\n";
        assert_eq!((seen.text().as_str(), seen.broke), (got, false));
        assert_eq!(provider.calls(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_break_is_told() {
        let cut = Reply::stream(vec![send("data: 1\n\n"), Act::Break]);
        let provider = Provider::new(vec![cut]);
        let seen = ask(relay, &provider, chat()).await;
        assert!(seen.broke);
        assert_eq!(provider.calls(), 2);
        ask(parts::right, &provider, chat()).await;
        assert_eq!(provider.calls(), 3);
    }
}

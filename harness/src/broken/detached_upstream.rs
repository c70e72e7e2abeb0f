//! Calls the provider in a task that outlives the client.

use axum::Router;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::{Broken, Server, Setup, parts};
use crate::net::Upstream;

pub(super) const BROKEN: Broken = Broken {
    name: "detached-upstream",
    mistake: "reads the provider's answer to its end, whether or not the client is still there",
    made_by: "open-webui/open-webui#1166: stopping ends the page's stream, generation goes on",
    caught_by: &["cancel-upstream", "nothing-left", "stalled-reader-ends"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream: Upstream, call: parts::Call| {
        // Spawned: it goes on when hyper drops this handler because the client has gone.
        let calling = tokio::spawn(async move { call.send(&upstream).await });
        let answer = parts::Answer::from(calling.await??);
        Ok(answer.change_stream(|body| parts::with_error_event(pumped(body))))
    })
}

fn pumped(mut body: parts::Body) -> parts::Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(item) = body.next().await {
            // An error here says that the client has gone, and is not looked at.
            let _unheard = sender.send(item).await;
        }
    });
    stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|item| (item, receiver))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;

    use super::{
        super::parts::testing::{Act, DONE, Provider, Reply, ask, chat, send},
        *,
    };

    /// How many answers are still held a second after the client has gone.
    async fn held_after_leaving(relay: fn(Setup) -> Router) -> usize {
        let provider = Provider::new(vec![Reply::stream(vec![send("data: 1\n\n"), Act::Hang])]);
        let response = relay(provider.setup()).oneshot(chat()).await.unwrap();
        let mut body = response.into_body().into_data_stream();
        body.next().await.unwrap().unwrap();
        drop(body);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        provider.open()
    }

    #[tokio::test(start_paused = true)]
    async fn the_provider_is_still_read_after_the_client_has_gone() {
        assert_eq!(held_after_leaving(relay).await, 1);
        assert_eq!(held_after_leaving(parts::right).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_passes_as_it_is() {
        let provider = Provider::new(vec![Reply::stream(vec![send("data: 1\n\n"), send(DONE)])]);
        assert_eq!(ask(relay, &provider, chat()).await.text(), "data: 1\n\ndata: [DONE]\n\n");
    }
}

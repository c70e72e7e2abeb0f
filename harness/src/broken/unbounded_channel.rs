//! Puts a queue without a bound between the provider and the client.

use axum::Router;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "unbounded-channel",
    mistake: "takes all that the provider sends, however slowly the client reads",
    made_by: "Mintplex-Labs/anything-llm#6202: what write() answers is ignored; \
              IBM/mcp-context-forge#1682: a queue without a size",
    caught_by: &["bounded-memory"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, queued)
}

fn queued(mut body: parts::Body) -> parts::Body {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let item = tokio::select! {
                biased;
                () = sender.closed() => return,
                item = body.next() => item,
            };
            let Some(item) = item else { return };
            if sender.send(item).is_err() {
                return;
            }
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
        super::parts::testing::{Act, Provider, Reply, chat, send},
        *,
    };

    /// Bytes taken from the provider for a client that has read one event of 1 KiB in 1,000.
    async fn taken(relay: fn(Setup) -> Router) -> (Provider, usize) {
        let event = format!("data: {}\n\n", "x".repeat((1 << 10) - 8));
        let acts = vec![send(&event); 1_000].into_iter().chain([Act::Hang]).collect();
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let response = relay(provider.setup()).oneshot(chat()).await.unwrap();
        let mut body = response.into_body().into_data_stream();
        body.next().await.unwrap().unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let taken = provider.taken();
        (provider, taken)
    }

    #[tokio::test(start_paused = true)]
    async fn everything_is_taken_for_a_client_that_reads_one_event() {
        assert_eq!(taken(relay).await.1, 1_000 << 10);
        assert_eq!(taken(parts::right).await.1, 1 << 10);
    }

    #[tokio::test(start_paused = true)]
    async fn the_provider_is_let_go_when_the_client_goes() {
        let (provider, _) = taken(relay).await;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        assert_eq!(provider.open(), 0);
    }
}

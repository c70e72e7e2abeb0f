//! Counts a client that leaves for ever.

use axum::Router;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "keeps-places-of-leavers",
    mistake: "gives the place of a stream back after its last byte, and never where the client left \
              before it",
    made_by: "BerriAI/litellm#27955: aborted streams never release their slot of \
              max_parallel_requests",
    caught_by: &["caps-answer-429"],
    server: Server { switches: &["max_streams_per_address"], ..Server::RIGHT },
    relay,
};

fn relay(setup: Setup) -> Router {
    let most = setup.count("max_streams_per_address");
    let cap = parts::Cap { most, gives_back: false, says_when: true };
    parts::capped(parts::right(setup), cap)
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use tower::ServiceExt as _;

    use super::{
        super::parts::testing::{DONE, Provider, Reply, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn nobody_gets_in_after_a_client_that_left() {
        let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
        let relay = relay(provider.switched("max_streams_per_address", "1").setup());
        let ask = async || relay.clone().oneshot(chat()).await.unwrap();
        to_bytes(ask().await.into_body(), 1000).await.unwrap();
        drop(ask().await);
        assert_eq!(ask().await.status(), 429);
    }
}

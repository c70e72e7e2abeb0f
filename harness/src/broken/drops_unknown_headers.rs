//! Sends on the headers of a request that it knows.

use axum::Router;
use http::{HeaderName, header};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "drops-unknown-headers",
    mistake: "has a list of the request's headers that go on, and `Incremental` is too new to be on it",
    made_by: "comet-ml/opik#6205: what is not on the gateway's list never reaches the provider",
    caught_by: &["incremental"],
    server: Server::RIGHT,
    relay,
};

const PASSES: [HeaderName; 5] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("last-event-id"),
    header::USER_AGENT,
];

fn relay(setup: Setup) -> Router {
    parts::changing_calls(setup, |call| {
        let passes = call.headers.iter().filter(|(name, _)| PASSES.contains(name));
        call.headers = passes.map(|(name, value)| (name.clone(), value.clone())).collect();
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_provider_hears_nothing_of_a_new_header() {
        let asked = async |relay: fn(Setup) -> Router| {
            let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
            let mut request = chat();
            request.headers_mut().insert("incremental", "?1".parse().unwrap());
            ask(relay, &provider, request).await;
            let asked = provider.asked();
            ["authorization", "incremental"].map(|name| asked.headers().contains_key(name))
        };
        assert_eq!(asked(relay).await, [true, false]);
        assert_eq!(asked(parts::right).await, [true, true]);
    }
}

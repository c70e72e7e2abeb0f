//! Reads the request into a type, and writes what the type knows.

use std::collections::BTreeMap;

use axum::Router;
use bytes::Bytes;
use serde_json::Value;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "rewrites-requests",
    mistake: "reads the request's JSON and writes it anew, its keys in another order",
    made_by: "Go's encoding/json, which writes the keys of a map in their order: a prompt that the \
              provider has cached begins with other bytes",
    caught_by: &["request-intact"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_calls(setup, |call| {
        if let Some(body) = anew(&call.body) {
            call.body = body;
        }
    })
}

fn anew(body: &[u8]) -> Option<Bytes> {
    let object: BTreeMap<String, Value> = serde_json::from_slice(body).ok()?;
    serde_json::to_vec(&object).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;

    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_provider_is_asked_in_other_words() {
        let body = r#"{"stream":true,"model":"m","messages":[]}"#;
        let asked = async |relay: fn(Setup) -> Router| {
            let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
            let request = Request::post("/v1/chat/completions").body(Body::from(body)).unwrap();
            ask(relay, &provider, request).await;
            let asked = provider.asked();
            asked.body().and_then(|body| body.as_bytes().map(<[u8]>::to_vec)).unwrap()
        };
        assert_eq!(asked(relay).await, br#"{"messages":[],"model":"m","stream":true}"#);
        assert_eq!(asked(parts::right).await, body.as_bytes());
    }
}

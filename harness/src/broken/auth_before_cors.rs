//! Asks a preflight for a key.

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
};
use http::{Method, StatusCode};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "auth-before-cors",
    mistake: "answers OPTIONS with 401, since a preflight never carries the key",
    made_by: "bricks-cloud/BricksLLM#45 and GD4AI/obsidian-llm-wiki#741: OPTIONS never reaches \
              what would answer it; an auth layer outside the CORS layer",
    caught_by: &["preflight-without-auth"],
    server: Server::RIGHT,
    relay,
};

/// Whatever has a key passes, and so does what asks without one by another method: the provider
/// refuses that by itself.
fn relay(setup: Setup) -> Router {
    let relay = parts::right(setup);
    relay.layer(from_fn(async |request: Request, next: Next| {
        let has_key = request.headers().contains_key(http::header::AUTHORIZATION);
        if request.method() == Method::OPTIONS && !has_key {
            let error = parts::error_object("no API key was given", "invalid_request_error");
            return parts::json(StatusCode::UNAUTHORIZED, &error);
        }
        next.run(request).await
    }))
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, preflight, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_preflight_gets_401_and_the_request_itself_would_pass() {
        let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
        assert_eq!(ask(relay, &provider, preflight()).await.status, 401);
        assert_eq!(ask(parts::right, &provider, preflight()).await.status, 204);
        assert_eq!(provider.calls(), 0);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.header("access-control-allow-origin"), Some("https://app.example"));
        assert_eq!(seen.text(), DONE);
    }
}

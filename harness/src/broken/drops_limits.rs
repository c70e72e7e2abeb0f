//! Lets through the headers that it knows.

use axum::Router;
use http::{HeaderMap, HeaderName, header};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "drops-limits",
    mistake: "has a list of the headers that pass, and neither Retry-After nor x-ratelimit-* is \
              on it",
    made_by: "api7/aisix#144: a 429 comes without its Retry-After; \
              BerriAI/litellm#21553: only under a name that no SDK knows",
    caught_by: &["limits-pass", "early-failure-keeps-status", "storm-is-damped", "incremental"],
    server: Server::RIGHT,
    relay,
};

/// What a body needs to be read.
const PASSES: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CACHE_CONTROL,
    HeaderName::from_static("x-accel-buffering"),
];

fn relay(setup: Setup) -> Router {
    parts::changing_answers(setup, |answer| answer.headers = known(&answer.headers))
}

fn known(headers: &HeaderMap) -> HeaderMap {
    let passes = headers.iter().filter(|(name, _)| PASSES.contains(name));
    passes.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Provider, Reply, ask, chat},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_429_comes_without_a_word_of_when_to_come_again() {
        let reply = Reply::error(429).with("x-ratelimit-reset-requests", "7s");
        let provider = Provider::new(vec![reply]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.status, 429);
        assert_eq!(seen.header("content-type"), Some("application/json"));
        let limits = ["retry-after", "x-ratelimit-reset-requests"];
        assert_eq!(limits.map(|name| seen.header(name)), [None, None]);
        let right = ask(parts::right, &provider, chat()).await;
        assert_eq!(limits.map(|name| right.header(name)), [Some("7"), Some("7s")]);
    }
}

//! Answers a provider that says "wait" by asking again.

use axum::Router;
use http::StatusCode;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "retries-at-once",
    mistake: "asks again up to twenty times after 429 and 5xx, at once, whatever Retry-After says",
    made_by: "the interceptor of a widely read tutorial retries every error; \
              BerriAI/litellm#26015: a 429 sends it round without end",
    caught_by: &["storm-is-damped"],
    server: Server::RIGHT,
    relay,
};

const RETRIES: u32 = 20;

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let mut response = call.send(&upstream).await?;
        for _ in 0..RETRIES {
            let status = response.status();
            if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS {
                break;
            }
            response = call.send(&upstream).await?;
        }
        Ok(parts::Answer::from(response).change_stream(parts::with_error_event))
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn twenty_more_calls_follow_a_429_within_no_time() {
        let start = tokio::time::Instant::now();
        let provider = Provider::new(vec![Reply::error(429)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!((seen.status.as_u16(), provider.calls()), (429, 21));
        assert!(start.elapsed().is_zero());
        let provider = Provider::new(vec![Reply::error(429)]);
        ask(parts::right, &provider, chat()).await;
        assert_eq!(provider.calls(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_good_answer_is_taken() {
        let good = Reply::stream(vec![send(DONE)]);
        let provider = Provider::new(vec![Reply::error(503), Reply::error(429), good]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!((seen.text().as_str(), provider.calls()), (DONE, 3));
    }
}

//! Section 3.3: an interceptor that tries again.

use std::time::Duration;

use axum::Router;
use tokio::time::sleep;

use super::{Broken, Server, Setup, parts};
use crate::net::{BoxError, Upstream};

pub(in crate::broken) const BROKEN: Broken = Broken {
    name: "article-retry-anything",
    mistake: "tries again after every error, after 200 ms, 400 ms and so on, all clients in step, and \
              hears nothing of Retry-After",
    made_by: "the interceptor of a widely read Gin tutorial",
    caught_by: &["storm-is-damped"],
    server: Server::RIGHT,
    relay,
};

const FIRST_WAIT: Duration = Duration::from_millis(200);
const RETRIES: u32 = 5;

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let response = insisted(&upstream, &call).await?;
        Ok(parts::Answer::from(response).change_stream(parts::with_error_event))
    })
}

/// The first answer that is no error, or the last of all.
pub(super) async fn insisted(
    upstream: &Upstream,
    call: &parts::Call,
) -> Result<reqwest::Response, BoxError> {
    for retry in 0..RETRIES {
        let answer = call.send(upstream).await;
        if answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
            return answer;
        }
        sleep(FIRST_WAIT * 2_u32.pow(retry)).await;
    }
    call.send(upstream).await
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{
        super::parts::testing::{Provider, Reply, ask, chat},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_wrong_key_is_tried_six_times_and_a_429_too_soon() {
        for status in [401, 429] {
            let provider = Provider::new(vec![Reply::error(status)]);
            let start = Instant::now();
            let seen = ask(relay, &provider, chat()).await;
            assert_eq!((seen.status.as_u16(), provider.calls()), (status, 6));
            // 200 + 400 + 800 + 1,600 + 3,200 ms, where `Retry-After: 7` asks for 35 s.
            assert_eq!(start.elapsed().as_millis(), 6_200);
        }
    }
}

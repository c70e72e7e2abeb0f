//! Has one answer to all that the provider refuses.

use axum::Router;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Broken, Server, Setup, parts};
use crate::net::BoxError;

pub(super) const BROKEN: Broken = Broken {
    name: "masks-refusals",
    mistake: "answers 502 wherever the provider did not answer 2xx: a wrong model looks \
              like an outage",
    made_by: "NVIDIA-NeMo/nemo-platform PR#2158: 401, 403 and 404 became 502, and clients tried \
              again for ever; kortix-ai/suna PR#5986: a prompt that is too long is a bad gateway",
    caught_by: &["status-as-is", "early-failure-keeps-status", "storm-is-damped"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let answer = parts::Answer::from(call.send(&upstream).await?);
        if answer.status.is_success() {
            return Ok(answer.change_stream(parts::with_error_event));
        }
        let error = parts::error_object("the provider did not answer well", "upstream_error");
        let json = HeaderValue::from_static("application/json");
        Ok(parts::Answer {
            status: StatusCode::BAD_GATEWAY,
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, json)]),
            body: stream::iter([Ok::<_, BoxError>(error.to_string().into())]).boxed(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn every_refusal_is_a_502_and_a_success_passes() {
        for status in [304, 400, 404, 429, 503] {
            let provider = Provider::new(vec![Reply::error(status)]);
            let seen = ask(relay, &provider, chat()).await;
            assert_eq!(seen.status, 502);
            assert_eq!(seen.header("content-type"), Some("application/json"));
            assert!(seen.text().starts_with("{\"error\":{"), "{seen:?}");
            assert_eq!(ask(parts::right, &provider, chat()).await.status, status);
        }
        let good = Reply::stream(vec![send(DONE)]);
        let provider = Provider::new(vec![good.clone(), good.of_status(204)]);
        assert_eq!(ask(relay, &provider, chat()).await.text(), DONE);
        assert_eq!(ask(relay, &provider, chat()).await.status, 204);
    }
}

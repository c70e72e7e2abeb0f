//! Begins the stream before it knows whether there is one.

use axum::Router;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Broken, Server, Setup, parts};
use crate::net::BoxError;

pub(super) const BROKEN: Broken = Broken {
    name: "always-200",
    mistake: "answers 200 and an event stream whatever comes, and tells errors as events",
    made_by: "QuantumNous/new-api#3142: 200 is committed before the provider has answered",
    caught_by: &[
        "early-failure-keeps-status",
        "status-as-is",
        "storm-is-damped",
        "no-body-mixing",
        "payload-intact",
    ],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let answer = match call.send(&upstream).await {
            Ok(response) => parts::Answer::from(response),
            Err(error) => return Ok(stream_of_one(parts::error_event(&error.to_string()))),
        };
        if answer.is_event_stream() {
            let mut answer = answer.change_stream(parts::with_error_event);
            answer.status = StatusCode::OK;
            return Ok(answer);
        }
        let body: Vec<Bytes> = answer.body.try_collect().await?;
        let text = String::from_utf8_lossy(&body.concat()).replace('\n', " ");
        let mut told = stream_of_one(Bytes::from(format!("data: {text}\n\n")));
        told.headers.extend(
            answer
                .headers
                .into_iter()
                .filter(|(name, _)| name.as_ref().is_some_and(|name| name != header::CONTENT_TYPE)),
        );
        Ok(told)
    })
}

fn stream_of_one(event: Bytes) -> parts::Answer {
    let event_stream = HeaderValue::from_static("text/event-stream");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, event_stream)]);
    let body = stream::iter([Ok::<_, BoxError>(event)]).boxed();
    parts::Answer { status: StatusCode::OK, headers, body }
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Provider, Reply, ask, chat},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_429_becomes_200_with_an_error_inside() {
        let provider = Provider::new(vec![Reply::error(429)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.status, 200);
        assert_eq!(seen.header("content-type"), Some("text/event-stream"));
        assert_eq!(seen.header("retry-after"), Some("7"));
        assert_eq!(seen.text(), "data: {\"error\":\"wait\"}\n\n");
        let right = ask(parts::right, &provider, chat()).await;
        assert_eq!(right.status, 429);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_is_not_there_becomes_200_too() {
        let provider = Provider::new(vec![]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.status, 200);
        assert!(seen.text().starts_with("data: {\"error\":"));
        assert_eq!(ask(parts::right, &provider, chat()).await.status, 502);
    }
}

//! Heartbeats before the provider has answered: the client's head is the first, comments follow, and
//! what comes of the answer is told in the stream.

use std::{future::Future, pin::Pin, time::Duration};

use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use tokio::time::Instant;

use crate::{
    ask::Answer,
    attempt::{Outbound, overrun_at},
    config::Config,
    errors::{ErrorObject, Failure},
    headers, opening,
    proxy::Exchange,
    reached::reached,
    resume,
    routes::Route,
    stream::{Core, Family, body::Source},
    upload::Upload,
};

/// A request on its way to its answer.
pub(crate) type Asking = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

/// How long the provider has before heartbeats begin; `None` where they must not: it is not asked
/// for, or the client asks for no stream.
pub(crate) fn patience(config: &Config, route: Route, outbound: &Outbound) -> Option<Duration> {
    let heartbeat = route.heartbeat(config).filter(|_| config.early_heartbeat)?;
    let Upload::Whole(body) = &outbound.body else { return None };
    asks_for_stream(body).then_some(heartbeat.every)
}

fn asks_for_stream(request: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Request {
        #[serde(default)]
        stream: Option<bool>,
    }
    serde_json::from_slice(request).is_ok_and(|request: Request| request.stream == Some(true))
}

/// Status 200 at once, which breaks the silence; then the provider's stream, or its error as an event.
pub(crate) async fn respond(mut exchange: Exchange<'_>, asking: Asking) -> Response {
    exchange.account.begun(StatusCode::OK);
    let (route, budget) = (exchange.route, exchange.relay.config.first_byte);
    let source = async move { stream_of(asking.await, route, budget).await };
    let source = Source::Asking(Box::pin(source));
    let policy = exchange.policy();
    let (stream, body) = exchange.body(Core::unanswered, policy, source, Instant::now()).await;
    let mut head = HeaderMap::new();
    head.insert(header::CONTENT_TYPE, headers::EVENT_STREAM);
    headers::mark_event_stream(&mut head);
    resume::response(StatusCode::OK, head, stream, body)
}

/// The stream that was answered with, or what to say instead.
async fn stream_of(
    answer: Result<Answer, Failure>,
    route: Route,
    budget: Option<Duration>,
) -> Result<(reqwest::Body, Instant), ErrorObject> {
    let answer = answer.map_err(|failure| failure.parts().1)?;
    if answer.family(route) != Family::Opaque {
        return Ok((answer.body, answer.sent_at));
    }
    reached!("an error that comes after a heartbeat is told in the stream");
    let over = overrun_at(answer.sent_at, budget);
    let (_, error) = opening::error_of(answer.body, over).await;
    Err(error.unwrap_or_else(|| {
        ErrorObject::new(
            "the provider answered with something that is no stream of events",
            "server_error",
            "upstream_refused",
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_for_a_stream_gets_one() {
        assert!(asks_for_stream(br#"{"model":"m","stream":true}"#));
        for other in [&b"{}"[..], br#"{"stream":false}"#, br#"{"stream":null}"#, b"x", b""] {
            assert!(!asks_for_stream(other));
        }
    }
}

//! One request's way: admitted, read, sent on, answered.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::Method;
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::{Instant, timeout};

use crate::{
    attempt::{Outbound, attempt},
    errors::Failure,
    headers,
    metrics::Account,
    retry::{Outcome, Retries},
    state::{Phase, Relay},
    stream::{Core, EndReason, Family, Heartbeat, HeartbeatForm, Policy, body::Relayed},
    target::target,
    wire::Client,
};

/// `POST /v1/chat/completions` and its elder sister: streams end with `[DONE]`, and sending the
/// same request again is what every client of the family does.
pub(crate) async fn chat(
    relay: State<Arc<Relay>>,
    client: Extension<Client>,
    request: Request,
) -> Result<Response, Failure> {
    exchange(relay.0, client.0, request, Family::Chat).await
}

/// Everything else below `/v1`: passed on as it is.
pub(crate) async fn other(
    relay: State<Arc<Relay>>,
    client: Extension<Client>,
    request: Request,
) -> Result<Response, Failure> {
    if matches!(*request.method(), Method::OPTIONS | Method::CONNECT | Method::TRACE) {
        return Err(Failure::MethodNotAllowed("GET, HEAD, POST, PUT, PATCH, DELETE"));
    }
    exchange(relay.0, client.0, request, Family::Opaque).await
}

async fn exchange(
    relay: Arc<Relay>,
    client: Client,
    request: Request,
    family: Family,
) -> Result<Response, Failure> {
    let slot = relay.admit(client.address()).ok_or(Failure::TooManyStreams)?;
    let mut account = Account::open(Arc::clone(&relay.metrics), client.clone(), slot);
    let answer = tokio::select! {
        biased;
        answer = answer(&relay, request, family) => answer,
        () = relay.phases.clone().reached(Phase::Ending) => Err(Failure::ShuttingDown),
    };
    match answer {
        Ok(answer) => Ok(respond(&relay, answer, family, client, account)),
        Err(failure) => {
            account.end(EndReason::Unanswered);
            Err(failure)
        }
    }
}

/// The provider's head, and when the request that it answers was sent.
struct Answer {
    response: reqwest::Response,
    sent_at: Instant,
}

/// Sends the request until it is answered well enough; the last answer counts, whatever it is.
async fn answer(relay: &Relay, request: Request, family: Family) -> Result<Answer, Failure> {
    let outbound = read(relay, request, family).await?;
    let repeatable = family == Family::Chat || outbound.method.is_idempotent();
    let mut retries = Retries::new(&relay.config, relay.next_ordinal());
    loop {
        let sent_at = Instant::now();
        let result = attempt(relay, outbound.clone()).await;
        let outcome = match &result {
            Ok(response) if repeatable => {
                Some(Outcome::Answer(response.status(), response.headers()))
            }
            Err(Failure::Unreachable | Failure::ConnectTimeout) => Some(Outcome::Unreachable),
            Ok(_) | Err(_) => None,
        };
        let wait = outcome.and_then(|outcome| retries.next(outcome, relay.wall_clock()));
        let Some(wait) = wait else {
            return result.map(|response| Answer { response, sent_at });
        };
        // Its connection is not held while waiting.
        drop(result);
        relay.metrics.retried();
        tokio::time::sleep(wait).await;
    }
}

/// Reads the whole request, since it may have to be sent more than once.
async fn read(relay: &Relay, request: Request, family: Family) -> Result<Outbound, Failure> {
    let (parts, body) = request.into_parts();
    let uri = target(&relay.config.upstream, &parts.uri).ok_or(Failure::BadPath)?;
    let headers = headers::to_provider(&parts.headers, &relay.config, family == Family::Chat);
    let whole = Limited::new(body, relay.config.max_request).collect();
    let whole = match relay.config.request_body {
        Some(budget) => timeout(budget, whole).await.map_err(|_| Failure::BodyTimeout)?,
        None => whole.await,
    };
    let body = whole.map_err(|error| {
        if error.is::<LengthLimitError>() { Failure::TooLarge } else { Failure::BadBody }
    })?;
    Ok(Outbound { method: parts.method, uri, headers, body: body.to_bytes() })
}

fn respond(
    relay: &Relay,
    answer: Answer,
    family: Family,
    client: Client,
    mut account: Account,
) -> Response {
    let (provider, upstream) = http::Response::<reqwest::Body>::from(answer.response).into_parts();
    let headers = headers::to_client(provider.status, &provider.headers, &relay.config);
    let events = headers::is_event_stream(&headers) && !headers::is_encoded(&headers);
    let body = if upstream.is_end_stream() && !events {
        account.end(EndReason::Complete);
        Body::empty()
    } else {
        let policy = Policy {
            family: if events && provider.status.is_success() { family } else { Family::Opaque },
            heartbeat: relay
                .config
                .heartbeat
                .map(|every| Heartbeat { every, form: HeartbeatForm::Comment }),
            idle_warn: None,
            first_byte: relay.config.first_byte,
            idle: relay.config.idle,
            missing_done: relay.config.missing_done,
        };
        let core = Core::new(policy);
        let phases = relay.phases.clone();
        Body::new(Relayed::new(core, upstream, answer.sent_at, phases, client, account))
    };
    let mut response = Response::new(body);
    *response.status_mut() = provider.status;
    *response.headers_mut() = headers;
    response
}

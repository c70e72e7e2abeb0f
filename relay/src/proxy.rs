//! One request's way: admitted, read, sent on, answered.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use crate::{
    account::{About, Account, Attempts},
    ask::{Answer, ask},
    attempt::Outbound,
    early::{self, Asking},
    errors::Failure,
    headers,
    request_id::RequestId,
    routes::Route,
    state::{Phase, Relay},
    stream::{
        Core, EndReason, Policy,
        body::{Relayed, Source},
    },
    target::target,
    wire::Client,
};

/// Relays one request of a route.
pub(crate) async fn exchange(
    State(relay): State<Arc<Relay>>,
    Extension(client): Extension<Client>,
    Extension(route): Extension<Route>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    request: Request,
) -> Result<Response, Failure> {
    let Some(slot) = relay.admit(client.address()) else {
        relay.metrics.refused("concurrency");
        return Err(Failure::TooManyStreams);
    };
    let about = About { request_id, route: route.name() };
    let mut account = Account::open(Arc::clone(&relay.metrics), client.clone(), slot, about);
    let attempts = Arc::clone(&account.attempts);
    let answer = tokio::select! {
        biased;
        answer = answer(&relay, request, route, attempts) => answer,
        () = relay.phases.clone().reached(Phase::Ending) => Err(Failure::ShuttingDown),
    };
    match answer {
        Ok(Answered::Now(answer)) => Ok(respond(&relay, answer, route, client, account)),
        Ok(Answered::Later(asking)) => Ok(early::respond(&relay, asking, route, client, account)),
        Err(failure) => {
            account.begun(failure.parts().0);
            account.end(EndReason::Unanswered);
            Err(failure)
        }
    }
}

/// What a client gets its answer from.
enum Answered {
    /// The provider has answered.
    Now(Answer),
    /// It has not, and the first heartbeat is due.
    Later(Asking),
}

async fn answer(
    relay: &Arc<Relay>,
    request: Request,
    route: Route,
    attempts: Arc<Attempts>,
) -> Result<Answered, Failure> {
    let outbound = read(relay, request, route, attempts).await?;
    let patience = early::patience(&relay.config, route, &outbound);
    let asking_relay = Arc::clone(relay);
    let mut asking: Asking = Box::pin(async move { ask(&asking_relay, outbound, route).await });
    let Some(patience) = patience else { return asking.await.map(Answered::Now) };
    match timeout(patience, &mut asking).await {
        Ok(answer) => answer.map(Answered::Now),
        Err(_) => Ok(Answered::Later(asking)),
    }
}

/// Reads the whole request, since it may have to be sent more than once.
async fn read(
    relay: &Relay,
    request: Request,
    route: Route,
    attempts: Arc<Attempts>,
) -> Result<Outbound, Failure> {
    let (parts, body) = request.into_parts();
    let uri = target(&relay.config.upstream, &parts.uri).ok_or(Failure::BadPath)?;
    let headers = headers::to_provider(&parts.headers, &relay.config, route.has_events());
    let whole = Limited::new(body, relay.config.max_request).collect();
    let whole = match relay.config.request_body {
        Some(budget) => timeout(budget, whole).await.map_err(|_| Failure::BodyTimeout)?,
        None => whole.await,
    };
    let body = whole.map_err(|error| {
        if error.is::<LengthLimitError>() { Failure::TooLarge } else { Failure::BadBody }
    })?;
    Ok(Outbound { method: parts.method, uri, headers, body: body.to_bytes(), attempts })
}

fn respond(
    relay: &Relay,
    answer: Answer,
    route: Route,
    client: Client,
    mut account: Account,
) -> Response {
    account.begun(answer.status);
    let family = answer.family(route);
    let headers = headers::to_client(answer.status, &answer.headers, &relay.config);
    let body = if answer.body.is_end_stream() && !headers::is_event_stream(&headers) {
        account.end(EndReason::Complete);
        Body::empty()
    } else {
        let core = Core::new(Policy { family, ..policy(relay, route) });
        let source = Source::Body(answer.body);
        let phases = relay.phases.clone();
        Body::new(Relayed::new(
            core,
            source,
            answer.sent_at,
            phases,
            client,
            account,
            relay.config.read_on,
        ))
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = headers;
    response
}

/// What is decided about a stream of this route.
pub(crate) fn policy(relay: &Relay, route: Route) -> Policy {
    let config = &relay.config;
    Policy {
        family: route.family(),
        ids: None,
        heartbeat: route.heartbeat(config),
        first_byte: config.first_byte,
        idle_warn: config.idle_warn,
        idle: config.idle,
        missing_done: config.missing_done,
    }
}

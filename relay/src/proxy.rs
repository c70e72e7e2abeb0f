//! One request's way: admitted, read, sent on, answered.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Path, Request, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::{Instant, timeout};

use crate::{
    access::{self, Caller},
    account::{About, Account, Attempts},
    ask::{Answer, ask},
    attempt::Outbound,
    caps::Slot,
    early::{self, Asking},
    errors::Failure,
    headers,
    metrics::Given,
    reached::reached,
    request_id::RequestId,
    resume::{self, StreamId},
    routes::Route,
    serve::within,
    state::{Phase, Refused, Relay},
    stream::{
        Core, EndReason, Family, Policy,
        body::{Relayed, Source},
    },
    target::target,
    unsaid::Unsaid,
    upload::Upload,
    wire::Client,
};

/// `GET /v1/streams/{id}`: a stream that is kept, for a browser's `EventSource`.
pub(crate) async fn kept(
    State(relay): State<Arc<Relay>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let resume = relay.resume.as_ref().ok_or(Failure::NotFound)?;
    let slot = relay.admit_reader(client.address()).map_err(|refused| limited(&relay, refused))?;
    Ok(read_by(&relay, slot, resume.get(&id, request.headers(), &client).await?))
}

/// The reader's place is held until its body is dropped.
fn read_by(relay: &Relay, slot: Slot, response: Response) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    relay.metrics.resumed();
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _held = &slot;
            frame
        }))
    })
}

fn limited(relay: &Relay, refused: Refused) -> Failure {
    relay.metrics.refused(refused.limit);
    Failure::Limited { retry_after: refused.retry_after }
}

/// Relays one request of a route.
pub(crate) async fn exchange(
    State(relay): State<Arc<Relay>>,
    Extension(client): Extension<Client>,
    Extension(route): Extension<Route>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    request: Request,
) -> Result<Response, Failure> {
    let shown = access::shown(request.headers());
    let caller = Caller::of(shown);
    let key = shown.map(|_| caller);
    if let Some(resume) = relay.resume.as_ref().filter(|_| route.has_events())
        && let Some(event) = resume::named_event(request.headers())
    {
        let slot = relay.admit_reader(client.address()).map_err(|r| limited(&relay, r))?;
        let rest = resume.rest(event, Some(caller), &client).await?;
        forget(&relay, request).await?;
        return Ok(read_by(&relay, slot, rest));
    }
    let slot = relay.admit(client.address(), key).map_err(|refused| limited(&relay, refused))?;
    let about = About { request_id, route: route.name() };
    let account = Account::open(Arc::clone(&relay.metrics), client.clone(), slot, about);
    let attempts = Arc::clone(&account.attempts);
    let mut exchange = Exchange { relay: &relay, route, client, caller, account };
    let answer = tokio::select! {
        biased;
        answer = answer(&relay, request, route, attempts) => answer,
        () = relay.phases.clone().reached(Phase::Ending) => Err(Failure::ShuttingDown),
    };
    match answer {
        Ok(Answered::Now(answer)) => Ok(exchange.respond(answer).await),
        Ok(Answered::Later(asking)) => Ok(early::respond(exchange, asking).await),
        Err(failure) => {
            exchange.account.begun(failure.parts().0);
            exchange.account.end(EndReason::Unanswered);
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

/// Reads the whole request, since it may have to be sent more than once. One that asks to be passed
/// on as it comes is (RFC 10036), but for what a model is asked: it answers nothing before its end.
async fn read(
    relay: &Relay,
    request: Request,
    route: Route,
    attempts: Arc<Attempts>,
) -> Result<Outbound, Failure> {
    let (parts, body) = request.into_parts();
    // Refused before the body is read, and so before a client that expects to be asked for it is.
    target(&relay.config.upstream, &parts.uri).ok_or(Failure::BadPath)?;
    let (length, ends) = (body.size_hint().exact(), body.is_end_stream());
    let body = bounded(relay, &parts.headers, body)?;
    let mut headers = headers::to_provider(&parts.headers, &relay.config, route.has_events());
    let as_it_comes = !route.has_events() && headers::is_incremental(&parts.headers) && !ends;
    if let Some(length) = length.filter(|_| as_it_comes) {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    let outbound =
        |body| Outbound { method: parts.method, uri: parts.uri, headers, body, attempts };
    if as_it_comes {
        return Ok(outbound(Upload::as_it_comes(Body::new(body))));
    }
    Ok(outbound(Upload::Whole(whole(relay, body).await?)))
}

/// A body that says of itself that it is too large is refused before it is read, another one as it is.
fn bounded(relay: &Relay, headers: &HeaderMap, body: Body) -> Result<Limited<Body>, Failure> {
    if headers::says_more_than(headers, relay.config.max_request) {
        return Err(Failure::TooLarge);
    }
    Ok(Limited::new(body, relay.config.max_request))
}

/// All of a body, which has its time.
async fn whole(relay: &Relay, body: Limited<Body>) -> Result<Bytes, Failure> {
    let whole = within(relay.config.request_body, body.collect()).await;
    let whole = whole.ok_or(Failure::BodyTimeout)?;
    Ok(whole.map_err(|error| unread(&*error))?.to_bytes())
}

/// Why a body was not read whole.
fn unread(error: &(dyn std::error::Error + 'static)) -> Failure {
    if error.is::<LengthLimitError>() { Failure::TooLarge } else { Failure::BadBody }
}

/// Reads a request of which only the head is needed, and keeps nothing of it. Left unread, the rest would
/// cost the connection, and with it what the client has not read of its answer.
async fn forget(relay: &Relay, request: Request) -> Result<(), Failure> {
    let (parts, body) = request.into_parts();
    let mut body = bounded(relay, &parts.headers, body)?;
    let all = async {
        while let Some(frame) = body.frame().await {
            frame.map_err(|error| unread(&*error))?;
        }
        Ok(())
    };
    tokio::select! {
        biased;
        all = within(relay.config.request_body, all) => all.ok_or(Failure::BodyTimeout)?,
        () = relay.phases.clone().reached(Phase::Ending) => Err(Failure::ShuttingDown),
    }
}

/// A request under way: who asks for what, and what becomes of it.
pub(crate) struct Exchange<'a> {
    pub(crate) relay: &'a Relay,
    pub(crate) route: Route,
    client: Client,
    caller: Caller,
    pub(crate) account: Account,
}

impl Exchange<'_> {
    async fn respond(mut self, answer: Answer) -> Response {
        self.account.begun(answer.status);
        let headers = headers::to_client(answer.status, &answer.headers, &self.relay.config);
        let (stream, body) = if answer.body.is_end_stream() && !headers::is_event_stream(&headers) {
            self.account.end(EndReason::Complete);
            (None, Body::new(Unsaid))
        } else {
            let policy = Policy { family: answer.family(self.route), ..self.policy() };
            self.body(Core::new, policy, Source::Body(answer.body), answer.sent_at).await
        };
        resume::response(answer.status, headers, stream, body)
    }

    /// What is decided about a stream of this route.
    pub(crate) fn policy(&self) -> Policy {
        let config = &self.relay.config;
        Policy {
            family: self.route.family(),
            ids: None,
            heartbeat: self.route.heartbeat(config),
            first_byte: config.first_byte,
            idle_warn: config.idle_warn,
            idle: config.idle,
            missing_done: config.missing_done,
        }
    }

    /// The client's body, whose time begins at `zero`; where streams of events are kept, it reads what
    /// is kept, by that name.
    pub(crate) async fn body(
        self,
        core: fn(Policy) -> Core,
        mut policy: Policy,
        source: Source,
        zero: Instant,
    ) -> (Option<StreamId>, Body) {
        let Self { relay, client, caller, mut account, .. } = self;
        let phases = relay.phases.clone();
        if let Some(resume) = relay.resume.as_ref().filter(|_| policy.family != Family::Opaque) {
            // A store that has no room or cannot be used costs the resuming, not the stream.
            if let Ok(begun) = resume.begin(caller, policy.family.farewell()).await {
                // What those who read the stream are given, and what is held for them, counts where they are.
                let pumped = Client::new(client.address(), Given::default());
                let stream = begun.stream;
                account.client = pumped.clone();
                policy.ids = Some(stream.to_string().into());
                let source =
                    Relayed::new(core(policy), source, zero, phases, pumped.clone(), account, None);
                return (Some(stream), resume.carry(begun, source, pumped, &client));
            }
            reached!("a stream is not kept: the store takes none");
        }
        let read_on = relay.config.read_on;
        (
            None,
            Body::new(Relayed::new(core(policy), source, zero, phases, client, account, read_on)),
        )
    }
}

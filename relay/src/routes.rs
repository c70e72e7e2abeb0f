//! The map of the relay, from the outside in.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Request, State},
    handler::Handler as _,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, MethodRouter, get, on, post},
};
use http::{StatusCode, header};
use tokio::time::Instant;
use tower::{ServiceBuilder, util::option_layer};

use crate::{
    access,
    config::Config,
    cors,
    errors::Failure,
    metrics, proxy, request_id,
    state::{Phase, Relay},
    stream::{Family, Heartbeat, HeartbeatForm},
};

const CHAT: &str = "/v1/chat/completions";
const LEGACY: &str = "/v1/completions";
const RESPONSES: &str = "/v1/responses";

/// What is asked for, as far as the relay treats it in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// `POST /v1/chat/completions`.
    Chat,
    /// `POST /v1/completions`, its elder sister.
    Legacy,
    /// `POST /v1/responses`.
    Responses,
    /// Everything else below `/v1`: passed on as it is.
    Other,
}

impl Route {
    /// As metrics and the log name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => CHAT,
            Self::Legacy => LEGACY,
            Self::Responses => RESPONSES,
            Self::Other => "/v1",
        }
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::Chat | Self::Legacy => Family::Chat,
            Self::Responses => Family::Responses,
            Self::Other => Family::Opaque,
        }
    }

    /// Whether its answers may be streams of events that the relay reads.
    pub(crate) fn has_events(self) -> bool {
        self.family() != Family::Opaque
    }

    /// Whether the same POST may be sent again before content has come: every client of these
    /// routes does it.
    pub(crate) fn is_repeatable(self) -> bool {
        self.has_events()
    }

    /// What is sent into a silence of its streams.
    pub(crate) fn heartbeat(self, config: &Config) -> Option<Heartbeat> {
        let (every, form) = match self {
            Self::Chat => (config.heartbeat, config.heartbeat_as),
            // The empty chunk is none of its objects.
            Self::Legacy => (config.heartbeat, HeartbeatForm::Comment),
            Self::Responses => (config.heartbeat_responses, config.heartbeat_responses_as),
            Self::Other => (None, HeartbeatForm::Comment),
        };
        every.map(|every| Heartbeat { every, form })
    }
}

/// All routes, and the layers in the order in which a request meets them.
pub(crate) fn router(relay: &Arc<Relay>) -> Router {
    let guarded = Router::new()
        .route(CHAT, model(Route::Chat).fallback(only_post))
        .route(LEGACY, model(Route::Legacy).fallback(only_post))
        .route(RESPONSES, model(Route::Responses).fallback(only_post))
        .route("/v1/{*rest}", passed_on())
        .layer(middleware::from_fn_with_state(Arc::clone(relay), access::check))
        .layer(middleware::from_fn_with_state(Arc::clone(relay), request_id::give));
    let open = Router::new()
        .route("/healthz", get("ok\n").fallback(only_get))
        .route("/readyz", get(ready).fallback(only_get))
        .route("/metrics", get(scrape).fallback(only_get))
        // No key is asked: a browser's `EventSource` cannot show one, and the name is a secret.
        .route("/v1/streams/{id}", get(proxy::kept).fallback(only_get))
        .fallback(not_found.layer(middleware::from_fn_with_state(
            Arc::clone(relay),
            request_id::give,
        )));
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(Arc::clone(relay), count))
        .layer(option_layer(cors::layer(&relay.config)));
    guarded.merge(open).layer(layers).with_state(Arc::clone(relay))
}

/// Where a model answers.
fn model(route: Route) -> MethodRouter<Arc<Relay>> {
    post(proxy::exchange).layer(Extension(route))
}

/// All methods but those that are not end to end, or are the relay's own to answer.
fn passed_on() -> MethodRouter<Arc<Relay>> {
    let methods = [MethodFilter::GET, MethodFilter::POST, MethodFilter::PUT, MethodFilter::PATCH];
    let filter = methods.into_iter().fold(MethodFilter::DELETE, MethodFilter::or);
    on(filter, proxy::exchange).layer(Extension(Route::Other)).fallback(not_passed_on)
}

async fn not_passed_on() -> Failure {
    Failure::MethodNotAllowed("GET, HEAD, POST, PUT, PATCH, DELETE")
}

/// Counts each answer, whoever gave it.
async fn count(State(relay): State<Arc<Relay>>, request: Request, next: Next) -> Response {
    let route = match request.uri().path() {
        CHAT => CHAT,
        LEGACY => LEGACY,
        RESPONSES => RESPONSES,
        "/healthz" => "/healthz",
        "/readyz" => "/readyz",
        "/metrics" => "/metrics",
        path if path.starts_with("/v1/") => "/v1",
        _ => "none",
    };
    let response = next.run(request).await;
    relay.metrics.answered(route, response.status());
    response
}

async fn ready(State(relay): State<Arc<Relay>>) -> Response {
    match relay.phases.now() {
        Phase::Running => "ready\n".into_response(),
        Phase::Draining | Phase::Ending => {
            (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response()
        }
    }
}

async fn scrape(State(relay): State<Arc<Relay>>) -> Response {
    for (index, (base, state)) in relay.upstreams.states(Instant::now()).enumerate() {
        relay.metrics.breaker(index, base, state);
    }
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], relay.metrics.text()).into_response()
}

async fn only_post() -> Failure {
    Failure::MethodNotAllowed("POST")
}

async fn only_get() -> Failure {
    Failure::MethodNotAllowed("GET, HEAD")
}

async fn not_found() -> Failure {
    Failure::NotFound
}

//! The map of the relay, from the outside in.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use http::{StatusCode, header};
use tower::{ServiceBuilder, util::option_layer};

use crate::{
    access, cors,
    errors::Failure,
    metrics, proxy,
    state::{Phase, Relay},
};

const CHAT: &str = "/v1/chat/completions";
const LEGACY: &str = "/v1/completions";

/// All routes, and the layers in the order in which a request meets them.
pub(crate) fn router(relay: &Arc<Relay>) -> Router {
    let guarded = Router::new()
        .route(CHAT, post(proxy::chat).fallback(only_post))
        .route(LEGACY, post(proxy::chat).fallback(only_post))
        .route("/v1/{*rest}", any(proxy::other))
        .layer(middleware::from_fn_with_state(Arc::clone(relay), access::check));
    let open = Router::new()
        .route("/healthz", get("ok\n").fallback(only_get))
        .route("/readyz", get(ready).fallback(only_get))
        .route("/metrics", get(scrape).fallback(only_get))
        .fallback(not_found);
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(Arc::clone(relay), count))
        .layer(option_layer(cors::layer(&relay.config)));
    guarded.merge(open).layer(layers).with_state(Arc::clone(relay))
}

/// Counts each answer, whoever gave it.
async fn count(State(relay): State<Arc<Relay>>, request: Request, next: Next) -> Response {
    let route = match request.uri().path() {
        CHAT => CHAT,
        LEGACY => LEGACY,
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

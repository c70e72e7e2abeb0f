//! What scripts of other origins may do (Fetch, "CORS protocol").

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Config;

/// Names that a preflight allows. Spelled out, since `*` never covers `authorization`; the last
/// ones are what the official library sends from a browser.
const ALLOWED: [&str; 20] = [
    "authorization",
    "content-type",
    "last-event-id",
    "accept",
    "cache-control",
    "idempotency-key",
    "x-request-id",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "x-stainless-arch",
    "x-stainless-async",
    "x-stainless-helper-method",
    "x-stainless-lang",
    "x-stainless-os",
    "x-stainless-package-version",
    "x-stainless-retry-count",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
    "x-stainless-timeout",
];

/// Names that a script may read besides those that every script may.
const EXPOSED: [&str; 13] = [
    "x-stream-id",
    "retry-after",
    "retry-after-ms",
    "x-request-id",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
    "openai-organization",
    "openai-processing-ms",
    "openai-version",
];

/// How long a browser may remember a preflight: what Chromium takes at most.
const MAX_AGE: Duration = Duration::from_hours(2);

/// The layer for the configured origins; `None` where there are none. It answers every `OPTIONS`
/// itself.
pub(crate) fn layer(config: &Config) -> Option<CorsLayer> {
    if config.origins.is_empty() {
        return None;
    }
    let origins = if config.origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(config.origins.iter().filter_map(|o| HeaderValue::from_str(o).ok()))
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(config.credentials)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(ALLOWED.map(HeaderName::from_static))
        .expose_headers(EXPOSED.map(HeaderName::from_static))
        .vary([header::ORIGIN])
        .max_age(MAX_AGE);
    Some(layer)
}

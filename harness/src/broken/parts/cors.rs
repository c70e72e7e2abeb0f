//! What a relay tells browsers, by the Fetch standard.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::setup::Origins;

/// What the preflight allows: `*` would never cover `authorization`.
const ALLOW_HEADERS: &str = "authorization, content-type, last-event-id";

/// What script may read beside the safelisted headers.
const EXPOSE_HEADERS: &str = "retry-after, retry-after-ms, x-request-id, \
     x-ratelimit-limit-requests, x-ratelimit-limit-tokens, \
     x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, \
     x-ratelimit-reset-requests, x-ratelimit-reset-tokens";

/// Answers preflights, and allows the origin on every answer, errors included.
pub(in crate::broken) fn around(router: Router, origins: Origins) -> Router {
    router.layer(from_fn_with_state(
        origins,
        async |State(origins): State<Origins>, request: Request, next: Next| {
            let origin = request.headers().get(header::ORIGIN).cloned();
            let mut response = match preflight(&request) {
                Some(response) => response,
                None => next.run(request).await,
            };
            allow(&origins, origin.as_ref(), response.headers_mut());
            response
        },
    ))
}

/// The answer to a preflight (Fetch, CORS-preflight request), but for the allowed origin; `None`
/// where the request is none.
pub(in crate::broken) fn preflight(request: &Request) -> Option<Response> {
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || !asks {
        return None;
    }
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names = HeaderValue::from_static(ALLOW_HEADERS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    Some(response)
}

/// Allows the origin, if it may call.
pub(in crate::broken) fn allow(
    origins: &Origins,
    origin: Option<&HeaderValue>,
    headers: &mut HeaderMap,
) {
    // The answer depends on the origin even where there is none.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin.filter(|origin| origins.allow(origin)) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    if origins.credentials {
        let credentials = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
    }
    let names = HeaderValue::from_static(EXPOSE_HEADERS);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names);
}

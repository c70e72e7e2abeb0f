//! The provider's answer, on its way to the client.

use axum::{body::Body as AxumBody, response::Response};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json as object};

use super::{Body, call::end_to_end, stream::up_to_its_error};
use crate::net::BoxError;

/// Status, headers and body, as they go to the client.
pub(in crate::broken) struct Answer {
    pub(in crate::broken) status: StatusCode,
    pub(in crate::broken) headers: HeaderMap,
    pub(in crate::broken) body: Body,
}

impl From<reqwest::Response> for Answer {
    /// The provider's status and its end-to-end headers; whoever frames the body anew counts it anew.
    fn from(response: reqwest::Response) -> Self {
        let status = response.status();
        let mut headers = end_to_end(response.headers());
        headers.remove(header::CONTENT_LENGTH);
        let body = up_to_its_error(response.bytes_stream().map_err(BoxError::from).boxed());
        let mut answer = Self { status, headers, body };
        if answer.is_event_stream() {
            // nginx's word for "do not buffer this answer".
            let name = HeaderName::from_static("x-accel-buffering");
            answer.headers.insert(name, HeaderValue::from_static("no"));
            let no_cache = HeaderValue::from_static("no-cache");
            answer.headers.entry(header::CACHE_CONTROL).or_insert(no_cache);
        }
        answer
    }
}

impl Answer {
    /// Whether the body is an event stream.
    pub(in crate::broken) fn is_event_stream(&self) -> bool {
        is_event_stream(&self.headers)
    }

    /// The same, with another body where it is an event stream.
    pub(in crate::broken) fn change_stream(mut self, change: impl FnOnce(Body) -> Body) -> Self {
        if self.is_event_stream() {
            self.body = change(self.body);
        }
        self
    }

    pub(super) fn into_response(self) -> Response {
        // hyper drops what it has not flushed when a body fails: it gets a moment to flush first.
        let body = self.body.then(async |item| {
            if item.is_err() {
                tokio::task::yield_now().await;
            }
            item
        });
        let mut response = Response::new(AxumBody::from_stream(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Whether headers speak of an event stream, by the essence of the type (HTML 9.2.3).
pub(in crate::broken) fn is_event_stream(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = text.and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("text/event-stream")
}

/// 502: the provider could not be reached, or did not answer in HTTP.
pub(super) fn bad_gateway(error: &(dyn std::error::Error + 'static)) -> Response {
    let message = format!("the provider did not answer: {error}");
    json(StatusCode::BAD_GATEWAY, &error_object(&message, "upstream_error"))
}

/// An error in the shape of the provider's API: all four keys, the last two nullable.
pub(in crate::broken) fn error_object(message: &str, kind: &str) -> Value {
    object!({ "error": { "message": message, "type": kind, "param": null, "code": null } })
}

/// A JSON answer of known length.
pub(in crate::broken) fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(AxumBody::from(value.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

//! A client's request, on its way to the provider.

use axum::{extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use relay::stale::Stale;
use tower::ServiceExt as _;

use super::{error_object, json};
use crate::net::{BoxError, Upstream};

/// The longest request body that is taken: chats with images run to a few MiB.
const BODY_MAX_BYTES: usize = 16 << 20;

/// A request that was read whole, so that it can be sent more than once.
#[derive(Clone)]
pub(in crate::broken) struct Call {
    method: Method,
    path: String,
    pub(in crate::broken) headers: HeaderMap,
    pub(in crate::broken) body: Bytes,
}

impl Call {
    /// Reads a client's request; what cannot be read is refused with 413.
    pub(super) async fn read(request: Request) -> Result<Self, Response> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_MAX_BYTES).await.map_err(|_| {
            let error = error_object("the request body cannot be read", "invalid_request_error");
            json(StatusCode::PAYLOAD_TOO_LARGE, &error)
        })?;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let mut headers = end_to_end(&head.headers);
        // Both are the next hop's own: its name, and the length of the body as it is sent there.
        headers.remove(header::HOST);
        headers.remove(header::CONTENT_LENGTH);
        Ok(Self { method: head.method, path, headers, body })
    }

    /// Sends it to the provider, and resolves to the head of the answer. Where it met a connection
    /// that the provider was just closing, it is sent once more.
    pub(in crate::broken) async fn send(
        &self,
        upstream: &Upstream,
    ) -> Result<reqwest::Response, BoxError> {
        match self.send_once(upstream).await {
            Err(error) if error.is::<Stale>() => self.send_once(upstream).await,
            sent => sent,
        }
    }

    async fn send_once(&self, upstream: &Upstream) -> Result<reqwest::Response, BoxError> {
        let url = format!("http://upstream{}", self.path).parse()?;
        let mut request = reqwest::Request::new(self.method.clone(), url);
        *request.headers_mut() = self.headers.clone();
        if !self.body.is_empty() {
            *request.body_mut() = Some(self.body.clone().into());
        }
        upstream.clone().oneshot(request).await
    }
}

/// Headers that concern one connection alone, whatever `Connection` names (RFC 9110 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The headers that go further: all but those that concern one connection alone.
pub(super) fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for named in headers.get_all(header::CONNECTION) {
        for name in named.to_str().unwrap_or_default().split(',') {
            kept.remove(name.trim());
        }
    }
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connection_names_goes_no_further() {
        let mut headers = HeaderMap::new();
        headers.insert("connection", "close, X-Hop".parse().unwrap());
        headers.insert("x-hop", "1".parse().unwrap());
        headers.insert("te", "trailers".parse().unwrap());
        headers.insert("x-request-id", "r1".parse().unwrap());
        let kept = end_to_end(&headers);
        let names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-request-id"]);
    }
}

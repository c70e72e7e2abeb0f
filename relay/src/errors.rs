//! The relay's own failures, in the error object that every client of the family reads.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

/// Why a request gets no answer of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No key, or one that is not known.
    Unauthorized,
    /// No such route.
    NotFound,
    /// The route takes other methods; `Allow` names them.
    MethodNotAllowed(&'static str),
    /// The path leads out of the provider's base.
    BadPath,
    /// The request's head is ambiguous, or of a coding that the relay does not know.
    BadHead,
    /// The request's body broke off.
    BadBody,
    /// The request's body did not come in time.
    BodyTimeout,
    /// The request's body is over the bound.
    TooLarge,
    /// A cap is reached.
    TooManyStreams,
    /// The provider could not be reached.
    Unreachable,
    /// The provider could not be reached in time.
    ConnectTimeout,
    /// The provider broke off before its headers were whole, or they are not HTTP.
    BrokeOff,
    /// The provider's headers did not come in time.
    FirstByteTimeout,
    /// The relay is being stopped.
    ShuttingDown,
}

/// Seconds after which a client that met a cap may come back.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

impl Failure {
    /// Status, `type`, `code` and message. The pairs of type and code are `OpenAI`'s where it has
    /// one.
    fn parts(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        use StatusCode as S;
        let invalid = "invalid_request_error";
        let server = "server_error";
        match self {
            Self::Unauthorized => {
                (S::UNAUTHORIZED, invalid, "invalid_api_key", "the key is missing or not known")
            }
            Self::NotFound => (S::NOT_FOUND, invalid, "unknown_url", "there is no such route"),
            Self::MethodNotAllowed(_) => {
                let message = "the route does not take this method";
                (S::METHOD_NOT_ALLOWED, invalid, "method_not_allowed", message)
            }
            Self::BadPath => {
                (S::BAD_REQUEST, invalid, "invalid_url", "the path holds `.` or `..` segments")
            }
            Self::BadHead => {
                let message = "a request needs one Host, and no transfer coding but chunked";
                (S::BAD_REQUEST, invalid, "invalid_head", message)
            }
            Self::BadBody => {
                (S::BAD_REQUEST, invalid, "invalid_body", "the request's body broke off")
            }
            Self::BodyTimeout => {
                let message = "the request's body did not come in time";
                (S::REQUEST_TIMEOUT, invalid, "request_timeout", message)
            }
            Self::TooLarge => {
                let message = "the request's body is larger than the relay takes";
                (S::PAYLOAD_TOO_LARGE, invalid, "request_too_large", message)
            }
            Self::TooManyStreams => {
                let message = "too many requests are under way at once";
                (S::TOO_MANY_REQUESTS, "requests", "rate_limit_exceeded", message)
            }
            Self::Unreachable => {
                let message = "the provider cannot be reached";
                (S::BAD_GATEWAY, server, "upstream_unreachable", message)
            }
            Self::ConnectTimeout => {
                let message = "the provider could not be reached in time";
                (S::GATEWAY_TIMEOUT, server, "upstream_connect_timeout", message)
            }
            Self::BrokeOff => {
                let message = "the provider broke off before it answered";
                (S::BAD_GATEWAY, server, "upstream_broken", message)
            }
            Self::FirstByteTimeout => {
                let message = "the provider did not answer in time";
                (S::GATEWAY_TIMEOUT, server, "upstream_first_byte_timeout", message)
            }
            Self::ShuttingDown => {
                let message = "the relay is shutting down";
                (S::SERVICE_UNAVAILABLE, server, "relay_shutdown", message)
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, kind, code, message) = self.parts();
        let json = HeaderValue::from_static("application/json");
        let mut response =
            (status, [(header::CONTENT_TYPE, json)], object(message, kind, code)).into_response();
        let headers = response.headers_mut();
        match self {
            Self::MethodNotAllowed(allow) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allow));
            }
            Self::TooManyStreams | Self::ShuttingDown => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            // RFC 9110 15.5.2: a 401 names the scheme.
            Self::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::NotFound
            | Self::BadPath
            | Self::BadHead
            | Self::BadBody
            | Self::BodyTimeout
            | Self::TooLarge
            | Self::Unreachable
            | Self::ConnectTimeout
            | Self::BrokeOff
            | Self::FirstByteTimeout => {}
        }
        response
    }
}

/// `OpenAI`'s error object; all four keys are required.
pub(crate) fn object(message: &str, kind: &str, code: &str) -> String {
    #[derive(serde::Serialize)]
    struct Error<'a> {
        message: &'a str,
        r#type: &'a str,
        param: Option<&'a str>,
        code: &'a str,
    }
    #[derive(serde::Serialize)]
    struct Object<'a> {
        error: Error<'a>,
    }
    let error = Error { message, r#type: kind, param: None, code };
    serde_json::to_string(&Object { error }).expect("strings always serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_object_has_the_four_keys() {
        assert_eq!(
            object("a \"b\"", "server_error", "upstream_broken"),
            r#"{"error":{"message":"a \"b\"","type":"server_error","param":null,"code":"upstream_broken"}}"#
        );
    }

    #[test]
    fn a_cap_says_when_to_come_back() {
        let response = Failure::TooManyStreams.into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}

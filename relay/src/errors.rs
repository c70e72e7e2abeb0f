//! The relay's own failures, in the error object that every client of the family reads.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

/// Why a request gets no answer of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// A cap is reached, or a rate; in so many seconds the next request may pass.
    Limited {
        /// Whole seconds.
        retry_after: u64,
    },
    /// Every upstream has failed so often that it is left alone for so many seconds.
    LeftAlone {
        /// Whole seconds.
        retry_after: u64,
    },
    /// The provider could not be reached.
    Unreachable,
    /// The provider could not be reached in time.
    ConnectTimeout,
    /// The provider's certificate is not trusted, or it speaks no TLS that can be understood.
    Untrusted,
    /// The provider broke off before its headers were whole, or they are not HTTP.
    BrokeOff,
    /// The provider closed a connection that had been idle as the request went out on it.
    Lapsed,
    /// The provider says that it has not begun with the request (RFC 9113 8.7).
    TurnedAway,
    /// The provider's headers did not come in time.
    FirstByteTimeout,
    /// The provider's first event is an error; it stands for an answer with that status.
    FirstEvent(StatusCode, ErrorObject),
    /// There is no such kept stream.
    StreamUnknown,
    /// What follows in a kept stream is no longer kept.
    StreamDropped,
    /// `Last-Event-ID` names no event of the stream.
    OtherEvent,
    /// The store of streams cannot be used now.
    StoreUnavailable,
    /// The relay is being stopped.
    ShuttingDown,
}

/// Seconds after which a client may come back to a relay that is being replaced.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

impl Failure {
    /// Status and error object. The pairs of type and code are `OpenAI`'s where it has one.
    pub(crate) fn parts(&self) -> (StatusCode, ErrorObject) {
        if let Self::FirstEvent(status, error) = self {
            return (*status, error.clone());
        }
        let (status, code) = self.code();
        let kind = match status {
            StatusCode::TOO_MANY_REQUESTS => "requests",
            _ if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        (status, ErrorObject::new(self.message(), kind, code))
    }

    /// Whether it is the request's own, of which the provider knows nothing.
    pub(crate) fn is_of_the_request(&self) -> bool {
        matches!(self, Self::BadPath | Self::BadBody | Self::BodyTimeout | Self::TooLarge)
    }

    fn code(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Unauthorized => (S::UNAUTHORIZED, "invalid_api_key"),
            Self::NotFound => (S::NOT_FOUND, "unknown_url"),
            Self::MethodNotAllowed(_) => (S::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::BadPath => (S::BAD_REQUEST, "invalid_url"),
            Self::BadHead => (S::BAD_REQUEST, "invalid_head"),
            Self::BadBody => (S::BAD_REQUEST, "invalid_body"),
            Self::BodyTimeout => (S::REQUEST_TIMEOUT, "request_timeout"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "request_too_large"),
            Self::Limited { .. } => (S::TOO_MANY_REQUESTS, "rate_limit_exceeded"),
            Self::LeftAlone { .. } => (S::SERVICE_UNAVAILABLE, "upstream_left_alone"),
            Self::Unreachable => (S::BAD_GATEWAY, "upstream_unreachable"),
            Self::ConnectTimeout => (S::GATEWAY_TIMEOUT, "upstream_connect_timeout"),
            Self::Untrusted => (S::BAD_GATEWAY, "upstream_tls_failed"),
            Self::BrokeOff | Self::Lapsed | Self::TurnedAway => (S::BAD_GATEWAY, "upstream_broken"),
            Self::FirstByteTimeout => (S::GATEWAY_TIMEOUT, "upstream_first_byte_timeout"),
            // Its own object says it.
            Self::FirstEvent(status, _) => (*status, "server_error"),
            Self::StreamUnknown => (S::NOT_FOUND, "stream_not_found"),
            Self::StreamDropped => (S::GONE, "stream_dropped"),
            Self::OtherEvent => (S::BAD_REQUEST, "invalid_last_event_id"),
            Self::StoreUnavailable => (S::SERVICE_UNAVAILABLE, "stream_store_unavailable"),
            Self::ShuttingDown => (S::SERVICE_UNAVAILABLE, "relay_shutdown"),
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::Unauthorized => "the key is missing or not known",
            Self::NotFound => "there is no such route",
            Self::MethodNotAllowed(_) => "the route does not take this method",
            Self::BadPath => "the path holds `.` or `..` segments",
            Self::BadHead => "a request needs one Host, and no transfer coding but chunked",
            Self::BadBody => "the request's body broke off",
            Self::BodyTimeout => "the request's body did not come in time",
            Self::TooLarge => "the request's body is larger than the relay takes",
            Self::Limited { .. } => "too many requests are under way, or came in too short a time",
            Self::LeftAlone { .. } => {
                "the provider has failed too often, and is left alone for a while"
            }
            Self::Unreachable => "the provider cannot be reached",
            Self::ConnectTimeout => "the provider could not be reached in time",
            Self::Untrusted => "the provider's certificate is not trusted, or it speaks no TLS",
            Self::BrokeOff | Self::Lapsed | Self::TurnedAway => {
                "the provider broke off before it answered"
            }
            Self::FirstByteTimeout => "the provider did not answer in time",
            Self::FirstEvent(..) => "the provider reported an error",
            Self::StreamUnknown => {
                "there is no such stream, or it was forgotten since it ended: ask anew"
            }
            Self::StreamDropped => "what follows that event is no longer kept: ask anew",
            Self::OtherEvent => {
                "Last-Event-ID names no event of this stream: leave it out to read from the start"
            }
            Self::StoreUnavailable => "the store of streams cannot be used now: try again",
            Self::ShuttingDown => "the relay is shutting down",
        }
    }

    /// What the client must know besides.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        if let Self::MethodNotAllowed(allow) = self {
            Some((header::ALLOW, HeaderValue::from_static(allow)))
        } else if let Self::Limited { retry_after } | Self::LeftAlone { retry_after } = self {
            Some((header::RETRY_AFTER, HeaderValue::from(*retry_after)))
        } else if *self == Self::ShuttingDown {
            Some((header::RETRY_AFTER, RETRY_AFTER))
        } else if *self == Self::Unauthorized {
            // RFC 9110 15.5.2: a 401 names the scheme.
            Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
        } else {
            None
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, error) = self.parts();
        let json = HeaderValue::from_static("application/json");
        let mut response = (status, [(header::CONTENT_TYPE, json)], error.nested()).into_response();
        response.headers_mut().extend(self.header());
        response
    }
}

/// `OpenAI`'s error object; all four keys are required.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ErrorObject {
    message: Cow<'static, str>,
    r#type: Cow<'static, str>,
    param: Option<String>,
    code: Option<Cow<'static, str>>,
}

impl ErrorObject {
    /// An error of the relay's own.
    pub(crate) const fn new(message: &'static str, kind: &'static str, code: &'static str) -> Self {
        Self {
            message: Cow::Borrowed(message),
            r#type: Cow::Borrowed(kind),
            param: None,
            code: Some(Cow::Borrowed(code)),
        }
    }

    /// The error object within an answer or an event, or the whole of it where it calls itself one
    /// (old vLLM, the Responses API); `None` where there is none, or a null.
    pub(crate) fn within(json: &Value) -> Option<Self> {
        let flat = || ["type", "object"].into_iter().any(|name| json[name] == "error");
        let nested = json.get("error").filter(|error| !error.is_null());
        nested.or_else(|| flat().then_some(json)).map(Self::of)
    }

    /// A provider's error object; what it lacks, or spells in another type, is made up for.
    pub(crate) fn of(error: &Value) -> Self {
        let text = |name: &str| match error.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let message = error.as_str().map(str::to_owned).or_else(|| text("message"));
        Self {
            message: message.map_or(Cow::Borrowed("the provider reported an error"), Cow::Owned),
            r#type: text("type").map_or(Cow::Borrowed("server_error"), Cow::Owned),
            param: text("param"),
            code: text("code").map(Cow::Owned),
        }
    }

    /// The status that the error has where it is an answer of its own: its code where that is one
    /// (as vLLM and `OpenRouter` write it), else by `OpenAI`'s pairs of type and code, else 502.
    pub(crate) fn status(&self) -> StatusCode {
        let code = self.code.as_deref().unwrap_or_default();
        let number = code.parse().ok().filter(|number| (400..600).contains(number));
        if let Some(status) = number.and_then(|number| StatusCode::from_u16(number).ok()) {
            return status;
        }
        match (code, &*self.r#type) {
            _ if self.is_permanent() => StatusCode::TOO_MANY_REQUESTS,
            ("rate_limit_exceeded" | "slow_down", _)
            | (_, "requests" | "tokens" | "rate_limit_error") => StatusCode::TOO_MANY_REQUESTS,
            ("server_is_overloaded", _) | (_, "overloaded_error" | "service_unavailable_error") => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ("invalid_api_key", _) | (_, "authentication_error") => StatusCode::UNAUTHORIZED,
            (_, "invalid_request_error") => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// Whether the same request fares no better a moment later, whatever its status says: a quota
    /// is used up.
    pub(crate) fn is_permanent(&self) -> bool {
        matches!(self.code.as_deref(), Some("insufficient_quota" | "credit_balance_exhausted"))
            || self.r#type == "insufficient_quota"
    }

    /// As bodies of answers and events of the chat family have it.
    pub(crate) fn nested(&self) -> String {
        #[derive(serde::Serialize)]
        struct Nested<'a> {
            error: &'a ErrorObject,
        }
        json(&Nested { error: self })
    }

    /// As events of the Responses API have it.
    pub(crate) fn flat(&self, sequence_number: u64) -> String {
        #[derive(serde::Serialize)]
        struct Flat<'a> {
            r#type: &'static str,
            code: Option<&'a str>,
            message: &'a str,
            param: Option<&'a str>,
            sequence_number: u64,
        }
        json(&Flat {
            r#type: "error",
            code: self.code.as_deref(),
            message: &self.message,
            param: self.param.as_deref(),
            sequence_number,
        })
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers always serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_object_has_the_four_keys() {
        assert_eq!(
            ErrorObject::new("a \"b\"", "server_error", "upstream_broken").nested(),
            r#"{"error":{"message":"a \"b\"","type":"server_error","param":null,"code":"upstream_broken"}}"#
        );
    }

    #[test]
    fn a_cap_says_when_to_come_back() {
        let response = Failure::Limited { retry_after: 7 }.into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}

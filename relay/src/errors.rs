//! The relay's own failures, in the error object that every client of the family reads.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
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
    /// The relay is being stopped.
    ShuttingDown,
}

/// Seconds after which a client may come back to a relay that is being replaced.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

impl Failure {
    /// Status and error object. The pairs of type and code are `OpenAI`'s where it has one.
    pub(crate) fn parts(&self) -> (StatusCode, ErrorObject) {
        use StatusCode as S;
        let invalid = "invalid_request_error";
        let server = "server_error";
        let (status, kind, code, message) = match self {
            Self::FirstEvent(status, error) => return (*status, error.clone()),
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
            Self::LeftAlone { .. } => {
                let message = "the provider has failed too often, and is left alone for a while";
                (S::SERVICE_UNAVAILABLE, server, "upstream_left_alone", message)
            }
            Self::Limited { .. } => {
                let message = "too many requests are under way, or came in too short a time";
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
            Self::Untrusted => {
                let message = "the provider's certificate is not trusted, or it speaks no TLS";
                (S::BAD_GATEWAY, server, "upstream_tls_failed", message)
            }
            Self::BrokeOff | Self::Lapsed | Self::TurnedAway => {
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
        };
        (status, ErrorObject::new(message, kind, code))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, error) = self.parts();
        let json = HeaderValue::from_static("application/json");
        let mut response = (status, [(header::CONTENT_TYPE, json)], error.nested()).into_response();
        let headers = response.headers_mut();
        match self {
            Self::MethodNotAllowed(allow) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allow));
            }
            Self::Limited { retry_after } | Self::LeftAlone { retry_after } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
            }
            Self::ShuttingDown => {
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
            | Self::Untrusted
            | Self::BrokeOff
            | Self::Lapsed
            | Self::TurnedAway
            | Self::FirstByteTimeout
            | Self::FirstEvent(..) => {}
        }
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

//! Error objects as the provider words them.

use serde::Serialize;

use crate::script::ErrorPreset;

#[derive(Serialize)]
struct Envelope<'a> {
    error: Object<'a>,
}

/// All four keys are required by the API's description; `param` and `code` may be null.
#[derive(Serialize)]
struct Object<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

/// An error object as JSON text.
pub(crate) fn object(message: &str, kind: &str, code: Option<&str>) -> String {
    let envelope = Envelope { error: Object { message, kind, param: None, code } };
    serde_json::to_string(&envelope).expect("strings always have a JSON form")
}

/// One of the provider's errors.
pub(crate) struct Preset {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) code: Option<&'static str>,
    pub(crate) message: &'static str,
}

/// Statuses, types and codes as `OpenAI` documents them and clients compare them; the messages are
/// our own.
pub(crate) fn preset(name: ErrorPreset) -> Preset {
    let (status, kind, code, message) = match name {
        ErrorPreset::InvalidRequest => {
            (400, "invalid_request_error", None, "The request is not valid.")
        }
        ErrorPreset::InvalidApiKey => {
            (401, "invalid_request_error", Some("invalid_api_key"), "The API key is not correct.")
        }
        ErrorPreset::ModelNotFound => {
            (404, "invalid_request_error", Some("model_not_found"), "The model does not exist.")
        }
        ErrorPreset::ContextLength
        | ErrorPreset::Region
        | ErrorPreset::Timeout
        | ErrorPreset::Conflict
        | ErrorPreset::TokenLimit
        | ErrorPreset::CreditExhausted
        | ErrorPreset::SlowDown
        | ErrorPreset::AzureRateLimit
        | ErrorPreset::AnthropicOverloaded => (500, "STUB", None, "STUB"),
        ErrorPreset::RateLimit => (
            429,
            "requests",
            Some("rate_limit_exceeded"),
            "The rate limit for requests is reached.",
        ),
        ErrorPreset::InsufficientQuota => (
            429,
            "insufficient_quota",
            Some("insufficient_quota"),
            "The quota of this account is used up.",
        ),
        ErrorPreset::ServerError => {
            (500, "server_error", None, "The server had an error while it processed the request.")
        }
        ErrorPreset::Overloaded => (
            503,
            "service_unavailable_error",
            Some("server_is_overloaded"),
            "The server is overloaded at present.",
        ),
    };
    Preset { status, kind, code, message }
}

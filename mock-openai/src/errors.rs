//! Error objects as providers word them.

use serde::Serialize;

use crate::script::{ErrorAnswer, ErrorPreset};

#[derive(Serialize)]
struct Envelope<T> {
    error: T,
}

/// All four keys are required by the API's description; `param` and `code` may be null.
#[derive(Serialize)]
struct Object<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<Code<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Code<'a> {
    Text(&'a str),
    Status(u16),
}

#[derive(Serialize)]
struct AzureObject<'a> {
    code: Code<'a>,
    message: &'a str,
}

#[derive(Serialize)]
struct AnthropicEnvelope<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicObject<'a>,
}

#[derive(Serialize)]
struct AnthropicObject<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
}

/// An error object as JSON text. It is the same for every path of the API: the flat form of the
/// Responses API is that of its `error` event alone.
pub(crate) fn object(message: &str, kind: &str, code: Option<&str>) -> String {
    json(&Envelope { error: Object { message, kind, param: None, code: code.map(Code::Text) } })
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers always have a JSON form")
}

/// Status and body of an `error` step; `message` is the script's own, if it has one.
pub(crate) fn answer(error: &ErrorAnswer, message: Option<&str>) -> (u16, String) {
    let Preset { status, kind, code, message: usual } = preset(error.preset);
    let status = error.status.unwrap_or(status);
    let message = message.unwrap_or(usual);
    let code = match code {
        _ if error.integer_code => Some(Code::Status(status)),
        code => code.map(Code::Text),
    };
    let body = match (error.preset, code) {
        (ErrorPreset::AnthropicOverloaded, _) => {
            let error = AnthropicObject { kind, message };
            json(&AnthropicEnvelope { kind: "error", error })
        }
        (ErrorPreset::AzureRateLimit, Some(code)) => {
            json(&Envelope { error: AzureObject { code, message } })
        }
        (_, code) => json(&Envelope { error: Object { message, kind, param: None, code } }),
    };
    (status, body)
}

/// One of the providers' errors.
pub(crate) struct Preset {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) code: Option<&'static str>,
    pub(crate) message: &'static str,
}

/// Statuses, types and codes as the providers document them and clients compare them; the messages
/// are our own.
pub(crate) fn preset(name: ErrorPreset) -> Preset {
    let (status, kind, code) = wire(name);
    Preset { status, kind, code, message: message(name) }
}

fn wire(name: ErrorPreset) -> (u16, &'static str, Option<&'static str>) {
    const INVALID: &str = "invalid_request_error";
    match name {
        ErrorPreset::InvalidRequest => (400, INVALID, None),
        ErrorPreset::ContextLength => (400, INVALID, Some("context_length_exceeded")),
        ErrorPreset::InvalidApiKey => (401, INVALID, Some("invalid_api_key")),
        ErrorPreset::Region => (403, INVALID, Some("unsupported_country_region_territory")),
        ErrorPreset::ModelNotFound => (404, INVALID, Some("model_not_found")),
        ErrorPreset::Timeout => (408, "timeout", None),
        ErrorPreset::Conflict => (409, "conflict", None),
        ErrorPreset::RateLimit => (429, "requests", Some("rate_limit_exceeded")),
        ErrorPreset::TokenLimit => (429, "tokens", Some("rate_limit_exceeded")),
        ErrorPreset::InsufficientQuota => (429, "insufficient_quota", Some("insufficient_quota")),
        ErrorPreset::CreditExhausted => {
            (429, "insufficient_quota", Some("credit_balance_exhausted"))
        }
        ErrorPreset::SlowDown => (429, "rate_limit_error", Some("slow_down")),
        ErrorPreset::AzureRateLimit => (429, "requests", Some("429")),
        ErrorPreset::ServerError => (500, "server_error", None),
        ErrorPreset::Overloaded => (503, "service_unavailable_error", Some("server_is_overloaded")),
        ErrorPreset::AnthropicOverloaded => (529, "overloaded_error", None),
    }
}

fn message(name: ErrorPreset) -> &'static str {
    match name {
        ErrorPreset::InvalidRequest => "The request is not valid.",
        ErrorPreset::ContextLength => "The prompt is longer than the context of the model.",
        ErrorPreset::InvalidApiKey => "The API key is not correct.",
        ErrorPreset::Region => "The API does not serve this country, region or territory.",
        ErrorPreset::ModelNotFound => "The model does not exist.",
        ErrorPreset::Timeout => "The request took too long.",
        ErrorPreset::Conflict => "The request conflicts with another.",
        ErrorPreset::RateLimit => "The rate limit for requests is reached.",
        ErrorPreset::TokenLimit => "The rate limit for tokens is reached.",
        ErrorPreset::InsufficientQuota => "The quota of this account is used up.",
        ErrorPreset::CreditExhausted => "The credit of this account is used up.",
        ErrorPreset::SlowDown => "The requests increased too fast: slow down.",
        ErrorPreset::AzureRateLimit => "The requests exceed the call rate limit of the deployment.",
        ErrorPreset::ServerError => "The server had an error while it processed the request.",
        ErrorPreset::Overloaded => "The server is overloaded at present.",
        ErrorPreset::AnthropicOverloaded => "Overloaded",
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;

    fn answer_of(preset: ErrorPreset, integer_code: bool) -> (u16, String) {
        let status = None;
        let (message, headers) = (None, IndexMap::new());
        answer(&ErrorAnswer { preset, status, message, integer_code, headers }, None)
    }

    #[test]
    fn each_error_has_the_status_type_and_code_that_clients_compare() {
        for (preset, status, kind, code) in [
            (ErrorPreset::InvalidRequest, 400, "invalid_request_error", "null"),
            (
                ErrorPreset::ContextLength,
                400,
                "invalid_request_error",
                "\"context_length_exceeded\"",
            ),
            (ErrorPreset::InvalidApiKey, 401, "invalid_request_error", "\"invalid_api_key\""),
            (
                ErrorPreset::Region,
                403,
                "invalid_request_error",
                "\"unsupported_country_region_territory\"",
            ),
            (ErrorPreset::ModelNotFound, 404, "invalid_request_error", "\"model_not_found\""),
            (ErrorPreset::Timeout, 408, "timeout", "null"),
            (ErrorPreset::Conflict, 409, "conflict", "null"),
            (ErrorPreset::RateLimit, 429, "requests", "\"rate_limit_exceeded\""),
            (ErrorPreset::TokenLimit, 429, "tokens", "\"rate_limit_exceeded\""),
            (ErrorPreset::InsufficientQuota, 429, "insufficient_quota", "\"insufficient_quota\""),
            (
                ErrorPreset::CreditExhausted,
                429,
                "insufficient_quota",
                "\"credit_balance_exhausted\"",
            ),
            (ErrorPreset::SlowDown, 429, "rate_limit_error", "\"slow_down\""),
            (ErrorPreset::ServerError, 500, "server_error", "null"),
            (ErrorPreset::Overloaded, 503, "service_unavailable_error", "\"server_is_overloaded\""),
        ] {
            let (got, body) = answer_of(preset, false);
            let end = format!("\"type\":\"{kind}\",\"param\":null,\"code\":{code}}}}}");
            assert_eq!(got, status, "{preset:?}");
            assert!(body.starts_with("{\"error\":{\"message\":\"The "), "{body}");
            assert!(body.ends_with(&end), "{preset:?}: {body}");
        }
    }

    #[test]
    fn a_code_can_be_the_status_as_a_number() {
        let (_, body) = answer_of(ErrorPreset::ServerError, true);
        assert!(
            body.ends_with("\"type\":\"server_error\",\"param\":null,\"code\":500}}"),
            "{body}"
        );
    }

    #[test]
    fn azure_and_anthropic_have_shapes_of_their_own() {
        assert_eq!(
            answer_of(ErrorPreset::AzureRateLimit, false).1,
            r#"{"error":{"code":"429","message":"The requests exceed the call rate limit of the deployment."}}"#
        );
        assert_eq!(
            answer_of(ErrorPreset::AnthropicOverloaded, false),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#
                    .into()
            )
        );
    }
}

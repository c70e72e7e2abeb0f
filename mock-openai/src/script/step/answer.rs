//! Whole answers that are errors.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::flags::is_false;
use crate::script::Headers;

/// An error object as the whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorAnswer {
    /// Which of the provider's errors: it gives status, `type`, `code` and a message.
    pub preset: ErrorPreset,
    /// Another status than the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Another message than the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether `code` is written as the status number, as vLLM and `OpenRouter` do; `false` where it
    /// is left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub integer_code: bool,
    /// Headers beside the usual ones, such as `retry-after: "2"` or `retry-after: "{now+2s}"`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: Headers,
}

/// The provider's errors by name, with their status, `type` and `code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorPreset {
    /// 400 `invalid_request_error`.
    InvalidRequest,
    /// 400 `invalid_request_error` / `context_length_exceeded`.
    ContextLength,
    /// 401 `invalid_request_error` / `invalid_api_key`.
    InvalidApiKey,
    /// 403 `invalid_request_error` / `unsupported_country_region_territory`.
    Region,
    /// 404 `invalid_request_error` / `model_not_found`.
    ModelNotFound,
    /// 408 `timeout`; `OpenAI` does not document it, SDKs try again after it.
    Timeout,
    /// 409 `conflict`; `OpenAI` does not document it, SDKs try again after it.
    Conflict,
    /// 429 `requests` / `rate_limit_exceeded`.
    RateLimit,
    /// 429 `tokens` / `rate_limit_exceeded`.
    TokenLimit,
    /// 429 `insufficient_quota` / `insufficient_quota`, which waiting does not cure.
    InsufficientQuota,
    /// 429 `insufficient_quota` / `credit_balance_exhausted`, which waiting does not cure.
    CreditExhausted,
    /// 429 `rate_limit_error` / `slow_down`.
    SlowDown,
    /// 429 of Azure: `code` is the text `429`, and beside it there is a message alone.
    AzureRateLimit,
    /// 500 `server_error`.
    ServerError,
    /// 503 `service_unavailable_error` / `server_is_overloaded`.
    Overloaded,
    /// 529 of Anthropic: `overloaded_error`.
    AnthropicOverloaded,
}

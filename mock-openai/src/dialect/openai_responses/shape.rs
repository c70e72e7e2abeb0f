//! The JSON objects of the Responses API.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Number;

use crate::{
    content::{Tokens, ToolCall, Whole},
    dialect::{Envelope, logprobs::Logprobs},
};

/// An event of any type: what its type does not have is left out.
#[derive(Serialize, Default)]
pub(super) struct Event<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Whole<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<Whole<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<Whole<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<Logprobs<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) obfuscation: Option<String>,
}

/// How far an answer is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete { reason: &'static str },
    Failed { code: &'static str, message: &'static str },
}

/// The whole answer. What the request may set and the mock has no use for stands at its default.
#[derive(Serialize)]
pub(super) struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: &'static str,
    background: bool,
    error: Option<Error>,
    incomplete_details: Option<Incomplete>,
    instructions: Null,
    max_output_tokens: Option<u64>,
    max_tool_calls: Null,
    model: &'a str,
    output: Vec<Item<'a>>,
    parallel_tool_calls: bool,
    previous_response_id: Null,
    prompt_cache_key: Null,
    reasoning: Reasoning,
    safety_identifier: Null,
    service_tier: &'static str,
    store: bool,
    temperature: Or1<'a>,
    text: TextSettings,
    tool_choice: &'static str,
    tools: [(); 0],
    top_logprobs: u64,
    top_p: Or1<'a>,
    truncation: &'static str,
    usage: Option<Usage>,
    user: Null,
    metadata: Empty,
}

type Null = Option<()>;

#[derive(Serialize)]
struct Error {
    code: &'static str,
    message: &'static str,
}

#[derive(Serialize)]
struct Incomplete {
    reason: &'static str,
}

#[derive(Serialize, Default)]
struct Reasoning {
    effort: Null,
    summary: Null,
}

#[derive(Serialize)]
struct TextSettings {
    format: Format,
}

#[derive(Serialize)]
struct Format {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Empty {}

/// A number of the request, or 1.0.
struct Or1<'a>(Option<&'a Number>);

impl Serialize for Or1<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(number) => number.serialize(serializer),
            None => serializer.serialize_f64(1.0),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Item<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Vec<Part<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<OrEmpty<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    OutputText { annotations: [(); 0], logprobs: Logprobs<'a>, text: OrEmpty<'a> },
    Refusal { refusal: OrEmpty<'a> },
}

/// All words, or an empty text before anything was said.
pub(super) struct OrEmpty<'a>(Option<Whole<'a>>);

impl Serialize for OrEmpty<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(whole) => whole.serialize(serializer),
            None => serializer.serialize_str(""),
        }
    }
}

#[derive(Serialize)]
struct Usage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct InputDetails {
    cache_write_tokens: u64,
    cached_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl<'a> Response<'a> {
    pub(super) fn new(
        envelope: &'a Envelope,
        status: Status,
        output: Vec<Item<'a>>,
        usage: Option<Tokens>,
    ) -> Self {
        let settings = &envelope.settings;
        let error = match status {
            Status::Failed { code, message } => Some(Error { code, message }),
            Status::InProgress | Status::Completed | Status::Incomplete { .. } => None,
        };
        let incomplete_details = match status {
            Status::Incomplete { reason } => Some(Incomplete { reason }),
            Status::InProgress | Status::Completed | Status::Failed { .. } => None,
        };
        Self {
            id: &envelope.id,
            object: "response",
            created_at: envelope.created,
            status: status.word(),
            background: false,
            error,
            incomplete_details,
            instructions: None,
            max_output_tokens: settings.max_output_tokens,
            max_tool_calls: None,
            model: &envelope.model,
            output,
            parallel_tool_calls: settings.parallel_tool_calls.unwrap_or(true),
            previous_response_id: None,
            prompt_cache_key: None,
            reasoning: Reasoning::default(),
            safety_identifier: None,
            service_tier: "default",
            store: settings.store.unwrap_or(true),
            temperature: Or1(settings.temperature.as_ref()),
            text: TextSettings { format: Format { kind: "text" } },
            tool_choice: "auto",
            tools: [],
            top_logprobs: 0,
            top_p: Or1(settings.top_p.as_ref()),
            truncation: "disabled",
            usage: usage.map(Usage::from),
            user: None,
            metadata: Empty {},
        }
    }

    pub(super) fn status(&self) -> &'static str {
        self.status
    }
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete { .. } => "incomplete",
            Self::Failed { .. } => "failed",
        }
    }
}

impl<'a> Item<'a> {
    pub(super) fn message(id: &'a str, status: &'static str, content: Vec<Part<'a>>) -> Self {
        let (content, role) = (Some(content), Some("assistant"));
        let (arguments, call_id, name) = (None, None, None);
        Self { id, kind: "message", status, content, role, arguments, call_id, name }
    }

    pub(super) fn call(
        id: &'a str,
        status: &'static str,
        call: &'a ToolCall,
        arguments: Option<Whole<'a>>,
    ) -> Self {
        Self {
            id,
            kind: "function_call",
            status,
            content: None,
            role: None,
            arguments: Some(OrEmpty(arguments)),
            call_id: Some(&call.id),
            name: Some(&call.name),
        }
    }
}

impl<'a> Part<'a> {
    pub(super) fn text(text: Option<Whole<'a>>, logprobs: Logprobs<'a>) -> Self {
        Self::OutputText { annotations: [], logprobs, text: OrEmpty(text) }
    }

    pub(super) fn refusal(refusal: Option<Whole<'a>>) -> Self {
        Self::Refusal { refusal: OrEmpty(refusal) }
    }
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        Self {
            input_tokens: tokens.prompt,
            input_tokens_details: InputDetails { cache_write_tokens: 0, cached_tokens: 0 },
            output_tokens: tokens.completion,
            output_tokens_details: OutputDetails { reasoning_tokens: 0 },
            total_tokens: tokens.total(),
        }
    }
}

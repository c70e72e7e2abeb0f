//! One event, exact bytes, a named oddity, or a recorded stream.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::flags::{is_false, is_true, yes};

/// One event, exact bytes, a named oddity, or a recorded stream.
///
/// The fields of an event (`event`, `id`, `data`, `retry`, `comment`), or one of `raw`, `hex`,
/// `base64`, `preset` and `file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// A comment line before the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The `event:` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The `id:` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The `retry:` field, as text: `"3000"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// One `data:` line for each line of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The text's bytes and nothing else; YAML's escapes in double quotes give CR (`\r`), NUL
    /// (`\0`) and a byte order mark (`\uFEFF`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// Exact bytes in hexadecimal; blanks may stand between them: `"64 61 74 61 3a ff"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// Exact bytes in base64 (RFC 4648 4, with padding).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// Bytes that a real provider is known to send, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<SendPreset>,
    /// A recorded stream: the path of a file, from the folder of the file that names it. Its bytes
    /// are sent frame by frame, at most 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Recording>,
    /// The line ends of an event or a preset; `lf` where it is left out.
    #[serde(default, skip_serializing_if = "Eol::is_lf")]
    pub eol: Eol,
    /// Whether a byte order mark stands before it; `false` where it is left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bom: bool,
    /// Whether an event or a preset ends with its blank line; `true` where it is left out.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub final_blank_line: bool,
}

impl Default for Send {
    /// Nothing, with the blank line that ends an event.
    fn default() -> Self {
        Self {
            comment: None,
            event: None,
            id: None,
            retry: None,
            data: None,
            raw: None,
            hex: None,
            base64: None,
            preset: None,
            file: None,
            eol: Eol::Lf,
            bom: false,
            final_blank_line: true,
        }
    }
}

/// A recorded stream: the path that the script names, and the bytes once they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Recording {
    /// From the folder of the file that names it.
    pub path: String,
    /// Its bytes; empty until the loader has read the file.
    pub bytes: Bytes,
}

impl From<String> for Recording {
    fn from(path: String) -> Self {
        Self { path, bytes: Bytes::new() }
    }
}

impl From<Recording> for String {
    fn from(recording: Recording) -> Self {
        recording.path
    }
}

/// The line ends of an event (HTML standard 9.2.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Eol {
    /// LF.
    #[default]
    Lf,
    /// CR LF.
    Crlf,
    /// CR.
    Cr,
    /// LF, CR LF and CR in turn, one line after the other, from LF on in each `send`. Where LF would
    /// only complete the CR before it, its turn is left out.
    Mixed,
}

impl Eol {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_lf(&self) -> bool {
        *self == Self::Lf
    }
}

/// What real providers are known to send in the middle of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SendPreset {
    /// An error object as an event, as `OpenAI` sends it.
    OpenaiError,
    /// An error object with an integer `code`, then `[DONE]`: vLLM, sglang, `LiteLLM`.
    VllmError,
    /// A flat error object (`"object": "error"`), then `[DONE]`: vLLM before 0.6.
    VllmFlatError,
    /// Azure's first chunk: no choices, empty id and model, `prompt_filter_results`.
    AzureFirstChunk,
    /// A chunk of Azure's asynchronous content filter: results and offsets, no delta.
    AzureFilterChunk,
    /// The comment `: OPENROUTER PROCESSING`.
    OpenrouterComment,
    /// `OpenRouter`'s error: a chunk with a top-level `error` and `finish_reason: "error"`.
    OpenrouterError,
    /// Anthropic's `message_start`.
    AnthropicMessageStart,
    /// Anthropic's `content_block_start` of a text block.
    AnthropicContentBlockStart,
    /// Anthropic's `ping`.
    AnthropicPing,
    /// Anthropic's `content_block_delta` with a piece of text.
    AnthropicContentBlockDelta,
    /// Anthropic's `content_block_stop`.
    AnthropicContentBlockStop,
    /// Anthropic's `message_delta` with the stop reason and the usage so far.
    AnthropicMessageDelta,
    /// Anthropic's `message_stop`.
    AnthropicMessageStop,
    /// Anthropic's `event: error` (`overloaded_error`).
    AnthropicError,
    /// llama.cpp's answer to bad input: an `error: {...}` field line inside a stream of status 200.
    LlamaCppError,
    /// A bare line of JSON with an error object, without `data:`.
    RawJsonError,
    /// The undocumented `keepalive` event of the Responses API.
    ResponsesKeepalive,
    /// The flat `error` event of the Responses API (`server_is_overloaded`).
    ResponsesError,
    /// The `response.failed` event of the Responses API.
    ResponsesFailed,
}

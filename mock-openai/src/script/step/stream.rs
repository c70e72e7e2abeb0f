//! A whole well-formed answer: what the model says, and in which dialect it is written down.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::{Pause, Stop, flags::is_false};
use crate::{
    quantity::Size,
    short_forms,
    yaml::short::{Form, Short},
};

/// A whole well-formed answer: opening chunk, deltas, finish chunk, usage where asked, terminator.
///
/// A request without `"stream": true` gets the same content as one JSON object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// How it is written down; where it is left out, as the request's path asks:
    /// `openai-responses` for `/v1/responses`, else `openai-chat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// The text; where it is left out (and no `tool_calls` or `refusal` is given), made-up words
    /// fill the chunks. Each carries its client's name and its own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A refusal in place of the text, streamed as text is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Tools that the model calls, after its text where there is one. Their arguments come in
    /// fragments of a few bytes; `chunks` and `chunk_size` are about text and refusals alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// How many content deltas a choice has; 10 where neither this nor `text` is given, one a word
    /// of `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u64>,
    /// Bytes of text in each delta (not of its JSON); a given `text` is cut between characters, so
    /// that its deltas have at most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_size: Option<Size>,
    /// Time between one frame and the next, fixed or drawn; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Pause>,
    /// Several answers to one request, their chunks interleaved by index: a number of them (`3`,
    /// each with the content given here, made-up words differ), or a list of their contents. One
    /// where it is left out. Responses know one answer a request: `dialect: openai-responses` refuses
    /// several, and where the path alone asks for it, each is an output item of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<Choices>,
    /// Whether each text delta carries its log probabilities, made up from the text; `false` where
    /// it is left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub logprobs: bool,
    /// Why the answer ends, as the wire has it: `stop`, `length`, `tool_calls`, `content_filter`,
    /// `function_call`, or any word that no client knows. `stop` where it is left out, `tool_calls`
    /// after a tool call. Of these Responses tell `length` and `content_filter`, as an answer that
    /// is `incomplete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<String>,
    /// Whether the usage is told, in words of the prompt and deltas of the answer; `auto` where it
    /// is left out.
    #[serde(default, skip_serializing_if = "Usage::is_auto")]
    pub usage: Usage,
    /// Whether every other chunk says `"usage": null`, as the API's description has it; the
    /// recordings of 2024 lack the key. `false` where it is left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub null_usage: bool,
    /// Whether deltas carry random padding under `obfuscation`, 1 to 16 letters up to a multiple of
    /// 16 bytes, unless the request says `stream_options.include_obfuscation: false`. `false` where
    /// it is left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub obfuscation: bool,
    /// Ends the stream early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}

/// How a provider writes an answer down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Chat completions: `chat.completion.chunk` objects, then `data: [DONE]`.
    OpenaiChat,
    /// Responses: named events with sequence numbers, no `[DONE]`.
    OpenaiResponses,
}

/// What the several answers of a request say.
#[derive(Debug, Clone, PartialEq)]
pub enum Choices {
    /// So many, each with the content of the step.
    Count(u64),
    /// These.
    Given(Vec<Choice>),
}

/// The content of one answer of several; what it leaves out is as the step says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A refusal in place of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Tools that it calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<String>,
}

/// A call of a tool by the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The function's name; the first tool of the request where it is left out, `tool` where the
    /// request has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its arguments: the exact text, valid JSON or not. It is streamed in fragments of a few bytes
    /// that are cut anywhere. Where it is left out, an object with each required parameter of the
    /// request's tool, made up by its JSON Schema: by its type, `{}` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// The call's id; drawn (`call_...`) where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The call's `index` on the wire; its place in the list where it is left out. Two calls may
    /// collide, as some providers' do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
}

/// Whether a stream carries the usage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// Where the request asks by `stream_options.include_usage` (Responses, and answers that are no
    /// stream, always tell it).
    #[default]
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

impl Usage {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

impl From<Vec<Choice>> for Choices {
    fn from(choices: Vec<Choice>) -> Self {
        Self::Given(choices)
    }
}

impl Short for Choices {
    type Long = Vec<Choice>;
    const FORM: Form = Form::List;
    const NAME: &'static str = "Choices";
    const WANTED: &'static str = "a number of choices, such as `3`, or a list of their contents";

    fn number(number: u64) -> Option<Self> {
        Some(Self::Count(number))
    }

    fn short_schema(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({ "type": "integer", "minimum": 1 })]
    }
}

impl Serialize for Choices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => count.serialize(serializer),
            Self::Given(choices) => choices.serialize(serializer),
        }
    }
}

short_forms!(Choices);

//! What stands on an answer beside its content.

use serde_json::{Number, Value};

use super::Padding;

/// Ids, times and switches of one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `chatcmpl-...` or `resp_...`.
    pub id: String,
    /// Ids of the output items in order, where the dialect has items.
    pub items: Vec<String>,
    /// Unix time in seconds at which the answer was begun.
    pub created: u64,
    /// The model that answers.
    pub model: String,
    /// `fp_...`: the deployment that answers.
    pub fingerprint: String,
    /// Whether a stream of chat completions tells the usage in a chunk of its own.
    pub usage_chunk: bool,
    /// Whether every other chunk says `"usage": null`.
    pub null_usage: bool,
    /// Random padding of deltas, where there is any.
    pub obfuscation: Option<Padding>,
    /// The `sequence_number` of the first event.
    pub first_sequence_number: u64,
    /// What an answer of the Responses API repeats of its request.
    pub settings: Settings,
}

/// What an answer of the Responses API repeats of its request: switches and numbers. Instructions,
/// tools and metadata are not repeated, so that how large an answer is depends on the script alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The limit of tokens.
    pub max_output_tokens: Option<u64>,
    /// Whether several tools may be called at once; true where it is left out.
    pub parallel_tool_calls: Option<bool>,
    /// Whether the answer is kept; true where it is left out.
    pub store: Option<bool>,
    /// Sampling temperature; 1 where it is left out.
    pub temperature: Option<Number>,
    /// Nucleus sampling; 1 where it is left out.
    pub top_p: Option<Number>,
}

impl Settings {
    /// What a request's body says of them.
    pub fn of(body: Option<&Value>) -> Self {
        let get = |key: &str| body.and_then(|body| body.get(key));
        let number = |key: &str| get(key).and_then(Value::as_number).cloned();
        Self {
            max_output_tokens: get("max_output_tokens").and_then(Value::as_u64),
            parallel_tool_calls: get("parallel_tool_calls").and_then(Value::as_bool),
            store: get("store").and_then(Value::as_bool),
            temperature: number("temperature"),
            top_p: number("top_p"),
        }
    }
}

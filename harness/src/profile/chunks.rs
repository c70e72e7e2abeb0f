//! What an application has gathered of an answer when it is over.

use serde_json::Value;

/// What an application saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The text of the first choice.
    pub text: String,
    /// Its refusal, where the SDK tells it apart from text.
    pub refusal: String,
    /// The arguments of its tool calls, joined.
    pub tool_arguments: String,
    /// Why the model stopped, in the SDK's word.
    pub finish: Option<String>,
    /// How it ended for the application.
    pub end: End,
}

/// How an answer ended for an application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum End {
    /// The loop over the chunks is over, without an error.
    #[default]
    Over,
    /// An error was raised, returned or handed over.
    Failed(Problem),
    /// It still waits, until its time-out.
    Waits,
}

/// An error as the application gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its class or name.
    pub kind: String,
    /// The provider's own words, where the SDK hands them on by themselves.
    pub message: Option<String>,
}

impl Seen {
    /// In one word: `whole`, `silent truncation`, `empty`, `error` or `stall`.
    pub fn outcome(&self) -> &'static str {
        let nothing =
            self.text.is_empty() && self.refusal.is_empty() && self.tool_arguments.is_empty();
        match &self.end {
            End::Failed(_) => "error",
            End::Waits => "stall",
            End::Over if self.finish.is_some() => "whole",
            End::Over if nothing => "empty",
            End::Over => "silent truncation",
        }
    }

    pub(super) fn fails(mut self, kind: &str, message: Option<&str>) -> Self {
        let problem = Problem { kind: kind.to_owned(), message: message.map(str::to_owned) };
        self.end = End::Failed(problem);
        self
    }

    pub(super) fn waits(self) -> Self {
        Self { end: End::Waits, ..self }
    }

    /// Takes a chunk as the usual loop does.
    pub(super) fn take(&mut self, chunk: &Value) {
        let choice = &chunk["choices"][0];
        let delta = &choice["delta"];
        self.text.push_str(delta["content"].as_str().unwrap_or_default());
        self.refusal.push_str(delta["refusal"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let arguments = call["function"]["arguments"].as_str();
            self.tool_arguments.push_str(arguments.unwrap_or_default());
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.finish = Some(finish.to_owned());
        }
    }
}

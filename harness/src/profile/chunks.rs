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
    /// Text and refusal as they came: some SDKs take one for the other.
    pub(super) words: String,
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

impl Problem {
    /// In one line.
    pub fn text(&self) -> String {
        match &self.message {
            Some(message) => format!("{}: {message}", self.kind),
            None => self.kind.clone(),
        }
    }
}

/// What a model says: in words, and to tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text {
    words: String,
    tool_arguments: String,
}

impl Text {
    /// Whether nothing but an end is missing from another.
    pub(super) fn starts_with(&self, other: &Self) -> bool {
        self.words.starts_with(&other.words)
            && self.tool_arguments.starts_with(&other.tool_arguments)
    }

    /// Whether another is this with parts left out.
    pub(super) fn holds(&self, other: &Self) -> bool {
        let holds = |all: &str, part: &str| {
            let mut all = all.chars();
            part.chars().all(|wanted| all.any(|char| char == wanted))
        };
        holds(&self.words, &other.words) && holds(&self.tool_arguments, &other.tool_arguments)
    }
}

impl Seen {
    /// All that it shows of what the model said.
    pub(super) fn said(&self) -> Text {
        Text { words: self.words.clone(), tool_arguments: self.tool_arguments.clone() }
    }

    /// Nothing came but an error.
    pub fn failed(kind: &str) -> Self {
        Self::default().fails(kind, None)
    }

    /// The same, after its patience has ended.
    #[must_use]
    pub fn times_out(self) -> Self {
        self.fails("time-out", None)
    }

    /// What it shows: text and refusal in order, and the arguments of tools.
    pub fn told(&self) -> (&str, &str) {
        (&self.words, &self.tool_arguments)
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
        for (key, told) in [("content", &mut self.text), ("refusal", &mut self.refusal)] {
            let words = delta[key].as_str().unwrap_or_default();
            told.push_str(words);
            self.words.push_str(words);
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let arguments = call["function"]["arguments"].as_str();
            self.tool_arguments.push_str(arguments.unwrap_or_default());
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.finish = Some(finish.to_owned());
        }
    }
}

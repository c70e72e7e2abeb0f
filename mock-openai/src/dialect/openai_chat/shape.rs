//! The JSON objects of chat completions, their keys in the order of the recordings.

use std::borrow::Cow;

use serde::Serialize;

use super::turns::Moment;
use crate::{
    content::{self, Choice, Completion, Part, Speech, Tokens},
    dialect::{Envelope, logprobs::Logprobs},
};

#[derive(Serialize)]
pub(super) struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'a str,
    choices: &'a [ChunkChoice<'a>],
    #[serde(skip_serializing_if = "Key::is_left_out")]
    usage: Key<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    obfuscation: Option<&'a str>,
}

/// What stands under a key that may be missing, which is not the same as null.
#[derive(Serialize, Default)]
#[serde(untagged)]
pub(super) enum Key<T> {
    #[default]
    LeftOut,
    Null,
    Is(T),
}

#[derive(Serialize)]
pub(super) struct ChunkChoice<'a> {
    index: usize,
    pub(super) delta: Delta<'a>,
    /// Always present, and null where none were asked for.
    logprobs: Option<ChoiceLogprobs<'a>>,
    finish_reason: Option<&'a str>,
}

#[derive(Serialize, Default)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Key::is_left_out")]
    content: Key<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
    #[serde(skip_serializing_if = "Key::is_left_out")]
    refusal: Key<Cow<'a, str>>,
}

#[derive(Serialize)]
struct CallDelta<'a> {
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionDelta<'a>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: Cow<'a, str>,
}

/// One of them is null: that of which the choice has none.
#[derive(Serialize)]
struct ChoiceLogprobs<'a> {
    content: Option<Logprobs<'a>>,
    refusal: Option<Logprobs<'a>>,
}

#[derive(Serialize)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    completion_tokens_details: Details,
}

#[derive(Serialize)]
struct Details {
    reasoning_tokens: u64,
}

#[derive(Serialize)]
pub(super) struct Whole<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<WholeChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    system_fingerprint: &'a str,
}

#[derive(Serialize)]
struct WholeChoice<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Option<ChoiceLogprobs<'a>>,
    finish_reason: &'a str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<content::Whole<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    refusal: Option<content::Whole<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: content::Whole<'a>,
}

impl<T> Key<T> {
    fn is_left_out(&self) -> bool {
        matches!(self, Self::LeftOut)
    }

    fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::LeftOut | Self::Null => None,
        }
    }
}

impl<'a> Chunk<'a> {
    pub(super) fn new(
        envelope: &'a Envelope,
        choices: &'a [ChunkChoice<'a>],
        usage: Key<Usage>,
        obfuscation: Option<&'a str>,
    ) -> Self {
        Self {
            id: &envelope.id,
            object: "chat.completion.chunk",
            created: envelope.created,
            model: &envelope.model,
            system_fingerprint: &envelope.fingerprint,
            choices,
            usage,
            obfuscation,
        }
    }
}

impl<'a> ChunkChoice<'a> {
    pub(super) fn new(index: usize, choice: &'a Choice, moment: Moment<'a>) -> Self {
        let logprobs = match moment {
            Moment::Opens(_) => Some(Logprobs::none(choice)),
            Moment::Says(Part::Piece(piece)) => Some(Logprobs::one(choice, piece)),
            Moment::Says(Part::Call(_) | Part::Fragment(..)) | Moment::Ends => None,
        };
        Self {
            index,
            delta: Delta::new(choice, moment),
            logprobs: logprobs.and_then(|logprobs| ChoiceLogprobs::new(choice, logprobs)),
            finish_reason: (moment == Moment::Ends).then_some(&choice.finish),
        }
    }
}

impl<'a> Delta<'a> {
    fn new(choice: &'a Choice, moment: Moment<'a>) -> Self {
        match moment {
            Moment::Opens(first) => Self::opening(&choice.speech, first),
            Moment::Says(part) => Self::of(&choice.speech, part),
            Moment::Ends => Self::default(),
        }
    }

    /// What a choice does not say is null from its first chunk on.
    fn opening(speech: &'a Speech, first: Option<Part<'a>>) -> Self {
        let (content, refusal) = match speech {
            Speech::Silent => (Key::Null, Key::Null),
            Speech::Text(_) => (Key::Is("".into()), Key::Null),
            Speech::Refusal(_) => (Key::Null, Key::Is("".into())),
        };
        let tool_calls = first.and_then(|part| Self::of(speech, part).tool_calls);
        let role = Some("assistant");
        Self { role, content, tool_calls, refusal }
    }

    fn of(speech: &'a Speech, part: Part<'a>) -> Self {
        match (part, speech) {
            (Part::Piece(index), Speech::Text(text)) => {
                Self { content: Key::Is(text.piece(index)), ..Self::default() }
            }
            (Part::Piece(index), Speech::Refusal(text)) => {
                Self { refusal: Key::Is(text.piece(index)), ..Self::default() }
            }
            (Part::Piece(_), Speech::Silent) => Self::default(),
            (Part::Call(call), _) => Self::of_call(CallDelta {
                index: call.index,
                id: Some(&call.id),
                kind: Some("function"),
                function: FunctionDelta { name: Some(&call.name), arguments: "".into() },
            }),
            (Part::Fragment(call, index), _) => Self::of_call(CallDelta {
                index: call.index,
                id: None,
                kind: None,
                function: FunctionDelta { name: None, arguments: call.arguments.piece(index) },
            }),
        }
    }

    fn of_call(call: CallDelta<'a>) -> Self {
        Self { tool_calls: Some([call]), ..Self::default() }
    }

    /// Bytes of what the model says in it.
    pub(super) fn bytes(&self) -> usize {
        let words = self.content.value().into_iter().chain(self.refusal.value());
        let calls = self.tool_calls.iter().flatten().map(|call| &call.function.arguments);
        words.chain(calls).map(|said| said.len()).sum()
    }
}

impl<'a> ChoiceLogprobs<'a> {
    fn new(choice: &Choice, logprobs: Logprobs<'a>) -> Option<Self> {
        choice.logprobs.as_ref()?;
        match choice.speech {
            Speech::Silent => None,
            Speech::Text(_) => Some(Self { content: Some(logprobs), refusal: None }),
            Speech::Refusal(_) => Some(Self { content: None, refusal: Some(logprobs) }),
        }
    }
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        Self {
            prompt_tokens: tokens.prompt,
            completion_tokens: tokens.completion,
            total_tokens: tokens.total(),
            completion_tokens_details: Details { reasoning_tokens: 0 },
        }
    }
}

impl<'a> Whole<'a> {
    pub(super) fn new(envelope: &'a Envelope, completion: &'a Completion) -> Self {
        Self {
            id: &envelope.id,
            object: "chat.completion",
            created: envelope.created,
            model: &envelope.model,
            choices: completion.choices.iter().enumerate().map(WholeChoice::new).collect(),
            usage: completion.usage.map(Usage::from),
            system_fingerprint: &envelope.fingerprint,
        }
    }
}

impl<'a> WholeChoice<'a> {
    fn new((index, choice): (usize, &'a Choice)) -> Self {
        let (content, refusal) = match &choice.speech {
            Speech::Silent => (None, None),
            Speech::Text(text) => (Some(text.whole()), None),
            Speech::Refusal(text) => (None, Some(text.whole())),
        };
        let call = |call: &'a content::ToolCall| Call {
            id: &call.id,
            kind: "function",
            function: Function { name: &call.name, arguments: call.arguments.whole() },
        };
        let tool_calls = choice.calls.iter().map(call).collect();
        Self {
            index,
            message: Message { role: "assistant", content, tool_calls, refusal },
            logprobs: ChoiceLogprobs::new(choice, Logprobs::all(choice)),
            finish_reason: &choice.finish,
        }
    }
}

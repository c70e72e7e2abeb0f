//! What the model says in a stream at most, and what each dialect makes of it.

use super::{ESCAPED_BYTES_MAX, Extent, FRAME_BYTES_MAX, filled};
use crate::script::{Choice, Choices, Stream, ToolCall, Usage};

/// No frame that holds a response object of the Responses API has so many bytes beside what the
/// model says in it (some 900).
const RESPONSE_BYTES_MAX: u64 = 2048;

/// Log probabilities repeat a byte of text escaped, and as a number with a comma.
const LOGPROB_BYTES_MAX: u64 = ESCAPED_BYTES_MAX + 4;

/// What they have for each piece beside that.
const LOGPROB_FRAME_BYTES_MAX: u64 = 512;

/// What the choices of a stream say together; `None` where the request's tools decide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    choices: u64,
    /// Deltas of text and fragments of arguments.
    deltas: Option<u64>,
    calls: u64,
    /// Bytes of both, and of names and ids, as JSON.
    bytes: Option<u64>,
    /// The same of log probabilities.
    logprobs: u64,
}

impl Content {
    pub(super) fn of(stream: &Stream) -> Self {
        let blank = Choice::default();
        match &stream.choices {
            None => Self::of_choice(stream, &blank),
            Some(Choices::Count(count)) => Self::of_choice(stream, &blank).times(*count),
            Some(Choices::Given(given)) => {
                let none =
                    Self { choices: 0, deltas: Some(0), calls: 0, bytes: Some(0), logprobs: 0 };
                given.iter().fold(none, |sum, own| sum.and(Self::of_choice(stream, own)))
            }
        }
    }

    fn of_choice(stream: &Stream, own: &Choice) -> Self {
        let (text, refusal) = if own.text.is_some() || own.refusal.is_some() {
            (&own.text, &own.refusal)
        } else {
            (&stream.text, &stream.refusal)
        };
        let calls = if own.tool_calls.is_empty() { &stream.tool_calls } else { &own.tool_calls };
        let words = refusal.as_ref().or(text.as_ref());
        let (deltas, bytes) = match words {
            Some(text) => given(stream, text),
            None if calls.is_empty() => made_up(stream),
            None => (0, 0),
        };
        let logprobs = if stream.logprobs {
            let frames = deltas.saturating_mul(LOGPROB_FRAME_BYTES_MAX);
            frames.saturating_add(bytes.saturating_mul(LOGPROB_BYTES_MAX))
        } else {
            0
        };
        let finish = own.finish.as_ref().or(stream.finish.as_ref()).map_or(0, |word| filled(word));
        // Nothing that is made up needs an escape.
        let escaped = if words.is_some() { ESCAPED_BYTES_MAX } else { 1 };
        let finish = finish.saturating_mul(ESCAPED_BYTES_MAX);
        let bytes = bytes.saturating_mul(escaped).saturating_add(finish);
        let words =
            Self { choices: 1, deltas: Some(deltas), calls: 0, bytes: Some(bytes), logprobs };
        calls.iter().fold(words, |sum, call| sum.and(Self::of_call(call)))
    }

    /// Name and arguments that the request decides can be as long as the request.
    fn of_call(call: &ToolCall) -> Self {
        let arguments = call.arguments.as_deref().map(filled);
        let id = call.id.as_deref().map_or(64, filled);
        let name = call.name.as_deref().map(filled);
        let bytes = arguments.zip(name).map(|(arguments, name)| {
            arguments.saturating_add(name).saturating_add(id).saturating_mul(ESCAPED_BYTES_MAX)
        });
        Self { choices: 0, deltas: arguments, calls: 1, bytes, logprobs: 0 }
    }

    fn and(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
        Self {
            choices: self.choices.saturating_add(other.choices),
            deltas: sum(self.deltas, other.deltas),
            calls: self.calls.saturating_add(other.calls),
            bytes: sum(self.bytes, other.bytes),
            logprobs: self.logprobs.saturating_add(other.logprobs),
        }
    }

    fn times(self, times: u64) -> Self {
        Self {
            choices: self.choices.saturating_mul(times),
            deltas: self.deltas.map(|deltas| deltas.saturating_mul(times)),
            calls: self.calls.saturating_mul(times),
            bytes: self.bytes.map(|bytes| bytes.saturating_mul(times)),
            logprobs: self.logprobs.saturating_mul(times),
        }
    }

    /// Each choice has an opening and a finish, each call an opening; then usage and terminator.
    pub(super) fn in_chat(self, stream: &Stream) -> Extent {
        let choices = self.choices.saturating_mul(2);
        let around = if stream.usage == Usage::Never { 1 } else { 2 };
        let around = choices.saturating_add(self.calls).saturating_add(around);
        let frames = self.deltas.map(|deltas| deltas.saturating_add(around));
        let content = self.bytes.map(|bytes| bytes.saturating_add(self.logprobs));
        let bytes = frames.zip(content).map(|(frames, content)| {
            frames.saturating_mul(FRAME_BYTES_MAX).saturating_add(content)
        });
        Extent { frames, bytes }
    }

    /// Three events hold the answer. A message has five events beside its deltas, a call three; all
    /// that is said comes five times: piece by piece, and in four events whole.
    pub(super) fn in_responses(self) -> Extent {
        let messages = self.choices.saturating_mul(5);
        let around = messages.saturating_add(self.calls.saturating_mul(3)).saturating_add(3);
        let frames = self.deltas.map(|deltas| deltas.saturating_add(around));
        // A client's name in made-up pieces comes five times too: the room that a frame has beside
        // what is said in it is far more than that.
        let content = self.bytes.map(|bytes| bytes.saturating_add(self.logprobs).saturating_mul(5));
        let bytes = frames.zip(content).map(|(frames, content)| {
            let answers = RESPONSE_BYTES_MAX.saturating_mul(3);
            // The last event tells each item again.
            let items = self.choices.saturating_add(self.calls).saturating_mul(FRAME_BYTES_MAX);
            let frames = frames.saturating_mul(FRAME_BYTES_MAX);
            frames.saturating_add(answers).saturating_add(items).saturating_add(content)
        });
        Extent { frames, bytes }
    }
}

/// Deltas and bytes of a given text.
fn given(stream: &Stream, text: &str) -> (u64, u64) {
    let bytes = filled(text);
    let deltas = match (stream.chunk_size, stream.chunks) {
        (Some(_), _) => bytes,
        (None, Some(chunks)) => chunks,
        (None, None) => words(text),
    };
    (deltas, bytes)
}

/// Deltas and bytes of made-up text. A word stands between blanks behind its number; the client's
/// name before it is counted with its frame.
fn made_up(stream: &Stream) -> (u64, u64) {
    let deltas = stream.chunks.unwrap_or(10);
    (deltas, deltas.saturating_mul(stream.chunk_size.map_or(32, |size| size.0)))
}

/// Words, counted as generously as they can be: by the gaps between them.
fn words(text: &str) -> u64 {
    let gaps = text.chars().filter(|c| c.is_whitespace()).count();
    u64::try_from(gaps).unwrap_or(u64::MAX).saturating_add(1)
}

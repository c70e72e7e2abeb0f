//! What tells the families of streams apart: how their events end a stream, and what the relay's
//! own events look like.

use bytes::Bytes;
use serde_json::Value;

use super::line::Line;
use crate::errors::ErrorObject;

/// How a body must be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Events of the chat-completions family: ends with `[DONE]`, tells errors as
    /// `data: {"error": ...}`, or as one of the many providers that speak it does.
    Chat,
    /// Events of the Responses API: each has a type and a number, there is no `[DONE]`, and the
    /// last one is `response.completed`, `.incomplete`, `.failed` or `error`.
    Responses,
    /// Anything else: bytes, into which nothing may be put.
    Opaque,
}

/// What an event says of the stream that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Word {
    /// Nothing of its end.
    #[default]
    More,
    /// It ends here, and well.
    End,
    /// The provider failed, and says so.
    Error,
}

/// What is sent after a silence where only a comment will do, and the blank line that ends it.
const COMMENT: &[u8] = b": heartbeat\n\n";

/// The same where events bear ids: openai-python fails on a blank line that no data precedes once
/// it knows an id (measured, 3.54 and 1.109), and a comment needs none (HTML 9.2.5).
const COMMENT_ALONE: &[u8] = b": heartbeat\n";

/// A chunk that says nothing, as Azure opens its streams: clients skip what has no choices.
const EMPTY_CHUNK: &[u8] =
    b"data: {\"id\":\"\",\"object\":\"chat.completion.chunk\",\"created\":0,\
    \"model\":\"\",\"choices\":[]}\n\n";

impl Family {
    /// The error of which an event's data tell.
    pub(crate) fn error_in(self, data: &Value) -> Option<ErrorObject> {
        match self {
            Self::Chat => ErrorObject::within(data),
            Self::Responses => match data.get("type").and_then(Value::as_str) {
                Some("error") => Some(ErrorObject::of(data)),
                Some("response.failed") => Some(ErrorObject::of(&data["response"]["error"])),
                _ => None,
            },
            Self::Opaque => None,
        }
    }

    /// What a data line says, as far as it can be told from the line alone.
    pub(super) fn data_word(self, line: &Line) -> Word {
        match self {
            Self::Chat if line.is_done() => Word::End,
            Self::Chat if line.is_error() => Word::Error,
            Self::Responses => line.data_type().map_or(Word::More, responses_word),
            Self::Chat | Self::Opaque => Word::More,
        }
    }

    /// What an event's name says; `None` where names say nothing, and what was said before stands.
    pub(super) fn name_word(self, name: &[u8]) -> Option<Word> {
        match self {
            Self::Responses => Some(responses_word(name)),
            Self::Chat if name == b"error" => Some(Word::Error),
            Self::Chat | Self::Opaque => None,
        }
    }

    /// Whether `[DONE]` counts only where it is all that an event says.
    pub(super) fn ends_by_a_lone_line(self) -> bool {
        self == Self::Chat
    }

    /// The event that tells of an error. `sequence` is the number that it bears, if events do.
    pub(super) fn error_event(self, error: &ErrorObject, sequence: u64) -> String {
        match self {
            Self::Responses => {
                format!("event: error\ndata: {}\n\n", error.flat(sequence))
            }
            Self::Chat | Self::Opaque => format!("data: {}\n\n", error.nested()),
        }
    }

    /// What a reader is told of a stream whose writer is lost. Its number is made up: what the
    /// lost one would have been, nobody knows.
    pub(crate) fn farewell(self) -> Bytes {
        const LOST: ErrorObject = ErrorObject::new(
            "the relay that read this stream from the provider is gone",
            "server_error",
            "stream_lost",
        );
        Bytes::from(self.error_event(&LOST, 0))
    }

    /// A heartbeat as a comment.
    pub(super) fn comment(has_ids: bool) -> Bytes {
        Bytes::from_static(if has_ids { COMMENT_ALONE } else { COMMENT })
    }

    /// A heartbeat as an event that says nothing. `sequence` is that of the last event: `OpenAI`'s own
    /// `keepalive` has a number, and strict clients fail without one.
    pub(super) fn empty_event(self, sequence: u64) -> Bytes {
        match self {
            Self::Chat | Self::Opaque => Bytes::from_static(EMPTY_CHUNK),
            Self::Responses => Bytes::from(format!(
                "event: keepalive\ndata: {{\"type\":\"keepalive\",\"sequence_number\":{sequence}}}\n\n"
            )),
        }
    }
}

fn responses_word(name: &[u8]) -> Word {
    match name {
        // Cut short by a bound of the request's own: an answer all the same.
        b"response.completed" | b"response.incomplete" => Word::End,
        b"response.failed" | b"error" => Word::Error,
        _ => Word::More,
    }
}

//! Chat completions as `OpenAI` streams them, byte for byte as recorded in September 2024.

mod shape;
mod turns;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::{
    shape::{Chunk, ChunkChoice, Key, Usage},
    turns::Turns,
};
use super::{Dialect, Envelope, Frames, frame};
use crate::{content::Completion, identity::Identity};

/// What ends a stream.
pub const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiChat;

impl Dialect for OpenaiChat {
    fn ids(&self, identity: &Identity, _: &Completion) -> (String, Vec<String>) {
        (identity.completion_id(), Vec::new())
    }

    /// One choice a chunk, then the usage where it is told, then [`DONE`].
    fn frames<'a>(&self, envelope: &'a Envelope, completion: &'a Completion) -> Frames<'a> {
        let chunks = Turns::new(completion).zip(0..).map(|((at, moment), index)| {
            let choice = ChunkChoice::new(at, &completion.choices[at], moment);
            let obfuscation = envelope
                .obfuscation
                .as_ref()
                .map(|padding| padding.for_delta(index, choice.delta.bytes()));
            let usage = if envelope.null_usage { Key::Null } else { Key::LeftOut };
            let choices = std::slice::from_ref(&choice);
            frame::data(&Chunk::new(envelope, choices, usage, obfuscation.as_deref()))
        });
        let usage = completion.usage.filter(|_| envelope.usage_chunk).map(|tokens| {
            frame::data(&Chunk::new(envelope, &[], Key::Is(Usage::from(tokens)), None))
        });
        Box::new(chunks.chain(usage).chain(std::iter::once(DONE)))
    }

    fn terminator(&self) -> Option<Bytes> {
        Some(DONE)
    }

    fn whole(&self, envelope: &Envelope, completion: &Completion) -> String {
        let whole = shape::Whole::new(envelope, completion);
        serde_json::to_string(&whole).expect("strings and numbers always have a JSON form")
    }
}

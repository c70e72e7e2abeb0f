//! How providers write an answer down: one file a dialect, behind one seam.

mod envelope;
mod frame;
mod logprobs;
mod padding;

pub mod openai_chat;
pub mod openai_responses;

use bytes::Bytes;

pub use envelope::{Envelope, Settings};
pub use padding::Padding;

use crate::{content::Completion, identity::Identity, script};

/// Bytes of a model's name in an answer, as JSON.
pub(crate) const MODEL_BYTES_MAX: usize = 128;

/// The frames of a stream in order, made one by one.
pub type Frames<'a> = Box<dyn Iterator<Item = Bytes> + Send + 'a>;

/// One way to write answers down.
pub trait Dialect: Sync {
    /// The ids of an answer: its own, and those of its output items where they have any.
    fn ids(&self, identity: &Identity, completion: &Completion) -> (String, Vec<String>);

    /// All frames of a stream. The last of them is what says that the answer is complete.
    fn frames<'a>(&self, envelope: &'a Envelope, completion: &'a Completion) -> Frames<'a>;

    /// What says that a stream is over when it is broken off between two frames, where the dialect
    /// has something that does not depend on the answer.
    fn terminator(&self) -> Option<Bytes>;

    /// The same answer as one JSON text, for a request that wants no stream.
    fn whole(&self, envelope: &Envelope, completion: &Completion) -> String;
}

/// The dialect of that name.
pub fn named(dialect: script::Dialect) -> &'static dyn Dialect {
    match dialect {
        script::Dialect::OpenaiChat => &openai_chat::OpenaiChat,
        script::Dialect::OpenaiResponses => &openai_responses::OpenaiResponses,
    }
}

/// The dialect that a path asks for where the script names none.
pub fn of_path(path: &str) -> script::Dialect {
    if path == "/v1/responses" {
        script::Dialect::OpenaiResponses
    } else {
        script::Dialect::OpenaiChat
    }
}

//! How providers write an answer down: one file a dialect.

pub mod openai_chat;

/// What stands on every chunk of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// `chatcmpl-...`.
    pub id: String,
    /// Unix time in seconds at which the answer was begun.
    pub created: u64,
    /// The model that answers.
    pub model: String,
    /// `fp_...`: the deployment that answers.
    pub fingerprint: String,
}

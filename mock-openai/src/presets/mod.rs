//! Bytes that real providers are known to send in the middle of a stream, by name.

use crate::{dialect::Envelope, script::SendPreset};

/// The frames of a preset: texts with LF line ends, each with the blank line that ends it.
pub(crate) fn frames(preset: SendPreset, _answer: &Envelope) -> Vec<String> {
    vec![format!(": {preset:?}\n\n")]
}

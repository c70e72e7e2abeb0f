//! What real providers are known to send, by name.

use crate::{player::Answering, script::SendPreset};

/// The frames of a preset: texts with LF line ends, each with its blank line.
pub(crate) fn frames(preset: SendPreset, answering: &Answering, model: &str) -> Vec<String> {
    let _ = (answering, model);
    vec![match preset {
        SendPreset::OpenrouterComment => ": OPENROUTER PROCESSING\n\n".to_owned(),
        other => format!(": {other:?}\n\n"),
    }]
}

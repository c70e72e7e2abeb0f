//! Reads a script from YAML text.

use super::Script;

/// Why a text is not a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}")]
pub struct NotAScript {
    /// Where the text comes from: a file's name.
    pub name: String,
    /// What is wrong with it, and where.
    pub why: String,
}

/// Reads a script; `name` says in errors where the text comes from.
///
/// # Errors
/// The first mistake in the text, with its line and column.
pub fn load(text: &str, name: &str) -> Result<Script, NotAScript> {
    serde_saphyr::from_str(text)
        .map_err(|error| NotAScript { name: name.to_owned(), why: error.to_string() })
}

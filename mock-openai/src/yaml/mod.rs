//! YAML as this project reads it: strict, bounded, and every mistake told with its place.
//!
//! A text becomes a [`Document`], a tree of which each part knows where it stands; any serde type
//! is read from that tree. A mistake does not end the reading: the part that is wrong is left out
//! and the rest is read again, so that one look shows all mistakes of a file.
//!
//! A document may be made of several files ([`Document::with_includes`]), and stand for several
//! ([`Matrix`]).
//!
//! What it does *not* read: anchors, aliases, tags, directives, several documents in one file, keys
//! that are no plain words, and files over [`FILE_SIZE_MAX`].

mod access;
mod axes;
mod diagnostic;
mod document;
mod error;
mod files;
mod include;
mod matrix;
mod parse;
mod read;
mod scalar;
pub mod short;
mod source;
mod syntax;
mod template;
mod tree;
mod words;

pub use diagnostic::{Diagnostic, Severity};
pub use document::{Document, Place};
pub use files::{Below, Files, NoFiles, OnDisk, Once};
pub use include::{INCLUDE_DEPTH_MAX, INCLUDES_MAX};
pub use matrix::{CELLS_MAX, Cell, Matrix};
use serde::de::DeserializeOwned;
pub use words::{list, nearest};

/// The largest file that is read, in bytes: a scenario is some kilobytes, so what is larger is a
/// mistake.
pub const FILE_SIZE_MAX: usize = 1 << 20;

/// How deep lists and mappings may stand in each other; a scenario needs a dozen levels.
pub const DEPTH_MAX: usize = 64;

/// How many values a file may hold; the largest that fits [`FILE_SIZE_MAX`] in earnest has a tenth.
pub const NODES_MAX: usize = 100_000;

/// How many mistakes of one file are told at once.
pub const DIAGNOSTICS_MAX: usize = 20;

/// Reads a whole file into a value. `file_name` is what the messages call it.
///
/// # Errors
/// All mistakes that were found, in the order of the file.
pub fn load<T: DeserializeOwned>(file_name: &str, text: &[u8]) -> Result<T, Vec<Diagnostic>> {
    load_with_places(file_name, text).map(|(value, _)| value)
}

/// Like [`load`], and keeps the document, so that checks of the value can say where it stands.
///
/// # Errors
/// All mistakes that were found, in the order of the file.
pub fn load_with_places<T: DeserializeOwned>(
    file_name: &str,
    text: &[u8],
) -> Result<(T, Document), Vec<Diagnostic>> {
    let document = Document::parse(file_name, text)?;
    document.value().map(|value| (value, document))
}

#[cfg(test)]
mod resolve_tests;
#[cfg(test)]
mod tests;

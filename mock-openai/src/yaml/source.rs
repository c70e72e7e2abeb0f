//! The text of a file, and where in it a byte stands.

use super::{Diagnostic, Severity};

/// A part of a text, in bytes; `end` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    /// Which of the document's sources the text is.
    pub(super) source: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// At most so many characters of a line are kept in a message.
const EXCERPT_MAX: usize = 200;

/// One file of a document.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Its place among the document's sources.
    pub(super) index: usize,
    /// As messages call it.
    pub(super) file: String,
    /// Where it is included; nowhere for the file that the reading began with.
    pub(super) included: Option<Span>,
    text: String,
    /// The byte at which each line begins.
    lines: Vec<usize>,
}

impl Source {
    pub(super) fn new(file: &str, text: String) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(after_breaks).collect();
        Self { index: 0, file: file.to_owned(), included: None, text, lines }
    }

    /// The same as one of several sources.
    pub(super) fn at(self, index: usize, included: Option<Span>) -> Self {
        Self { index, included, ..self }
    }

    /// The begin of the text.
    pub(super) fn begin(&self) -> Span {
        Span { source: self.index, start: 0, end: 0 }
    }

    /// In which line a part begins, counted from 1.
    pub(super) fn line(&self, span: Span) -> usize {
        let start = self.floor(span.start);
        self.lines.partition_point(|&begin| begin <= start).max(1)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A message about a part of the text; of a part of several lines, the first is marked.
    pub(super) fn wrong(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        let start = self.floor(span.start);
        let line = self.line(span) - 1;
        let begin = self.lines[line];
        let whole = self.text[begin..].split(['\n', '\r']).next().unwrap_or_default();
        let column = self.text[begin..start].chars().count();
        let end = self.floor(span.end).clamp(start, (begin + whole.len()).max(start));
        let length = self.text[start..end].chars().count().max(1);
        let is_long = whole.chars().nth(EXCERPT_MAX).is_some();
        let skipped = if is_long { column.saturating_sub(EXCERPT_MAX / 2) } else { 0 };
        Diagnostic {
            severity: Severity::Error,
            file: self.file.clone(),
            line: line + 1,
            column: column + 1,
            length,
            message: message.into(),
            wanted: None,
            help: None,
            notes: Vec::new(),
            source: Some(whole.chars().skip(skipped).take(EXCERPT_MAX).collect()),
            source_column: skipped + 1,
        }
    }

    /// The character boundary at or before a byte.
    pub(super) fn floor(&self, at: usize) -> usize {
        self.text.floor_char_boundary(at)
    }
}

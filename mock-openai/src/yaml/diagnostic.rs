//! A mistake in a file: where it stands, what is wrong, and what would be right.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

/// How much a [`Diagnostic`] weighs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A mistake: the file is refused.
    #[default]
    Error,
    /// A weakness: the file is taken.
    Warning,
}

/// One mistake. It prints as text with the marked line, and serialises for tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether the file is refused for it.
    pub severity: Severity,
    /// The file, as it was named to the reader.
    pub file: String,
    /// Counted from 1; 0 where the mistake is the file as a whole.
    pub line: usize,
    /// In characters, counted from 1; 0 where the mistake is the file as a whole.
    pub column: usize,
    /// How many characters are marked; at least 1 where a line is named.
    pub length: usize,
    /// What is wrong: a fragment without full stop.
    pub message: String,
    /// What was expected in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// What to do, such as the nearest valid word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What else is to be known: which file includes this one, in which cells of a matrix it is so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The line, or the part of a very long line that holds the mistake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The column of the first character of `source`: 1, but for a very long line.
    pub source_column: usize,
}

/// No line is as long, excerpts and lists of words being what they are: a terminal wraps by
/// itself, and the renderer's own cutting would hide the begin of the line.
const WIDTH_MAX: usize = 1000;

impl Diagnostic {
    /// A mistake that has no place in the file, because the file as a whole is wrong.
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line: 0,
            column: 0,
            length: 0,
            message: message.into(),
            wanted: None,
            help: None,
            notes: Vec::new(),
            source: None,
            source_column: 1,
        }
    }

    /// Says what was expected.
    #[must_use]
    pub fn wanted(mut self, wanted: impl Into<String>) -> Self {
        self.wanted = Some(wanted.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what else is to be known.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Makes it a weakness of a file that is taken all the same.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Says which words are known here, and the nearest of them to the one that was written.
    #[must_use]
    pub fn known<'a>(self, written: &str, words: impl IntoIterator<Item = &'a str>) -> Self {
        let words: Vec<&str> = words.into_iter().collect();
        let nearest = super::nearest(written, words.iter().copied());
        let with_list = if words.is_empty() {
            self
        } else {
            self.wanted(format!("known here: {}", super::list(words.iter().copied())))
        };
        match nearest {
            Some(nearest) => with_list.help(format!("did you mean `{nearest}`?")),
            None => with_list,
        }
    }

    /// As text with colours, for a terminal.
    pub fn styled(&self) -> String {
        self.draw(Renderer::styled())
    }

    fn draw(&self, renderer: Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(self.message.as_str());
        let group = Group::with_title(title);
        let group = match &self.source {
            None => group.element(Origin::path(self.file.as_str())),
            Some(source) => group.element(self.marked(source)),
        };
        let group = match &self.help {
            None => group,
            Some(help) => group.element(Level::HELP.message(help.as_str())),
        };
        let notes = self.notes.iter().map(|note| Level::NOTE.message(note.as_str()));
        let group = notes.fold(group, Group::element);
        renderer.term_width(WIDTH_MAX).render(&[group])
    }

    fn marked(&self, excerpt: &str) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        // The renderer counts columns itself, and leaves blank begins out.
        let source = format!("{}{excerpt}", " ".repeat(self.source_column.saturating_sub(1)));
        let byte = |characters: usize| {
            source.char_indices().nth(characters).map_or(source.len(), |(at, _)| at)
        };
        let first = self.column.saturating_sub(1);
        let span = byte(first)..byte(first + self.length);
        let label = self.wanted.as_deref();
        Snippet::source(source)
            .path(self.file.as_str())
            .line_start(self.line)
            .annotation(AnnotationKind::Primary.span(span).label(label))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.draw(Renderer::plain()))
    }
}

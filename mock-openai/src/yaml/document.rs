//! A parsed file, and the places in it that checks point at.

use std::{path::Path, sync::Arc};

use serde::de::DeserializeOwned;

use super::{
    Diagnostic, parse, read,
    source::{Source, Span},
    tree::{Entry, Id, Node, Value},
};

/// A parsed file, with the parts that it includes.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file itself, then those that it includes; never empty.
    pub(super) sources: Arc<Vec<Source>>,
    pub(super) root: Node,
    /// By id: what is marked, and the mapping or list around it.
    pub(super) nodes: Vec<(Span, Option<Id>)>,
    /// What is told of keys that stand twice.
    pub(super) duplicates: Vec<Diagnostic>,
}

impl Document {
    /// Parses a text that is all of its document.
    ///
    /// # Errors
    /// The mistake after which the rest of the text means nothing.
    pub fn parse(file: &str, text: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let source = parse::decode(file, text)?;
        let parse::Parsed { root, duplicates } = parse::parse(&source)?;
        Ok(Self::of(Arc::new(vec![source]), root, duplicates))
    }

    /// Numbers the nodes of a tree anew, so that each id stands once.
    pub(super) fn of(
        sources: Arc<Vec<Source>>,
        mut root: Node,
        duplicates: Vec<Diagnostic>,
    ) -> Self {
        let mut nodes = Vec::new();
        number(&mut root, None, &mut nodes);
        Self { sources, root, nodes, duplicates }
    }

    /// Reads the whole as a value.
    ///
    /// # Errors
    /// All mistakes that were found, in the order of the files.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, Vec<Diagnostic>> {
        let mut wrong = self.duplicates.clone();
        let value = read::read(self, &mut wrong);
        match value {
            Some(value) if wrong.is_empty() => Ok(value),
            _ => {
                self.sort(&mut wrong);
                Err(wrong)
            }
        }
    }

    /// Puts mistakes in the order of the files and of their lines.
    pub fn sort(&self, wrong: &mut [Diagnostic]) {
        let nth = |file: &str| self.sources.iter().position(|source| source.file == file);
        wrong.sort_by_key(|one| (nth(&one.file), one.line, one.column));
    }

    /// The place of the whole.
    pub fn root(&self) -> Place<'_> {
        Place { document: self, node: Some(&self.root), span: self.root.span, key: None }
    }

    pub(super) fn wrong(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        let wrong = self.source(span).wrong(span, message);
        noted(wrong, &self.sources, span.source)
    }

    fn source(&self, span: Span) -> &Source {
        // Every span of a document is of one of its sources.
        self.sources.get(span.source).unwrap_or(&self.sources[0])
    }
}

/// Adds who includes the source that a mistake stands in.
pub(super) fn noted(wrong: Diagnostic, sources: &[Source], source: usize) -> Diagnostic {
    let Some(at) = sources.get(source).and_then(|source| source.included) else { return wrong };
    let Some(by) = sources.get(at.source) else { return wrong };
    let note = format!("`{}` is included in {}:{}", sources[source].file, by.file, by.line(at));
    noted(wrong.note(note), sources, by.index)
}

fn number(node: &mut Node, parent: Option<Id>, nodes: &mut Vec<(Span, Option<Id>)>) {
    let id = Id(nodes.len());
    node.id = id;
    nodes.push((node.span, parent));
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => {
            for item in items {
                number(item, Some(id), nodes);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                entry.key.id = Id(nodes.len());
                nodes.push((entry.key.span, Some(id)));
                number(&mut entry.value, Some(id), nodes);
            }
        }
    }
}

/// A place in a document: walk to it by keys and indices, then say what is wrong there.
///
/// A walk to what does not stand in the file stays at the nearest thing that does.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    document: &'a Document,
    node: Option<&'a Node>,
    span: Span,
    key: Option<Span>,
}

impl<'a> Place<'a> {
    /// The value of a key.
    #[must_use]
    pub fn key(self, name: &str) -> Self {
        match self.node.and_then(|node| node.entry(name)) {
            Some(entry) => Self {
                node: Some(&entry.value),
                span: entry.value.span,
                key: Some(entry.key.span),
                ..self
            },
            None => self.missing(),
        }
    }

    /// An element of a list.
    #[must_use]
    pub fn nth(self, index: usize) -> Self {
        match self.node.and_then(|node| node.nth(index)) {
            Some(item) => Self { node: Some(item), span: item.span, key: None, ..self },
            None => self.missing(),
        }
    }

    /// The key itself, where the place is the value of one.
    #[must_use]
    pub fn at_key(self) -> Self {
        Self { span: self.key.unwrap_or(self.span), ..self }
    }

    /// Whether something stands there.
    pub fn exists(self) -> bool {
        self.node.is_some()
    }

    /// The keys of a mapping, in order; none for anything else.
    pub fn keys(self) -> impl Iterator<Item = &'a str> {
        let entries = match self.node.map(|node| &node.value) {
            Some(Value::Mapping(entries)) => entries.as_slice(),
            Some(Value::Scalar(_) | Value::Sequence(_)) | None => &[],
        };
        entries.iter().map(|entry| entry.key.text.as_str())
    }

    /// The keys of a mapping with the places of their values; none for anything else.
    pub fn entries(self) -> impl Iterator<Item = (&'a str, Self)> {
        let entries = match self.node.map(|node| &node.value) {
            Some(Value::Mapping(entries)) => entries.as_slice(),
            Some(Value::Scalar(_) | Value::Sequence(_)) | None => &[],
        };
        entries.iter().map(move |Entry { key, value }| {
            let place = Self {
                document: self.document,
                node: Some(value),
                span: value.span,
                key: Some(key.span),
            };
            (key.text.as_str(), place)
        })
    }

    /// The elements of a list; none for anything else.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let items = match self.node.map(|node| &node.value) {
            Some(Value::Sequence(items)) => items.as_slice(),
            Some(Value::Scalar(_) | Value::Mapping(_)) | None => &[],
        };
        let document = self.document;
        items.iter().map(move |item| Self {
            document,
            node: Some(item),
            span: item.span,
            key: None,
        })
    }

    /// The text of a word, a number or a text, without its quotes; `None` for anything else.
    pub fn text(self) -> Option<&'a str> {
        match self.node.map(|node| &node.value) {
            Some(Value::Scalar(scalar)) => Some(&scalar.text),
            Some(Value::Sequence(_) | Value::Mapping(_)) | None => None,
        }
    }

    /// The folder of the file in which it is written, from which that file names others.
    pub fn folder(self) -> &'a Path {
        super::files::folder(Path::new(&self.document.source(self.span).file))
    }

    /// Says what is wrong here.
    pub fn wrong(self, message: impl Into<String>) -> Diagnostic {
        self.document.wrong(self.span, message)
    }

    fn missing(self) -> Self {
        Self { node: None, span: self.key.unwrap_or(self.span), key: None, ..self }
    }
}

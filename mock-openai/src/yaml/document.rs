//! A parsed file, and the places in it that checks point at.

use super::{
    Diagnostic, parse,
    source::{Source, Span},
    tree::{Entry, Id, Key, Node, Value},
};

/// A parsed file.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) source: Source,
    pub(super) root: Node,
    /// By id: what is marked, and the mapping or list around it.
    pub(super) nodes: Vec<(Span, Option<Id>)>,
}

impl Document {
    /// Parses a text, and tells the keys that stand twice.
    ///
    /// # Errors
    /// The mistake after which the rest of the text means nothing.
    pub(super) fn parse(
        file: &str,
        text: &[u8],
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let source = parse::decode(file, text)?;
        let parse::Parsed { root, duplicates, count } = parse::parse(&source)?;
        let mut nodes = vec![(Span::default(), None); count];
        index(&root, None, &mut nodes);
        Ok((Self { source, root, nodes }, duplicates))
    }

    /// The place of the whole.
    pub fn root(&self) -> Place<'_> {
        Place { source: &self.source, node: Some(&self.root), span: self.root.span, key: None }
    }
}

fn index(node: &Node, parent: Option<Id>, nodes: &mut [(Span, Option<Id>)]) {
    nodes[node.id.0] = (node.span, parent);
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => {
            for item in items {
                index(item, Some(node.id), nodes);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                let Key { id, span, .. } = entry.key;
                nodes[id.0] = (span, Some(node.id));
                index(&entry.value, Some(node.id), nodes);
            }
        }
    }
}

/// A place in a document: walk to it by keys and indices, then say what is wrong there.
///
/// A walk to what does not stand in the file stays at the nearest thing that does.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    source: &'a Source,
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
                source: self.source,
                node: Some(&entry.value),
                span: entry.value.span,
                key: Some(entry.key.span),
            },
            None => self.missing(),
        }
    }

    /// An element of a list.
    #[must_use]
    pub fn nth(self, index: usize) -> Self {
        match self.node.and_then(|node| node.nth(index)) {
            Some(item) => {
                Self { source: self.source, node: Some(item), span: item.span, key: None }
            }
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
                source: self.source,
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
        let source = self.source;
        items.iter().map(move |item| Self { source, node: Some(item), span: item.span, key: None })
    }

    /// The text of a word, a number or a text, without its quotes; `None` for anything else.
    pub fn text(self) -> Option<&'a str> {
        match self.node.map(|node| &node.value) {
            Some(Value::Scalar(scalar)) => Some(&scalar.text),
            Some(Value::Sequence(_) | Value::Mapping(_)) | None => None,
        }
    }

    /// Says what is wrong here.
    pub fn wrong(self, message: impl Into<String>) -> Diagnostic {
        self.source.wrong(self.span, message)
    }

    fn missing(self) -> Self {
        Self { source: self.source, node: None, span: self.key.unwrap_or(self.span), key: None }
    }
}

//! A YAML document as a tree of which each part knows where it stands.

use super::source::Span;

/// Numbers the nodes of one document, keys included, in the order of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(pub(super) usize);

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) id: Id,
    /// What is marked when this node is wrong: a scalar whole, of a block its first word.
    pub(super) span: Span,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Written without quotes and not as a block, so that it may be a number.
    pub(super) plain: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) value: Node,
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) id: Id,
    pub(super) span: Span,
    pub(super) text: String,
}

impl Node {
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key.text == name),
            Value::Scalar(_) | Value::Sequence(_) => None,
        }
    }

    pub(super) fn nth(&self, index: usize) -> Option<&Self> {
        match &self.value {
            Value::Sequence(items) => items.get(index),
            Value::Scalar(_) | Value::Mapping(_) => None,
        }
    }
}

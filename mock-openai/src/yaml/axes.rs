//! The axes of a matrix: `eol: [lf, crlf, cr]`, each value with the label that stands in ids.

use super::{
    Diagnostic, Document,
    matrix::CELLS_MAX,
    source::Span,
    template,
    tree::{Entry, Key, Node, Value},
};

/// The key that holds the axes.
const MATRIX: &str = "matrix";

/// An axis with its values.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) name: String,
    /// Where its name stands.
    pub(super) span: Span,
    pub(super) values: Vec<Choice>,
}

/// One value of an axis.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// What ids call it: its text, or the label that it is given.
    pub(super) label: String,
    /// With the place where it stands.
    pub(super) node: Node,
}

/// Takes the axes out of a document, with the place where they stand.
pub(super) fn take(
    document: &mut Document,
    wrong: &mut Vec<Diagnostic>,
) -> Option<(Vec<Axis>, Span)> {
    let Value::Mapping(entries) = &mut document.root.value else { return None };
    let at = entries.iter().position(|entry| entry.key.text == MATRIX)?;
    let Entry { key, value } = entries.remove(at);
    let mut tell = |span: Span, message: String, help: &str| {
        wrong.push(document.wrong(span, message).help(help));
    };
    let Value::Mapping(entries) = value.value else {
        let help = "write axes with their values: `matrix: { eol: [lf, crlf] }`";
        tell(value.span, "a matrix is no mapping".to_owned(), help);
        return Some((Vec::new(), key.span));
    };
    if entries.is_empty() {
        let help = "give it an axis, such as `eol: [lf, crlf]`, or leave it out";
        tell(key.span, "the matrix has no axis".to_owned(), help);
    }
    let mut axes = Vec::new();
    let mut count: usize = 1;
    for Entry { key, value } in entries {
        let next = axis(&key, value, &mut tell);
        count = count.saturating_mul(next.values.len().max(1));
        axes.push(next);
    }
    if count > CELLS_MAX {
        let more = if count == usize::MAX { "more than " } else { "" };
        let message = format!("the matrix has {more}{count} cells; {CELLS_MAX} is the most");
        tell(key.span, message, "leave out some of the values, or an axis");
    }
    Some((axes, key.span))
}

fn axis(key: &Key, value: Node, tell: &mut impl FnMut(Span, String, &str)) -> Axis {
    let Key { text: name, span, .. } = key;
    if !template::is_name(name) {
        let help = "use lower-case letters, digits, `-` and `_`, a letter first, at most 64";
        tell(*span, format!("`{name}` cannot be the name of an axis"), help);
    }
    let mut axis = Axis { name: name.clone(), span: *span, values: Vec::new() };
    let Value::Sequence(items) = value.value else {
        let help = format!("write a list, such as `{name}: [1, 2]`");
        tell(value.span, format!("the values of the axis `{name}` are no list"), &help);
        return axis;
    };
    if items.is_empty() {
        tell(*span, format!("the axis `{name}` has no value"), "give it one, or leave it out");
    }
    for item in items {
        let span = item.span;
        match choice(item) {
            Err((message, help)) => tell(span, message, help),
            Ok(choice) if axis.values.iter().any(|other| other.label == choice.label) => {
                let message = format!("the axis `{name}` has two values `{}`", choice.label);
                tell(span, message, "give each a label of its own: `{ label: value }`");
            }
            Ok(choice) => axis.values.push(choice),
        }
    }
    axis
}

fn choice(item: Node) -> Result<Choice, (String, &'static str)> {
    const LABEL: &str = "give it a label: `{ label: value }`";
    let (label, node) = match item.value {
        Value::Scalar(ref scalar) => (scalar.text.clone(), item),
        Value::Mapping(mut entries) if entries.len() == 1 => {
            let Entry { key, value } = entries.remove(0);
            (key.text, value)
        }
        Value::Mapping(_) | Value::Sequence(_) => {
            return Err(("a value of an axis needs a label, which stands in ids".into(), LABEL));
        }
    };
    if !is_label(&label) {
        let message = format!("`{label}` cannot stand in an id");
        let help = "give it a label of letters, digits and `.`, `_`, `-`, `+`, `%`, at most 64: \
                    `{ label: value }`";
        return Err((message, help));
    }
    if names_axis(&node) {
        let message = "the value of an axis names an axis".to_owned();
        return Err((message, "write `$${` for the text `${`"));
    }
    Ok(Choice { label, node })
}

fn is_label(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "._-+%".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(inside)
}

fn names_axis(node: &Node) -> bool {
    let names = |text: &str| !template::is_plain(&text.replace("$${", ""));
    match &node.value {
        Value::Scalar(scalar) => names(&scalar.text),
        Value::Sequence(items) => items.iter().any(names_axis),
        Value::Mapping(entries) => {
            entries.iter().any(|entry| names(&entry.key.text) || names_axis(&entry.value))
        }
    }
}

//! One document that stands for several: axes with their values, and a cell for each combination.

use std::{fmt, sync::Arc};

use super::{
    DEPTH_MAX, DIAGNOSTICS_MAX, Diagnostic, Document, FILE_SIZE_MAX, NODES_MAX,
    axes::{self, Axis},
    source::Span,
    syntax,
    template::{self, Piece},
    tree::{Entry, Key, Node, Scalar, Value},
};

/// How many cells a matrix may have.
pub const CELLS_MAX: usize = 10_000;

/// How many values all cells of a matrix may have together.
const ALL_NODES_MAX: usize = 5_000_000;

/// How many bytes of text all cells of a matrix may have together.
const ALL_BYTES_MAX: usize = 64 << 20;

/// A document with its axes; without any it is a matrix of one cell.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// Without its axes.
    template: Document,
    axes: Vec<Axis>,
    /// Where the axes stand, or the whole where there are none.
    at: Span,
}

/// One combination of the values.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Each axis with the label of its value, in the order of the file; empty without a matrix.
    pub axes: Vec<(String, String)>,
    /// What the file says in this cell.
    pub document: Document,
}

impl fmt::Display for Cell {
    /// As it stands in an id, without the brackets: `eol=crlf,cut=1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (axis, label)) in self.axes.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            write!(f, "{comma}{axis}={label}")?;
        }
        Ok(())
    }
}

impl Matrix {
    /// Takes the axes out of a document, and looks at every place that names one.
    ///
    /// # Errors
    /// What is wrong with the axes and with the places that name them.
    pub fn of(mut document: Document) -> Result<Self, Vec<Diagnostic>> {
        let mut wrong = Vec::new();
        let (axes, at) = match axes::take(&mut document, &mut wrong) {
            Some((axes, at)) => (Some(axes), at),
            None => (None, document.root.span),
        };
        // Where an axis is wrong, so is each place that names it: that is told once.
        if wrong.is_empty() {
            let mut search = Uses { document: &document, axes: axes.as_deref(), used: Vec::new() };
            search.look(&document.root, &mut wrong);
            let used = search.used;
            for axis in axes.iter().flatten().filter(|axis| !used.contains(&axis.name)) {
                let message = format!("the axis `{}` is used nowhere", axis.name);
                let help = format!("write `${{{}}}` where its value belongs", axis.name);
                wrong.push(document.wrong(axis.span, message).help(help));
            }
        }
        if wrong.is_empty() {
            return Ok(Self { template: document, axes: axes.unwrap_or_default(), at });
        }
        wrong.extend(document.duplicates.iter().cloned());
        document.sort(&mut wrong);
        wrong.truncate(DIAGNOSTICS_MAX);
        Err(wrong)
    }

    /// How many cells there are.
    pub fn count(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// The document without its axes, for the places in it.
    pub fn template(&self) -> &Document {
        &self.template
    }

    /// Something that is wrong with the matrix as a whole.
    pub fn wrong(&self, message: impl Into<String>) -> Diagnostic {
        self.template.wrong(self.at, message)
    }

    /// The cells, the values of the last axis changing fastest.
    ///
    /// Each is made when it is asked for. One that cannot be made is the last.
    pub fn cells(&self) -> impl Iterator<Item = Result<Cell, Box<Diagnostic>>> {
        let (mut nodes, mut bytes) = (0, 0);
        let mut is_over = false;
        (0..self.count()).map_while(move |nth| {
            if is_over {
                return None;
            }
            let made = self.cell(nth).and_then(|(cell, size)| {
                nodes += cell.document.nodes.len();
                bytes += size;
                if nodes > ALL_NODES_MAX || bytes > ALL_BYTES_MAX {
                    let message = format!(
                        "its cells hold more than {ALL_NODES_MAX} values or {} MiB together",
                        ALL_BYTES_MAX >> 20
                    );
                    return Err(Box::new(self.wrong(message).help("leave out some of the values")));
                }
                Ok(cell)
            });
            is_over = made.is_err();
            Some(made)
        })
    }

    /// A cell, and how many bytes of text it holds.
    fn cell(&self, nth: usize) -> Result<(Cell, usize), Box<Diagnostic>> {
        let mut chosen = Vec::with_capacity(self.axes.len());
        let mut rest = nth;
        for axis in self.axes.iter().rev() {
            chosen.push((axis.name.as_str(), &axis.values[rest % axis.values.len()]));
            rest /= axis.values.len();
        }
        chosen.reverse();
        let mut filling =
            Filling { matrix: self, chosen: &chosen, nodes: NODES_MAX, bytes: FILE_SIZE_MAX };
        let root = filling.node(&self.template.root, 1)?;
        let size = FILE_SIZE_MAX - filling.bytes;
        let axes = chosen.iter().map(|(axis, value)| ((*axis).to_owned(), value.label.clone()));
        let sources = Arc::clone(&self.template.sources);
        let document = Document::of(sources, root, self.template.duplicates.clone());
        Ok((Cell { axes: axes.collect(), document }, size))
    }
}

/// Looks at every text of the document, the axes left aside.
struct Uses<'a> {
    document: &'a Document,
    /// None where the document has no matrix.
    axes: Option<&'a [Axis]>,
    used: Vec<String>,
}

impl Uses<'_> {
    fn look(&mut self, node: &Node, wrong: &mut Vec<Diagnostic>) {
        match &node.value {
            Value::Scalar(scalar) => {
                wrong.extend(self.text(&scalar.text, node.span).err().map(|one| *one));
            }
            Value::Sequence(items) => items.iter().for_each(|item| self.look(item, wrong)),
            Value::Mapping(entries) => {
                for Entry { key, value } in entries {
                    wrong.extend(self.key(key).err().map(|one| *one));
                    self.look(value, wrong);
                }
            }
        }
    }

    fn key(&self, key: &Key) -> Result<(), Box<Diagnostic>> {
        let names_axis = match template::pieces(&key.text) {
            Ok(pieces) => pieces.iter().any(|piece| matches!(piece, Piece::Axis(_))),
            Err(template::NoName) => true,
        };
        if self.axes.is_none() || !names_axis {
            return Ok(());
        }
        let message = "an axis stands for a value and not for a key";
        Err(Box::new(self.document.wrong(key.span, message).help(
            "let the axis hold whole mappings, each with a label: `[{ fast: { every: 1ms } }]`",
        )))
    }

    fn text(&mut self, text: &str, span: Span) -> Result<(), Box<Diagnostic>> {
        let Some(axes) = self.axes else {
            // In a longer text it may be a payload's own.
            return match template::whole(text) {
                None => Ok(()),
                Some(name) => {
                    let message = format!("`{text}` stands for an axis, and there is no matrix");
                    let help = format!(
                        "give it values: `matrix: {{ {name}: [...] }}`; for the text itself write \
                         `${text}`"
                    );
                    Err(Box::new(self.document.wrong(span, message).help(help)))
                }
            };
        };
        if template::is_plain(text) {
            return Ok(());
        }
        let wrong = |message: String| self.document.wrong(span, message);
        let pieces = template::pieces(text).map_err(|template::NoName| {
            let wrong = wrong("`${` opens no name of an axis".to_owned());
            Box::new(wrong.help("write `${axis}`, or `$${` for the text `${`"))
        })?;
        let is_whole = template::whole(text).is_some();
        for piece in pieces {
            let Piece::Axis(name) = piece else { continue };
            let Some(found) = axes.iter().find(|axis| axis.name == name) else {
                let names = axes.iter().map(|axis| axis.name.as_str());
                return Err(Box::new(
                    wrong(format!("there is no axis `{name}`")).known(name, names),
                ));
            };
            if !self.used.contains(&found.name) {
                self.used.push(found.name.clone());
            }
            let is_scalar = |node: &Node| matches!(node.value, Value::Scalar(_));
            let other = found.values.iter().find(|value| !is_whole && !is_scalar(&value.node));
            if let Some(other) = other {
                let message = format!(
                    "`${{{name}}}` stands inside a text, and its value `{}` is no text",
                    other.label
                );
                let help = format!("let it stand alone: `\"${{{name}}}\"`");
                return Err(Box::new(wrong(message).help(help)));
            }
        }
        Ok(())
    }
}

/// Makes the tree of a cell.
struct Filling<'a> {
    matrix: &'a Matrix,
    chosen: &'a [(&'a str, &'a axes::Choice)],
    /// How many more values there may be.
    nodes: usize,
    /// How many more bytes of text there may be.
    bytes: usize,
}

impl<'a> Filling<'a> {
    fn node(&mut self, node: &Node, depth: usize) -> Result<Node, Box<Diagnostic>> {
        if depth > DEPTH_MAX + 1 {
            return Err(Box::new(self.matrix.template.wrong(node.span, syntax::nesting())));
        }
        let value = match &node.value {
            Value::Scalar(scalar) => {
                if let Some(chosen) = template::whole(&scalar.text).and_then(|n| self.chosen(n)) {
                    return self.node(&chosen.node, depth);
                }
                let text = self.text(&scalar.text);
                self.spend(1, text.len())?;
                Value::Scalar(Scalar { text, plain: scalar.plain })
            }
            Value::Sequence(items) => {
                self.spend(1, 0)?;
                let items = items.iter().map(|item| self.node(item, depth + 1));
                Value::Sequence(items.collect::<Result<_, _>>()?)
            }
            Value::Mapping(entries) => {
                self.spend(1, 0)?;
                let entries =
                    entries.iter().map(|Entry { key, value }| -> Result<_, Box<Diagnostic>> {
                        let text = template::without_axes(&key.text);
                        self.spend(1, text.len())?;
                        let key = Key { text, ..key.clone() };
                        Ok(Entry { key, value: self.node(value, depth + 1)? })
                    });
                Value::Mapping(entries.collect::<Result<_, Box<Diagnostic>>>()?)
            }
        };
        Ok(Node { id: node.id, span: node.span, value })
    }

    fn chosen(&self, name: &str) -> Option<&'a axes::Choice> {
        self.chosen.iter().find(|(axis, _)| *axis == name).map(|(_, choice)| *choice)
    }

    fn text(&self, text: &str) -> String {
        if template::is_plain(text) {
            return text.to_owned();
        }
        // Without a matrix a `${` that is no axis stays; with one all were looked at.
        let pieces = match template::pieces(text) {
            Ok(pieces) if !self.chosen.is_empty() => pieces,
            Ok(_) | Err(template::NoName) => return template::without_axes(text),
        };
        let pieces = pieces.into_iter().map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Axis(name) => match self.chosen(name).map(|choice| &choice.node.value) {
                Some(Value::Scalar(scalar)) => template::without_axes(&scalar.text),
                Some(Value::Sequence(_) | Value::Mapping(_)) | None => String::new(),
            },
        });
        pieces.collect()
    }

    fn spend(&mut self, nodes: usize, bytes: usize) -> Result<(), Box<Diagnostic>> {
        match (self.nodes.checked_sub(nodes), self.bytes.checked_sub(bytes)) {
            (Some(nodes), Some(bytes)) => {
                (self.nodes, self.bytes) = (nodes, bytes);
                Ok(())
            }
            (None, _) => Err(Box::new(
                self.matrix.wrong(format!("one scenario has more than {NODES_MAX} values")),
            )),
            (_, None) => {
                let kib = FILE_SIZE_MAX >> 10;
                Err(Box::new(
                    self.matrix.wrong(format!("one scenario has more than {kib} KiB of text")),
                ))
            }
        }
    }
}

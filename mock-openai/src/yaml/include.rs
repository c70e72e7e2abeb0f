//! Files that bring in others: each is read, and what it says fills in what the naming file leaves
//! out.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    DIAGNOSTICS_MAX, Diagnostic, Document, Files, NODES_MAX,
    document::noted,
    files::{folder, normal},
    parse,
    scalar::{Plain, resolve},
    source::{Source, Span},
    tree::{Entry, Node, Scalar, Value},
};

/// How many files one scenario may bring in, each naming counted.
pub const INCLUDES_MAX: usize = 16;

/// How long a chain of files may be of which each names the next.
pub const INCLUDE_DEPTH_MAX: usize = 8;

/// The key that names other files.
const INCLUDE: &str = "include";

impl Document {
    /// Parses a file, and fills in what the files say that it names under `include`. Paths are
    /// taken from the folder of the file that names them; `files` says what can be read.
    ///
    /// # Errors
    /// The mistakes after which the rest means nothing, of all files that were read.
    pub fn with_includes(
        path: &Path,
        text: &[u8],
        files: &dyn Files,
    ) -> Result<Self, Vec<Diagnostic>> {
        let source = parse::decode(&path.to_string_lossy(), text)?;
        let parse::Parsed { root, duplicates } = parse::parse(&source)?;
        let mut open = Open {
            files,
            sources: vec![source],
            chain: vec![normal(path)],
            duplicates,
            wrong: Vec::new(),
            is_full: false,
        };
        let root = open.filled(root, 0);
        let document = Self::of(Arc::new(open.sources), root, open.duplicates);
        let mut wrong = open.wrong;
        if wrong.is_empty() && document.nodes.len() > NODES_MAX {
            let message = format!("with what it includes it has more than {NODES_MAX} values");
            wrong.push(document.root().key(INCLUDE).wrong(message));
        }
        if wrong.is_empty() {
            return Ok(document);
        }
        wrong.extend(document.duplicates.iter().cloned());
        document.sort(&mut wrong);
        Err(wrong)
    }
}

/// What is known while files are read.
struct Open<'a> {
    files: &'a dyn Files,
    /// Every file so far.
    sources: Vec<Source>,
    /// The files that are being read: each names the next.
    chain: Vec<PathBuf>,
    duplicates: Vec<Diagnostic>,
    wrong: Vec<Diagnostic>,
    /// Whether a file more than may be included was named.
    is_full: bool,
}

impl Open<'_> {
    /// The mapping without its `include`, filled with what that names.
    fn filled(&mut self, mut root: Node, source: usize) -> Node {
        let Value::Mapping(entries) = &mut root.value else { return root };
        let Some(at) = entries.iter().position(|entry| entry.key.text == INCLUDE) else {
            return root;
        };
        let value = entries.remove(at).value;
        let names = match value.value {
            Value::Sequence(items) => items,
            Value::Scalar(_) | Value::Mapping(_) => vec![value],
        };
        for name in names {
            // What is wrong with the rest of a long list is told when its begin is right.
            if self.is_full || self.wrong.len() >= DIAGNOSTICS_MAX {
                break;
            }
            if let Some(other) = self.include(&name, source) {
                fill(&mut root, other);
            }
        }
        root
    }

    /// What a named file says, filled with what it includes in turn.
    fn include(&mut self, name: &Node, by: usize) -> Option<Node> {
        let path = match self.path(name, by) {
            Ok(path) => path,
            Err(wrong) => {
                self.wrong.push(*wrong);
                return None;
            }
        };
        let text = match self.files.read(&path) {
            Ok(text) => text,
            Err(error) => {
                let told = self.told(name.span, unreadable(&path, &error));
                self.wrong.push(told);
                return None;
            }
        };
        let index = self.sources.len();
        let parsed = parse::decode(&path.to_string_lossy(), &text).and_then(|source| {
            let source = source.at(index, Some(name.span));
            let parsed = parse::parse(&source);
            self.sources.push(source);
            parsed
        });
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(wrong) => {
                if self.sources.len() == index {
                    // It is no text; messages still say who names it.
                    let empty = Source::new(&path.to_string_lossy(), String::new());
                    self.sources.push(empty.at(index, Some(name.span)));
                }
                let noted = wrong.into_iter().map(|one| noted(one, &self.sources, index));
                self.wrong.extend(noted);
                return None;
            }
        };
        let sources = &self.sources;
        let twice = parsed.duplicates.into_iter().map(|one| noted(one, sources, index));
        self.duplicates.extend(twice);
        if !matches!(parsed.root.value, Value::Mapping(_)) {
            let told = self.told(parsed.root.span, "an included file is no mapping");
            self.wrong.push(told.help("give it keys of a scenario, such as `upstream:`"));
            return None;
        }
        self.chain.push(path);
        let filled = self.filled(parsed.root, index);
        self.chain.pop();
        Some(filled)
    }

    /// The file that is meant, unless it cannot be.
    fn path(&mut self, name: &Node, by: usize) -> Result<PathBuf, Box<Diagnostic>> {
        let text = match &name.value {
            Value::Scalar(Scalar { text, plain }) if !plain || is_text(text) => text,
            Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_) => {
                return Err(Box::new(
                    self.told(name.span, "an include is no path")
                        .help("write a path, or a list of paths: `include: ../common/answer.yaml`"),
                ));
            }
        };
        if text.is_empty() {
            return Err(Box::new(self.told(name.span, "the path of an include is empty")));
        }
        if text.contains("${") {
            return Err(Box::new(
                self.told(name.span, "an include cannot depend on the matrix")
                    .help("files are brought in before the cells are made; name each file"),
            ));
        }
        let path = Path::new(text);
        if path.has_root() || path.is_absolute() {
            return Err(Box::new(
                self.told(name.span, "the path of an include is absolute")
                    .help("write it from the folder of this file"),
            ));
        }
        let path = normal(&folder(Path::new(&self.sources[by].file)).join(path));
        if let Some(first) = self.chain.iter().position(|open| *open == path) {
            let mut chain: Vec<_> =
                self.chain[first..].iter().map(|path| format!("`{}`", path.display())).collect();
            chain.push(format!("`{}`", path.display()));
            return Err(Box::new(
                self.told(name.span, "the includes go in a circle")
                    .help(format!("each of these includes the next: {}", chain.join(", "))),
            ));
        }
        if self.chain.len() > INCLUDE_DEPTH_MAX {
            let message =
                format!("includes stand more than {INCLUDE_DEPTH_MAX} deep in each other");
            return Err(Box::new(self.told(name.span, message)));
        }
        if self.sources.len() > INCLUDES_MAX {
            self.is_full = true;
            return Err(Box::new(
                self.told(name.span, format!("more than {INCLUDES_MAX} files are included")),
            ));
        }
        Ok(path)
    }

    fn told(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        noted(self.sources[span.source].wrong(span, message), &self.sources, span.source)
    }
}

fn is_text(text: &str) -> bool {
    matches!(resolve(text), Plain::Text(_))
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    if error.kind() == io::ErrorKind::NotFound {
        format!("there is no file `{path}`")
    } else {
        format!("cannot include `{path}`: {error}")
    }
}

/// What stands in a mapping stays; what it lacks comes from the other, key by key. Lists and
/// scalars are taken whole or not at all.
fn fill(node: &mut Node, other: Node) {
    let Value::Mapping(entries) = &mut node.value else { return };
    let Value::Mapping(others) = other.value else { return };
    let known = entries.iter().enumerate().map(|(nth, entry)| (entry.key.text.clone(), nth));
    let known: BTreeMap<String, usize> = known.collect();
    for Entry { key, value } in others {
        match known.get(&key.text) {
            Some(nth) => fill(&mut entries[*nth].value, value),
            None => entries.push(Entry { key, value }),
        }
    }
}

//! From bytes to a tree: decoding, bounds, and what this project leaves out of YAML.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{
    Event, Options, Parser, ScalarStyle, Span as EventSpan, StructureStyle,
};

use super::{
    DEPTH_MAX, DIAGNOSTICS_MAX, Diagnostic, FILE_SIZE_MAX, NODES_MAX,
    source::{Source, Span},
    syntax,
    tree::{Entry, Id, Key, Node, Scalar, Value},
};

pub(super) struct Parsed {
    pub(super) root: Node,
    /// What is told of keys that stand twice.
    pub(super) duplicates: Vec<Diagnostic>,
}

/// The text of a file, or why it is none.
pub(super) fn decode(file: &str, bytes: &[u8]) -> Result<Source, Vec<Diagnostic>> {
    if bytes.len() > FILE_SIZE_MAX {
        let message = format!("the file is larger than {} KiB", FILE_SIZE_MAX >> 10);
        return Err(vec![
            Diagnostic::of_file(file, message).help("split it into several scenarios"),
        ]);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            Ok(Source::new(file, text.to_owned()))
        }
        Err(error) => {
            let start = error.valid_up_to();
            let lossy = String::from_utf8_lossy(bytes).into_owned();
            let byte = bytes.get(start).copied().unwrap_or_default();
            let message = format!("the byte 0x{byte:02X} is not UTF-8");
            let source = Source::new(file, lossy);
            let wrong = source.wrong(Span { source: 0, start, end: start }, message);
            Err(vec![wrong.help("save the file as UTF-8")])
        }
    }
}

pub(super) fn parse(source: &Source) -> Result<Parsed, Vec<Diagnostic>> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.disallow_directives = true;
    options.emit_anchor_events = true;
    options.emit_unresolved_aliases = true;
    options.flow_nesting_limit = DEPTH_MAX;
    options.block_nesting_limit = DEPTH_MAX;
    let mut builder = Builder { source, open: Vec::new(), duplicates: Vec::new(), count: 0 };
    let mut root = None;
    for event in Parser::new_from_str_with_options(source.text(), options) {
        let (event, span) = event.map_err(|error| {
            let mut at = error.marker().byte_offset().unwrap_or_default();
            // The parser stops behind the tab that it complains of.
            if syntax::is_tab(error.kind()) && source.text()[..source.floor(at)].ends_with('\t') {
                at -= 1;
            }
            let (message, help) = syntax::explain(error.kind());
            let wrong = source.wrong(Span { source: source.index, start: at, end: at }, message);
            let help = syntax::bare_axis(source.text(), source.floor(at)).or(help);
            vec![match help {
                Some(help) => wrong.help(help),
                None => wrong,
            }]
        })?;
        if let Some(whole) = builder.take(event, &span, root.is_some()).map_err(|one| vec![*one])? {
            root = Some(whole);
        }
    }
    let Some(root) = root else {
        return Err(vec![source.wrong(source.begin(), "the file says nothing")]);
    };
    Ok(Parsed { root, duplicates: builder.duplicates })
}

struct Builder<'a> {
    source: &'a Source,
    open: Vec<Open>,
    duplicates: Vec<Diagnostic>,
    count: usize,
}

/// A list or mapping whose end is not read yet.
struct Open {
    id: Id,
    start: Span,
    flow: bool,
    what: Inside,
}

enum Inside {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<Key>, seen: BTreeMap<String, Span> },
}

impl Builder<'_> {
    /// Takes the next event; gives the root once it is whole.
    fn take(
        &mut self,
        event: Event<'_>,
        span: &EventSpan,
        is_over: bool,
    ) -> Result<Option<Node>, Box<Diagnostic>> {
        let at = self.range(span);
        if event.tag().is_some() {
            let at = span.tag_span().as_ref().map_or(at, |span| self.range(span));
            let help = "leave it out: quotes make a text, and a number stands without quotes";
            return Err(self.refuse(at, "a tag is no part of this language", help));
        }
        if let Event::Anchor(..) | Event::Alias(..) | Event::UnresolvedAlias(..) = event {
            let help = "write the value out where it is used; a text that begins with `&` or \
                        `*` needs quotes";
            return Err(self.refuse(at, "anchors and aliases are refused", help));
        }
        if matches!(event, Event::DocumentStart(..)) && is_over {
            let help = "one file, one document: put it into a file of its own";
            return Err(self.refuse(at, "a second document begins here", help));
        }
        if let Event::Scalar(text, style, ..) = event {
            let plain = style == ScalarStyle::Plain;
            return self.scalar(Scalar { text: text.into_owned(), plain }, at);
        }
        if let Event::SequenceStart(style, ..) = event {
            return self.begin(Inside::Sequence(Vec::new()), style, at);
        }
        if let Event::MappingStart(style, ..) = event {
            let what = Inside::Mapping { entries: Vec::new(), key: None, seen: BTreeMap::new() };
            return self.begin(what, style, at);
        }
        if event == Event::SequenceEnd || event == Event::MappingEnd {
            return Ok(self.end(at));
        }
        Ok(None)
    }

    fn range(&self, span: &EventSpan) -> Span {
        let range = span.byte_range().unwrap_or_default();
        Span { source: self.source.index, start: range.start, end: range.end }
    }

    fn refuse(&self, at: Span, message: &str, help: &str) -> Box<Diagnostic> {
        Box::new(self.source.wrong(at, message).help(help))
    }

    fn next_id(&mut self, at: Span) -> Result<Id, Box<Diagnostic>> {
        if self.count >= NODES_MAX {
            let message = format!("the file has more than {NODES_MAX} values");
            return Err(Box::new(self.source.wrong(at, message)));
        }
        self.count += 1;
        Ok(Id(self.count - 1))
    }

    fn scalar(&mut self, scalar: Scalar, span: Span) -> Result<Option<Node>, Box<Diagnostic>> {
        let id = self.next_id(span)?;
        if let Some(Open { what: Inside::Mapping { key: key @ None, .. }, .. }) =
            self.open.last_mut()
        {
            *key = Some(Key { id, span, text: scalar.text });
            return Ok(None);
        }
        // What is missing is marked at its key.
        let span = match self.open.last() {
            Some(Open { what: Inside::Mapping { key: Some(key), .. }, .. })
                if scalar.plain && span.start == span.end =>
            {
                key.span
            }
            Some(_) | None => span,
        };
        Ok(self.put(Node { id, span, value: Value::Scalar(scalar) }))
    }

    fn begin(
        &mut self,
        what: Inside,
        style: StructureStyle,
        start: Span,
    ) -> Result<Option<Node>, Box<Diagnostic>> {
        if let Some(Open { what: Inside::Mapping { key: None, .. }, .. }) = self.open.last() {
            let help = "a key is one word; put quotes around a text that holds brackets or braces";
            return Err(self.refuse(start, "a key is a list or a mapping", help));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(Box::new(self.source.wrong(start, syntax::nesting())));
        }
        let id = self.next_id(start)?;
        let flow = style == StructureStyle::Flow;
        self.open.push(Open { id, start, flow, what });
        Ok(None)
    }

    fn end(&mut self, at: Span) -> Option<Node> {
        let Open { id, start, flow, what } = self.open.pop()?;
        let (value, first) = match what {
            Inside::Sequence(items) => {
                let first = items.first().map(|item| item.span);
                (Value::Sequence(items), first)
            }
            Inside::Mapping { entries, .. } => {
                let first = entries.first().map(|entry| entry.key.span);
                (Value::Mapping(entries), first)
            }
        };
        let span = if flow { Span { end: at.end, ..start } } else { first.unwrap_or(start) };
        self.put(Node { id, span, value })
    }

    /// Puts a whole node where it belongs, or gives it back if it is the root.
    fn put(&mut self, node: Node) -> Option<Node> {
        let Some(open) = self.open.last_mut() else { return Some(node) };
        match &mut open.what {
            Inside::Sequence(items) => items.push(node),
            Inside::Mapping { entries, key, seen } => {
                // A mapping's node is its value only once the key was read: `begin` and `scalar`.
                let key = key.take()?;
                match seen.get(&key.text) {
                    None => {
                        seen.insert(key.text.clone(), key.span);
                        entries.push(Entry { key, value: node });
                    }
                    Some(first) if self.duplicates.len() < DIAGNOSTICS_MAX => {
                        let line = self.source.line(*first);
                        let message = format!("the key `{}` stands twice", key.text);
                        let help = format!("it stands in line {line} already");
                        self.duplicates.push(self.source.wrong(key.span, message).help(help));
                    }
                    Some(_) => {}
                }
            }
        }
        None
    }
}

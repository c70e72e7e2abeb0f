//! Refuses what the language has and no code carries out yet: nothing is silently ignored.
//!
//! The schema says which words those are. It is made into a small tree once, in which a part that
//! leads to no such word is left out, so that a file is compared with it in no time.

use std::{collections::BTreeMap, sync::LazyLock};

use mock_openai::yaml::{Diagnostic, Place};
use serde_json::Value;

use crate::scenario::schema::{self, Form, INSTEAD, forms};

/// All words of the file that are not built yet, each at its place.
pub(super) fn check(root: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    static MARKS: LazyLock<Marks> = LazyLock::new(|| Marks::of(schema::scenario()));
    MARKS.compare(0, root, wrong);
}

/// A word that is not built, and what serves instead.
#[derive(Debug, Clone, Copy)]
struct Mark {
    instead: Option<&'static str>,
}

/// What can stand at one place: which of its words are not built, and where the others lead.
#[derive(Debug, Default)]
struct Node {
    words: BTreeMap<&'static str, Mark>,
    keys: BTreeMap<&'static str, (Option<Mark>, usize)>,
    rest: Option<usize>,
    items: Option<usize>,
    /// Whether a word that is not built can stand here or below.
    leads_somewhere: bool,
}

#[derive(Debug)]
struct Marks {
    nodes: Vec<Node>,
}

impl Marks {
    fn of(root: &'static Value) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        tree.node(root, root, &mut BTreeMap::new());
        tree.find_what_leads_somewhere();
        tree
    }

    /// The node of a schema; each is made once, so that steps inside steps end somewhere.
    fn node(
        &mut self,
        root: &'static Value,
        schema: &'static Value,
        made: &mut BTreeMap<usize, usize>,
    ) -> usize {
        let address = std::ptr::from_ref(schema).addr();
        if let Some(node) = made.get(&address) {
            return *node;
        }
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        made.insert(address, id);
        let mut node = Node::default();
        for form in forms(root, schema) {
            if let Some(mark) = mark(form.schema) {
                node.words.extend(form.words().map(|word| (word, mark)));
            }
            for (key, value) in form.schema["properties"].as_object().into_iter().flatten() {
                // A form that is told by its only key carries the mark of that key.
                let own = mark(value).or_else(|| mark(form.schema));
                let leads = self.node(root, value, made);
                node.keys.entry(key).or_insert((own, leads));
            }
            let rest = form.schema.get("additionalProperties").filter(|rest| rest.is_object());
            node.rest = node.rest.or_else(|| rest.map(|rest| self.node(root, rest, made)));
            node.items = node.items.or_else(|| form.items().map(|one| self.node(root, one, made)));
        }
        self.nodes[id] = node;
        id
    }

    fn find_what_leads_somewhere(&mut self) {
        loop {
            let leads = |id: &usize| self.nodes[*id].leads_somewhere;
            let found = self.nodes.iter().position(|node| {
                let below = node.rest.iter().chain(&node.items).any(leads)
                    || node.keys.values().any(|(mark, node)| mark.is_some() || leads(node));
                !node.leads_somewhere && (below || !node.words.is_empty())
            });
            match found {
                Some(id) => self.nodes[id].leads_somewhere = true,
                None => return,
            }
        }
    }

    fn compare(&self, id: usize, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
        let node = &self.nodes[id];
        if !node.leads_somewhere {
            return;
        }
        if let Some((word, mark)) = place.text().and_then(|text| node.words.get_key_value(text)) {
            wrong.push(not_built(word, *mark, place));
        }
        for (key, value) in place.entries() {
            match (node.keys.get(key), node.rest) {
                (Some((Some(mark), _)), _) => wrong.push(not_built(key, *mark, value.at_key())),
                (Some((None, id)), _) => self.compare(*id, value, wrong),
                (None, Some(id)) => self.compare(id, value, wrong),
                (None, None) => {}
            }
        }
        if let Some(items) = node.items {
            place.items().for_each(|item| self.compare(items, item, wrong));
        }
    }
}

fn mark(schema: &'static Value) -> Option<Mark> {
    let is_unbuilt = Form { schema, of: "" }.is_unbuilt();
    is_unbuilt.then(|| Mark { instead: schema.get(INSTEAD).and_then(Value::as_str) })
}

fn not_built(word: &str, mark: Mark, place: Place<'_>) -> Diagnostic {
    let wrong = place.wrong(format!("`{word}` is not built yet"));
    match mark.instead {
        Some(instead) => wrong.help(instead),
        None => wrong,
    }
}

#[cfg(test)]
mod tests {
    use mock_openai::yaml;
    use serde_json::json;

    use super::*;

    /// A language of its own, in which a key, a word and a key below another are not built.
    fn marks() -> Marks {
        let schema = json!({
            "type": "object",
            "properties": {
                "built": { "type": "string" },
                "later": { "type": "string", "x-not-built": true, "x-instead": "write `built`" },
                "word": { "anyOf": [
                    { "type": "string", "enum": ["now"] },
                    { "type": "string", "enum": ["soon"], "x-not-built": true },
                ] },
                "below": { "type": "array", "items": { "type": "object", "properties": {
                    "deep": { "type": "string", "x-not-built": true },
                } } },
            },
        });
        Marks::of(Box::leak(Box::new(schema)))
    }

    fn refused(text: &str) -> Vec<String> {
        let loaded = yaml::load_with_places::<Value>("made-up.yaml", text.as_bytes());
        let (_, document) = loaded.unwrap();
        let mut wrong = Vec::new();
        marks().compare(0, document.root(), &mut wrong);
        wrong.iter().map(|one| format!("{}:{} {}", one.line, one.column, one.message)).collect()
    }

    #[test]
    fn each_word_that_is_not_built_is_refused_where_it_stands() {
        assert_eq!(refused("built: x\nword: now\nbelow: [{}]\n"), [""; 0]);
        assert_eq!(refused("later: x\n"), ["1:1 `later` is not built yet"]);
        assert_eq!(refused("word: soon\n"), ["1:7 `soon` is not built yet"]);
        let below = "built: x\nbelow:\n  - {}\n  - deep: x\n";
        assert_eq!(refused(below), ["4:5 `deep` is not built yet"]);
    }
}

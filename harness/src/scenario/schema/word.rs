//! Every word of the language with the places where it can stand.

use std::sync::LazyLock;

use indexmap::IndexMap;
use serde_json::Value;

use super::{INSTEAD, NAMES, NOT_BUILT, forms, forms::Form, sample::flow, scenario, types};

/// A word of the language: a key, or a value of a closed list.
#[derive(Debug, Clone)]
pub struct Word {
    /// The word itself.
    pub name: String,
    /// Where it can stand: keys from the top of the file, such as `upstream.then.cut.inside`. Lists
    /// have no name of their own; `<link>` stands for any name.
    pub places: Vec<String>,
    /// What it means, in Markdown.
    pub says: String,
    /// Whether it is a value and no key.
    pub is_value: bool,
    /// What a key's value is, with its unit.
    pub of_type: String,
    /// Whether a mapping that can hold the key needs it.
    pub is_required: bool,
    /// What holds where the key is left out, if that is one value.
    pub default: Option<String>,
    /// The words that its value can be, if it is a word.
    pub values: Vec<Choice>,
    /// Whether it is carried out; it is refused where not.
    pub is_built: bool,
    /// Whether it is itself what is not built, and not something around it.
    pub is_marked: bool,
    /// What serves instead of what is not built yet.
    pub instead: Option<String>,
    /// The keys inside its value.
    pub keys: Vec<String>,
    pub(super) schema: &'static Value,
}

/// One word of a closed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The word.
    pub name: String,
    /// What it means; empty where its name says all.
    pub says: String,
    /// Whether it is carried out.
    pub is_built: bool,
}

impl Word {
    /// The first place where it can stand.
    pub fn place(&self) -> &str {
        self.places.first().map_or("", String::as_str)
    }

    /// What it means, in one sentence.
    pub fn summary(&self) -> &str {
        let paragraph = self.says.split("\n\n").next().unwrap_or_default();
        let end = paragraph.find(". ").map_or(paragraph.len(), |at| at + 1);
        paragraph.get(..end).unwrap_or_default().trim_end_matches('.')
    }
}

/// Every word of scenarios, in the order of the types.
pub fn words() -> &'static [Word] {
    static WORDS: LazyLock<Vec<Word>> = LazyLock::new(|| {
        let mut walk = Walk { words: IndexMap::new(), inside: vec!["Scenario"] };
        let whole = Form { schema: scenario(), of: "Scenario" };
        walk.keys(whole, "", true);
        walk.words.into_values().collect()
    });
    &WORDS
}

/// The words that are meant by a name, the end of a place, or a whole place.
pub fn at(asked: &str) -> Vec<&'static Word> {
    let asked = without_nesting(asked);
    let asked: Vec<&str> = asked.split('.').collect();
    let exact = words().iter().filter(|w| w.places.iter().any(|p| same(p.split('.'), &asked)));
    let exact: Vec<&Word> = exact.collect();
    if !exact.is_empty() && asked.len() > 1 {
        return exact;
    }
    let ends = |place: &String| {
        let parts: Vec<&str> = place.split('.').collect();
        let skipped = parts.len().checked_sub(asked.len());
        skipped.is_some_and(|skipped| same(parts[skipped..].iter().copied(), &asked))
    };
    words().iter().filter(|word| word.places.iter().any(ends)).collect()
}

fn same<'a>(place: impl Iterator<Item = &'a str>, asked: &[&str]) -> bool {
    let place: Vec<&str> = place.collect();
    let one = |(known, asked): (&&str, &&str)| {
        known == asked || (known.starts_with('<') && place.len() > 1)
    };
    place.len() == asked.len() && place.iter().zip(asked).all(one) && place.last() == asked.last()
}

/// Steps inside steps, and expectations inside expectations, are those at the top.
fn without_nesting(asked: &str) -> String {
    let step = asked.rfind(".steps.").map(|at| format!("upstream.then{}", &asked[at + 6..]));
    let nested = step.unwrap_or_else(|| asked.to_owned());
    match nested.rfind(".any_of.") {
        Some(at) if !nested[..at].contains(".ends") => format!("expect{}", &nested[at + 7..]),
        Some(_) | None => nested,
    }
}

struct Walk {
    /// By the type that has the word, and the word: one that several types share stands once.
    words: IndexMap<(String, String, bool), Word>,
    /// The types that the walk is in, so that steps inside steps end it.
    inside: Vec<&'static str>,
}

impl Walk {
    fn value(&mut self, schema: &'static Value, path: &str, built: bool) {
        for form in forms(scenario(), schema) {
            if !form.of.is_empty() && self.inside.contains(&form.of) {
                continue;
            }
            self.inside.push(form.of);
            for (name, says) in described_words(form) {
                let own =
                    Key { name, says, is_value: true, is_required: false, carrier: form.schema };
                self.word(&own, form, form.schema, path, built);
            }
            if let Some(items) = form.items() {
                self.value(items, path, built);
            }
            self.keys(form, path, built);
            self.inside.pop();
        }
    }

    fn keys(&mut self, form: Form<'static>, path: &str, built: bool) {
        let Form { schema, .. } = form;
        for (name, value) in schema["properties"].as_object().into_iter().flatten() {
            let is_branch = types::is_branch(schema);
            let says = own(value).or_else(|| own(schema).filter(|_| is_branch));
            let carrier = if is_branch && own(value).is_none() { schema } else { value };
            let required = schema["required"].as_array();
            let is_required =
                !is_branch && required.is_some_and(|all| all.iter().any(|key| key == name));
            let says = says.or_else(|| types::description(value)).unwrap_or_default();
            let key = Key { name, says, is_value: false, is_required, carrier };
            self.word(&key, form, value, path, built);
        }
        if let Some(value) = schema.get("additionalProperties").filter(|rest| rest.is_object()) {
            let name = schema.get(NAMES).and_then(Value::as_str).unwrap_or("<name>");
            let Some(says) = types::description(value).filter(|_| !types::keys(value).is_empty())
            else {
                self.value(value, &join(path, name), built);
                return;
            };
            let key = Key { name, says, is_value: false, is_required: false, carrier: value };
            self.word(&key, form, value, path, built);
        }
    }

    fn word(
        &mut self,
        key: &Key,
        form: Form<'static>,
        schema: &'static Value,
        path: &str,
        built: bool,
    ) {
        let Key { name, says, is_value, is_required, carrier } = *key;
        let place = join(path, name);
        let is_built = built && carrier.get(NOT_BUILT).is_none();
        let id = (form.of.to_owned(), name.to_owned(), is_value);
        let word = self.words.entry(id).or_insert_with(|| Word {
            name: name.to_owned(),
            places: Vec::new(),
            says: says.to_owned(),
            is_value,
            of_type: if is_value { "word".to_owned() } else { types::name(schema) },
            is_required,
            default: schema.get("default").map(flow),
            values: if is_value { Vec::new() } else { types::choices(schema) },
            is_built,
            is_marked: carrier.get(NOT_BUILT).is_some(),
            instead: carrier.get(INSTEAD).and_then(Value::as_str).map(str::to_owned),
            keys: if is_value { Vec::new() } else { types::keys(schema) },
            schema,
        });
        word.is_built |= is_built;
        if !word.places.contains(&place) {
            word.places.push(place.clone());
        }
        if !is_value {
            self.value(schema, &place, is_built);
        }
    }
}

/// A word as it stands in the schema, and the part of the schema that carries its marks.
struct Key {
    name: &'static str,
    says: &'static str,
    is_value: bool,
    is_required: bool,
    carrier: &'static Value,
}

fn described_words(form: Form<'static>) -> impl Iterator<Item = (&'static str, &'static str)> {
    form.words().map(move |word| (word, own(form.schema).unwrap_or_default()))
}

fn own(schema: &'static Value) -> Option<&'static str> {
    schema.get("description").and_then(Value::as_str)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

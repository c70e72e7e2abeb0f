//! What a value is, in an author's words: its type, its unit, the words that it can be.

use serde_json::Value;

use super::{Form, NAMES, forms, forms::is_unbuilt, scenario, word::Choice};

/// Types that are told by their units.
const QUANTITIES: &[(&str, &str)] = &[
    ("Time", "time (`ms`, `s`, `m`, `h`)"),
    ("Size", "size (`B`, `KiB`, `MiB`)"),
    ("Rate", "rate (`B/s`, `KiB/s`, `MiB/s`)"),
    ("Share", "share (`%`)"),
    ("Step", "step"),
    ("Middlebox", "middlebox"),
];

/// The type of a value: `time`, `list of texts`, `mapping`, `word`...
pub(super) fn name(schema: &'static Value) -> String {
    let mut names: Vec<String> = Vec::new();
    for form in forms(scenario(), schema) {
        let name = one(form);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", or ")
}

fn one(form: Form<'static>) -> String {
    let Form { schema, of } = form;
    if let Some((_, name)) = QUANTITIES.iter().find(|(known, _)| *known == of) {
        return (*name).to_owned();
    }
    if form.words().next().is_some() || is_branch(schema) {
        return "word".to_owned();
    }
    match &schema["type"] {
        Value::String(text) => match text.as_str() {
            "array" => match form.items() {
                Some(items) => format!("list ({})", name(items)),
                None => "list".to_owned(),
            },
            "object" => object(schema),
            "string" if schema.get("pattern").is_some() => "range (`2-4`)".to_owned(),
            "string" => "text".to_owned(),
            "integer" => "whole number".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            other => other.to_owned(),
        },
        Value::Array(_) => "text, number or truth value".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            "any JSON value".to_owned()
        }
    }
}

fn object(schema: &'static Value) -> String {
    match schema.get("additionalProperties") {
        Some(Value::Object(_)) => {
            let names = schema.get(NAMES).and_then(Value::as_str).unwrap_or("<name>");
            let names = names.trim_matches(['<', '>']);
            let value = schema.get("additionalProperties").map(name).unwrap_or_default();
            format!("mapping by {names} ({value})")
        }
        Some(Value::Bool(true)) => "JSON object".to_owned(),
        _ => "mapping".to_owned(),
    }
}

/// Whether it is one form of several, told by its only key: `{ until: ... }` beside `forever`.
pub(super) fn is_branch(schema: &Value) -> bool {
    let keys = schema["properties"].as_object().map_or(0, serde_json::Map::len);
    keys == 1 && schema["required"].as_array().is_some_and(|r| r.len() == 1)
}

/// The description of a value, where its key has none: that of its type.
pub(super) fn description(schema: &'static Value) -> Option<&'static str> {
    let mut schema = schema;
    for _ in 0..8 {
        if let Some(text) = schema.get("description").and_then(Value::as_str) {
            return Some(text);
        }
        let only = schema["allOf"].get(0).unwrap_or(schema);
        let name = only["$ref"].as_str()?.strip_prefix("#/definitions/")?;
        schema = &scenario()["definitions"][name];
    }
    None
}

/// The words that a value can be, alone or with a value of their own.
pub(super) fn choices(schema: &'static Value) -> Vec<Choice> {
    let mut found: Vec<Choice> = Vec::new();
    for form in forms(scenario(), schema) {
        let schema = form.schema;
        let says = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let keys = schema["properties"].as_object().filter(|_| is_branch(schema));
        let keys = keys.into_iter().flatten().map(|(key, _)| key.as_str());
        for name in form.words().chain(keys) {
            let is_built = !is_unbuilt(schema);
            found.push(Choice { name: name.to_owned(), says: says.to_owned(), is_built });
        }
        if let Some(items) = form.items() {
            found.extend(choices(items));
        }
    }
    found
}

/// The keys of a mapping, or of the mappings of a list; those of a choice's branches are words.
pub(super) fn keys(schema: &'static Value) -> Vec<String> {
    let mut found = Vec::new();
    for form in forms(scenario(), schema) {
        if let Some(items) = form.items() {
            found.extend(keys(items));
        } else if !is_branch(form.schema) {
            let own = form.schema["properties"].as_object();
            found.extend(own.into_iter().flatten().map(|(key, _)| key.clone()));
        }
    }
    found
}

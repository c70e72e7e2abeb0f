//! Takes out of a schema what speaks of Rust and not of the language.

use schemars::{Schema, transform::transform_subschemas};
use serde_json::{Map, Value, json};

/// Names that doc texts put into backticks for the sake of a lint.
const PROPER_NAMES: &[&str] = &["OpenAI", "OpenRouter", "PyPI", "LiteLLM", "JSONPath"];

/// Makes a schema that was generated from Rust types say what the loader takes, in plain words.
pub(super) fn clean(schema: &mut Schema) {
    if let Some(keywords) = schema.as_object_mut() {
        without_null(keywords);
        keywords.remove("format");
        plain_default(keywords);
        if let Some(branches) = keywords.remove("oneOf") {
            // Their branches exclude each other by themselves; an editor tells more of `anyOf`.
            keywords.insert("anyOf".to_owned(), branches);
        }
        if let Some(Value::String(text)) = keywords.get_mut("description") {
            *text = prose(text);
        }
    }
    transform_subschemas(&mut clean, schema);
}

/// A key without a value is refused, so `null` is right nowhere.
fn without_null(keywords: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = keywords.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            keywords.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(branches)) = keywords.get_mut("anyOf") {
        branches.retain(|branch| *branch != json!({ "type": "null" }));
        if let [_] = branches.as_slice() {
            let branches = keywords.remove("anyOf").unwrap_or_default();
            keywords.insert("allOf".to_owned(), branches);
        }
    }
}

/// A default of nothing says nothing.
fn plain_default(keywords: &mut Map<String, Value>) {
    let says_nothing = match keywords.get("default") {
        Some(Value::Null) => true,
        Some(Value::Object(map)) => {
            map.values().all(says_nothing) || keywords.contains_key("allOf")
        }
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => false,
    };
    if says_nothing {
        keywords.remove("default");
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Markdown as an author reads it: links to Rust items become their names, lines of one paragraph
/// become one line.
fn prose(text: &str) -> String {
    let mut plain = text.replace("[`", "`").replace("`]", "`");
    for name in PROPER_NAMES {
        plain = plain.replace(&format!("`{name}`"), name);
    }
    let paragraphs = plain.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use schemars::json_schema;

    use super::*;

    #[test]
    fn what_may_be_left_out_may_not_be_null() {
        let mut schema = json_schema!({ "type": "object", "properties": {
            "a": { "type": ["string", "null"], "default": null },
            "b": { "anyOf": [{ "$ref": "#/definitions/Time" }, { "type": "null" }] },
        }});
        clean(&mut schema);
        let wanted = json!({ "type": "object", "properties": {
            "a": { "type": "string" },
            "b": { "allOf": [{ "$ref": "#/definitions/Time" }] },
        }});
        assert_eq!(schema.to_value(), wanted);
    }

    #[test]
    fn links_to_rust_become_words_and_lines_a_paragraph() {
        assert_eq!(prose("A [`Size`] of\n`OpenAI`.\n\nMore."), "A `Size` of OpenAI.\n\nMore.");
    }
}

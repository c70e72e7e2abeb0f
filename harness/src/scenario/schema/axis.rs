//! Lets `${axis}` stand wherever a value can stand: a matrix puts the value in its place.

use schemars::{Schema, transform::transform_subschemas};
use serde_json::{Map, Value, json};

/// What stands for the value of an axis.
const ALONE: &str = r"^\$\{[a-z][a-z0-9_-]*\}$";

/// A text with such values in it.
const INSIDE: &str = r"\$\{[a-z][a-z0-9_-]*\}";

/// Keys that a matrix is made of, or that are read before it: no axis stands in them.
const BEFORE: [&str; 2] = ["matrix", "include"];

pub(super) fn accept(root: &mut Schema) {
    let before = BEFORE.map(|key| properties(root).and_then(|all| all.get(key).cloned()));
    below(root);
    for (key, schema) in BEFORE.into_iter().zip(before) {
        if let (Some(properties), Some(schema)) = (properties(root), schema) {
            properties.insert(key.to_owned(), schema);
        }
    }
    let axis = json!({ "type": "string", "pattern": INSIDE, "description": "The value of an axis of the matrix." });
    if let Some(Value::Object(definitions)) = root.get_mut("definitions") {
        definitions.insert("Axis".to_owned(), axis);
    }
}

fn properties(schema: &mut Schema) -> Option<&mut Map<String, Value>> {
    schema.get_mut("properties").and_then(Value::as_object_mut)
}

/// Every value that stands in this schema, at any depth.
fn below(schema: &mut Schema) {
    if let Some(keywords) = schema.as_object_mut() {
        for many in ["properties", "definitions"] {
            if let Some(Value::Object(values)) = keywords.get_mut(many) {
                values.values_mut().for_each(value);
            }
        }
        for one in ["items", "additionalProperties"] {
            if let Some(found) = keywords.get_mut(one) {
                value(found);
            }
        }
    }
    transform_subschemas(&mut below, schema);
}

fn value(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    if keywords.contains_key("const") || keywords.contains_key("enum") {
        let mut alone = std::mem::take(keywords);
        let description = alone.remove("description");
        keywords.extend(description.map(|text| ("description".to_owned(), text)));
        keywords.insert("anyOf".to_owned(), json!([alone]));
    }
    if let Some(Value::Array(branches)) = keywords.get_mut("anyOf") {
        if !branches.iter().any(is_any_text) {
            branches.push(json!({ "$ref": "#/definitions/Axis" }));
        }
        return;
    }
    match keywords.get_mut("type") {
        Some(Value::String(text)) if text == "string" => {
            if let Some(Value::String(pattern)) = keywords.get_mut("pattern") {
                *pattern = format!("{pattern}|{INSIDE}");
            }
        }
        Some(Value::String(other)) => {
            let both = json!([other, "string"]);
            keywords.insert("type".to_owned(), both);
            keywords.insert("pattern".to_owned(), json!(ALONE));
        }
        _ => {}
    }
}

fn is_any_text(schema: &Value) -> bool {
    schema["type"] == "string"
        && ["pattern", "const", "enum"].iter().all(|k| schema.get(k).is_none())
}

//! The smallest value that a schema takes, and the smallest scenario that says a given word.

use serde_json::{Map, Value, json};

use super::{Form, forms, scenario, types};

/// The smallest value that this schema takes.
pub fn sample(schema: &'static Value) -> Value {
    let all = forms(scenario(), schema);
    let built = all.iter().find(|form| !form.is_unbuilt()).or_else(|| all.first());
    built.map_or(Value::Null, |form| smallest(*form, None))
}

/// The smallest scenario that has something at this place: `upstream.then.cut.inside`.
pub fn smallest_with(place: &str) -> Option<Value> {
    let parts: Vec<&str> = place.split('.').collect();
    with(scenario(), &parts)
}

/// The value of a schema that says the parts of a place; `None` where it cannot.
fn with(schema: &'static Value, parts: &[&str]) -> Option<Value> {
    let Some((first, rest)) = parts.split_first() else { return Some(sample(schema)) };
    forms(scenario(), schema).into_iter().find_map(|form| {
        // A word may have a dot in it: `h1.0`.
        let whole = parts.join(".");
        if form.words().any(|word| word == whole) {
            return Some(json!(whole));
        }
        if let Some(items) = form.items() {
            return with(items, parts).map(|item| json!([item]));
        }
        let named = form.schema["properties"].get(*first);
        let (key, value) = match named {
            Some(value) => (*first, value),
            None if first.starts_with('<') => (name(first), form.key(first)?),
            None => return None,
        };
        let value = with(value, rest)?;
        Some(smallest(form, Some((key, value))))
    })
}

/// A name of the kind that a placeholder stands for.
fn name(placeholder: &str) -> &'static str {
    match placeholder {
        "<link>" => "client-relay",
        "<host>" => "relay",
        "<header>" => "x-name",
        _ => "name",
    }
}

fn smallest(form: Form<'static>, wanted: Option<(&str, Value)>) -> Value {
    let schema = form.schema;
    if let Some(word) = form.words().next() {
        return json!(word);
    }
    let kind = &schema["type"];
    let kind = kind.as_array().and_then(|several| several.first()).unwrap_or(kind);
    match kind.as_str() {
        Some("integer") => json!(schema["minimum"].as_u64().unwrap_or_default().max(1)),
        Some("number") => json!(0.5),
        Some("boolean") => json!(true),
        Some("string") => match types::description(schema).filter(|_| has_pattern(schema)) {
            Some(text) => json!(text.split('`').nth(1).unwrap_or_default()),
            None => json!("x"),
        },
        Some("array") => json!(form.items().map(sample).into_iter().collect::<Vec<_>>()),
        Some("object") => {
            let mut keys = Map::new();
            for key in schema["required"].as_array().into_iter().flatten() {
                if let Some(key) = key.as_str() {
                    keys.insert(key.to_owned(), sample(&schema["properties"][key]));
                }
            }
            if let Some((key, value)) = wanted {
                keys.insert(key.to_owned(), value);
            }
            Value::Object(keys)
        }
        _ => json!({}),
    }
}

fn has_pattern(schema: &Value) -> bool {
    schema.get("pattern").is_some()
}

/// A value as YAML on one line.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let keys = map.iter().map(|(key, value)| format!("{}: {}", text(key), flow(value)));
            format!("{{ {} }}", keys.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::String(plain) => text(plain),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Without quotes where it is a text without them too.
fn text(text: &str) -> String {
    let inside = |c: char| c.is_ascii_alphanumeric() || "-_/.%".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(inside)
        && !matches!(text, "true" | "false" | "null")
        && text.parse::<f64>().is_err();
    if is_plain { text.to_owned() } else { json!(text).to_string() }
}

//! Arguments for a tool, made up from the JSON Schema of its parameters.

use serde_json::{Map, Value, json};

use crate::made_up::word;

/// How deep schemas are followed; deeper, and in circles of `$ref`, values are null.
const DEPTH_MAX: usize = 16;

/// How large the arguments of one call are at most, roughly: a schema may ask for as many values
/// as it likes, each as long as the request.
const BYTES_MAX: usize = 64 << 10;

/// What a parameter costs of that beside its name and what the schema gives for it.
const PARAMETER_BYTES: usize = 16;

/// An object with each required parameter, as JSON text; `{}` where there is no schema.
pub(super) fn arguments(parameters: Option<&Value>, seed: u64, label: &str) -> String {
    let Some(root) = parameters else { return "{}".to_owned() };
    let mut sample = Sample { root, seed, label, made: 0, room: BYTES_MAX };
    let value = sample.value(root, 0);
    // Arguments are an object, whatever the schema says.
    if value.is_object() { value.to_string() } else { "{}".to_owned() }
}

struct Sample<'a> {
    root: &'a Value,
    seed: u64,
    label: &'a str,
    made: u64,
    room: usize,
}

impl<'a> Sample<'a> {
    fn value(&mut self, schema: &'a Value, depth: usize) -> Value {
        self.made += 1;
        if depth > DEPTH_MAX {
            return Value::Null;
        }
        if let Some(chosen) = chosen(schema) {
            let fits = self.has_room(chosen.to_string().len());
            return if fits { chosen.clone() } else { Value::Null };
        }
        if let Some(instead) = self.instead(schema) {
            return self.value(instead, depth + 1);
        }
        match kind(schema) {
            Some("object") => self.object(schema, depth),
            Some("array") => self.array(schema, depth),
            Some("integer") => bound(schema, Value::is_i64).unwrap_or_else(|| json!(1)),
            Some("number") => bound(schema, Value::is_number).unwrap_or_else(|| json!(1.5)),
            Some("boolean") => json!(true),
            Some("null") => Value::Null,
            _ => json!(word(self.seed, self.label, self.made)),
        }
    }

    /// Takes so many bytes; what does not fit leaves no room for anything else either.
    fn has_room(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.room = left.unwrap_or(0);
        left.is_some()
    }

    /// A schema that stands for this one: what `$ref` names, the first of several.
    fn instead(&self, schema: &'a Value) -> Option<&'a Value> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.root.pointer(reference.strip_prefix('#')?);
        }
        ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(key)?.get(0))
    }

    fn object(&mut self, schema: &'a Value, depth: usize) -> Value {
        let mut object = Map::new();
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !self.has_room(name.len() + PARAMETER_BYTES) {
                break;
            }
            let parameter = schema.get("properties").and_then(|all| all.get(name));
            let value = self.value(parameter.unwrap_or(&Value::Null), depth + 1);
            object.insert(name.to_owned(), value);
        }
        Value::Object(object)
    }

    /// One item, where it is known what an item is.
    fn array(&mut self, schema: &'a Value, depth: usize) -> Value {
        let item = schema.get("items").map(|items| self.value(items, depth + 1));
        Value::Array(item.into_iter().collect())
    }
}

/// A value that the schema itself gives.
fn chosen(schema: &Value) -> Option<&Value> {
    schema.get("const").or_else(|| schema.get("enum")?.get(0))
}

/// The type; of several the first that is a value. A schema with properties is an object's.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => Some(kind),
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null")
        }
        _ if schema.get("properties").is_some() => Some("object"),
        _ => None,
    }
}

/// The lowest value that is allowed, where one is given.
fn bound(schema: &Value, fits: fn(&Value) -> bool) -> Option<Value> {
    schema.get("minimum").filter(|minimum| fits(minimum)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(schema: &Value) -> Value {
        serde_json::from_str(&arguments(Some(schema), 1, "test")).unwrap()
    }

    #[test]
    fn each_required_parameter_has_a_value_of_its_type_and_no_other_is_there() {
        let schema = json!({
            "type": "object",
            "properties": {
                "s": { "type": "string" },
                "n": { "type": "number" },
                "i": { "type": "integer", "minimum": 5 },
                "b": { "type": ["null", "boolean"] },
                "a": { "type": "array", "items": { "type": "integer" } },
                "o": { "type": "object", "required": ["x"], "properties": { "x": { "const": 9 } } },
                "e": { "type": "string", "enum": ["celsius", "fahrenheit"] },
                "r": { "$ref": "#/$defs/unit" },
                "u": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
                "left out": { "type": "string" },
            },
            "required": ["s", "n", "i", "b", "a", "o", "e", "r", "u", "unknown"],
            "$defs": { "unit": { "enum": [3] } },
        });
        let made = made(&schema);
        assert!(!made["s"].as_str().unwrap().is_empty());
        assert!(!made["unknown"].as_str().unwrap().is_empty());
        let rest = json!({
            "n": 1.5, "i": 5, "b": true, "a": [1], "o": { "x": 9 }, "e": "celsius", "r": 3, "u": 1
        });
        for (name, value) in rest.as_object().unwrap() {
            assert_eq!(made[name], *value, "{name}");
        }
        assert_eq!(made.as_object().unwrap().len(), 10);
    }

    #[test]
    fn a_schema_that_never_ends_is_given_up() {
        let circle = json!({ "$ref": "#" });
        assert_eq!(made(&circle), json!({}));
        let names: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        let properties: Map<String, Value> =
            names.iter().map(|name| (name.clone(), json!({ "$ref": "#" }))).collect();
        let wide = json!({ "type": "object", "properties": properties, "required": names });
        assert!(arguments(Some(&wide), 1, "test").len() < 2 * BYTES_MAX);
        let long = "x".repeat(BYTES_MAX);
        for odd in [json!({ "enum": [long] }), json!({ "required": [long], "properties": {} })] {
            let schema = json!({ "type": "object", "required": ["a"], "properties": { "a": odd } });
            assert!(
                arguments(Some(&schema), 1, "test").len() < 100,
                "a value as long as the limit"
            );
        }
        for odd in [json!(null), json!("x"), json!([]), json!({ "type": 5, "enum": [] })] {
            assert_eq!(made(&odd), json!({}), "{odd}");
        }
    }
}

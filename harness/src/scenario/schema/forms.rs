//! The forms that a value may have by its schema, one by one.

use serde_json::Value;

use super::NOT_BUILT;

/// One form of a value.
#[derive(Debug, Clone, Copy)]
pub(in crate::scenario) struct Form<'a> {
    /// Its schema, no reference and no choice.
    pub(in crate::scenario) schema: &'a Value,
    /// The type that it belongs to: the definition that was followed last.
    pub(in crate::scenario) of: &'a str,
}

impl<'a> Form<'a> {
    /// The schema of a key of this form, and whether it stands by its name there.
    pub(in crate::scenario) fn key(self, name: &str) -> Option<&'a Value> {
        let named = self.schema.get("properties").and_then(|keys| keys.get(name));
        named.or_else(|| self.schema.get("additionalProperties").filter(|rest| rest.is_object()))
    }

    /// The schema of the items, where it is a list.
    pub(in crate::scenario) fn items(self) -> Option<&'a Value> {
        self.schema.get("items")
    }

    /// The words that it consists of, where it is no more than words.
    pub(in crate::scenario) fn words(self) -> impl Iterator<Item = &'a str> {
        let one = self.schema.get("const").into_iter();
        let several = self.schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        one.chain(several).filter_map(Value::as_str)
    }

    /// Whether it parses and is not carried out.
    pub(in crate::scenario) fn is_unbuilt(self) -> bool {
        is_unbuilt(self.schema)
    }
}

pub(in crate::scenario) fn is_unbuilt(schema: &Value) -> bool {
    schema.get(NOT_BUILT).is_some()
}

/// The forms of a schema, through references and choices. `root` holds the definitions.
pub(in crate::scenario) fn forms<'a>(root: &'a Value, schema: &'a Value) -> Vec<Form<'a>> {
    let mut found = Vec::new();
    collect(root, Form { schema, of: "" }, &mut found);
    found
}

fn collect<'a>(root: &'a Value, form: Form<'a>, found: &mut Vec<Form<'a>>) {
    let Form { schema, of } = form;
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/definitions/"))
    {
        collect(root, Form { schema: &root["definitions"][name], of: name }, found);
        return;
    }
    let branches = schema.get("anyOf").or_else(|| schema.get("allOf")).and_then(Value::as_array);
    match branches {
        Some(branches) => {
            for branch in branches {
                collect(root, Form { schema: branch, of }, found);
            }
        }
        None => found.push(form),
    }
}

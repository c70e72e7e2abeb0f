//! The schema files that editors and other programs read.

use schemars::{Schema, transform::transform_subschemas};
use serde_json::{Value, json};

use super::{INSTEAD, NAMES, NOT_BUILT, axis, scenario, script};

/// Which files a schema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Scenarios.
    Scenario,
    /// Scripts of the mock provider.
    Script,
}

impl Kind {
    /// Where its schema stands in the repository.
    pub fn path(self) -> &'static str {
        match self {
            Self::Scenario => "scenarios/scenario.schema.json",
            Self::Script => "mock-openai/script.schema.json",
        }
    }
}

/// The text of a schema file: draft-07, which editors read.
pub fn published(kind: Kind) -> String {
    let (language, title) = match kind {
        Kind::Scenario => (scenario(), "A scenario of Whitewater"),
        Kind::Script => (script(), "A script of the mock provider"),
    };
    let Ok(mut schema) = Schema::try_from(language.clone()) else { return String::new() };
    tell_marks(&mut schema);
    if kind == Kind::Scenario {
        axis::accept(&mut schema);
        take_includes(&mut schema);
    }
    schema.insert("title".to_owned(), json!(title));
    format!("{:#}\n", schema.to_value())
}

/// What a scenario must say may stand in a file that it includes.
fn take_includes(schema: &mut Schema) {
    if let Some(required) = schema.remove("required") {
        let either = json!([{ "required": required }, { "required": ["include"] }]);
        schema.insert("anyOf".to_owned(), either);
    }
}

/// Says in words what is not built yet, since an editor shows the description alone.
fn tell_marks(schema: &mut Schema) {
    schema.remove(NAMES);
    schema.remove(INSTEAD);
    if schema.get(NOT_BUILT).is_some() {
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = format!("{text} (Not built yet: it is refused.)");
        schema.insert("description".to_owned(), json!(text.trim_start()));
    }
    transform_subschemas(&mut tell_marks, schema);
}

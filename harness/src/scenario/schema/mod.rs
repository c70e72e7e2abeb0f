//! The language as one JSON Schema, made of the types that read it and their doc texts.
//!
//! Everything that tells of the language is made of it: the files that editors read, the reference
//! page, `list`, `explain`, and the refusal of words that are not built yet.

mod axis;
mod clean;
mod example;
mod forms;
mod publish;
mod reference;
mod sample;
mod types;
mod word;

use std::sync::LazyLock;

use mock_openai::script::Script;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use super::Scenario;

pub use example::{EXAMPLES, Example, example, example_of};
pub(super) use forms::{Form, forms};
pub use publish::{Kind, published};
pub use reference::reference;
pub use sample::{sample, smallest_with};
pub use word::{Choice, Word, at, words};

/// The mark of what a file may say and no code carries out yet.
pub(super) const NOT_BUILT: &str = "x-not-built";

/// The mark that says what serves in place of something that is not built yet.
pub(super) const INSTEAD: &str = "x-instead";

/// What the keys of a mapping of free names stand for: `link` for `network: { client-relay: ... }`.
const NAMES: &str = "x-names";

/// The schema of a scenario file, in plain words and without what Rust adds.
pub fn scenario() -> &'static Value {
    static SCENARIO: LazyLock<Value> = LazyLock::new(of::<Scenario>);
    &SCENARIO
}

/// The schema of a mock's script.
pub fn script() -> &'static Value {
    static SCRIPT: LazyLock<Value> = LazyLock::new(of::<Script>);
    &SCRIPT
}

fn of<T: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    clean::clean(&mut schema);
    schema.to_value()
}

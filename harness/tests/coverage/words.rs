//! Each word of the scenario language is said by some scenario: steps, presets, boxes, faults, kinds
//! of client, expectations, and every key and value of them.

use std::{collections::BTreeSet, sync::OnceLock};

use harness::scenario::schema::{self, Word};
use serde_json::Value;

use super::{
    Excuses, all_are_met,
    catalogue::{cases, files},
};

/// Words that no scenario says.
const UNSAID: Excuses = &[
    ("expect.sees.no_finish", BYTE_FOR_BYTE),
    ("expect.sees.wrong_text", BYTE_FOR_BYTE),
    ("expect.sees.stall", "whoever still waits when a run is over has failed it"),
    ("upstream.then.send.eol.lf", LEFT_OUT),
    ("upstream.then.stream.usage.auto", LEFT_OUT),
];

const LEFT_OUT: &str = "what holds where the key is left out does not show in what was read";

/// `docs/sdks.md` has the broken relays that do this to SDKs.
const BYTE_FOR_BYTE: &str =
    "a good relay passes on what the provider sent, and no SDK makes this of it";

#[test]
fn each_word_is_said_by_some_scenario() -> Result<(), String> {
    // What stands for a name of the author's is no word.
    let words = schema::words().iter().filter(|word| word.is_built && !word.name.starts_with('<'));
    all_are_met("word", words.map(Word::place), |place| said().contains(place), UNSAID)
}

/// The first places of all words that are said. A key that says no more than its default is not.
fn said() -> &'static BTreeSet<&'static str> {
    static SAID: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    SAID.get_or_init(|| {
        let mut said = Said::default();
        for case in cases() {
            said.gather(&serde_json::to_value(&case.scenario).expect("it is plain data"), "");
        }
        // A scenario that was read has no axes any more, and short forms for long ones.
        for file in files() {
            said.gather(&serde_saphyr::from_slice(&file.text).expect("it was read before"), "");
        }
        said.words()
    })
}

/// What scenarios say, by its place.
#[derive(Default)]
struct Said {
    keys: BTreeSet<(String, String)>,
    texts: BTreeSet<String>,
}

impl Said {
    fn gather(&mut self, value: &Value, place: &str) {
        match value {
            Value::Object(keys) => {
                for (key, value) in keys {
                    let place =
                        if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                    self.gather(value, &place);
                    self.keys.insert((place, value.to_string()));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.gather(item, place)),
            Value::String(text) => {
                self.texts.insert(format!("{place}.{text}"));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn words(self) -> BTreeSet<&'static str> {
        let Self { keys, texts } = self;
        let keys = keys.iter().flat_map(|(place, value)| {
            let says = |word: &&Word| !word.is_value && default(word).as_ref() != Some(value);
            schema::at(place).into_iter().filter(says)
        });
        let texts = texts.iter().flat_map(|place| schema::at(place)).filter(|word| word.is_value);
        keys.chain(texts).map(Word::place).collect()
    }
}

/// A word's default as JSON.
fn default(word: &Word) -> Option<String> {
    let default: Value = serde_saphyr::from_str(word.default.as_deref()?).ok()?;
    Some(default.to_string())
}

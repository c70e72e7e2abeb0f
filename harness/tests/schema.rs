//! The JSON Schema: its files are up to date, it takes what the loader takes, and what is marked as
//! not built is refused.

use std::{
    fs,
    path::{Path, PathBuf},
};

use harness::scenario::{
    Scenario, load,
    schema::{Kind, published, smallest_with, words},
};
use jsonschema::Validator;
use mock_openai::yaml;
use rstest::rstest;
use serde_json::Value;

/// Rules to speak of: the loader is told which exist.
const RULES: &[&str] = &["payload-intact", "prompt-frames", "honest-ending"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn validator(kind: Kind) -> Validator {
    let schema: Value = serde_json::from_str(&published(kind)).expect("it is JSON");
    jsonschema::draft7::new(&schema).expect("it is a schema")
}

/// Another reader of YAML than the loader.
fn as_json(text: &[u8]) -> Option<Value> {
    // YAML 1.2, as the loader and editors: `yes` and `y` are texts.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(std::str::from_utf8(text).ok()?, options).ok()
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("it can be read").filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                found.push((name, fs::read(&path).expect("it can be read")));
            }
        }
    }
    found.sort();
    found
}

#[rstest]
#[case(Kind::Scenario, "whitewater schema scenario > scenarios/scenario.schema.json")]
#[case(Kind::Script, "whitewater schema script > mock-openai/script.schema.json")]
fn the_committed_files_are_what_the_types_say(#[case] kind: Kind, #[case] command: &str) {
    let committed = fs::read_to_string(root().join(kind.path())).unwrap_or_default();
    assert!(committed == published(kind), "{} is stale: run `{command}`", kind.path());
}

#[test]
fn the_schemas_are_right_by_the_meta_schema_of_draft_07() {
    for kind in [Kind::Scenario, Kind::Script] {
        let schema: Value = serde_json::from_str(&published(kind)).expect("it is JSON");
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        jsonschema::draft7::meta::validate(&schema).expect("it is a schema");
    }
}

#[test]
fn no_null_no_rust_and_no_foreign_format_is_left() {
    for kind in [Kind::Scenario, Kind::Script] {
        let text = published(kind);
        for trace in
            ["\"null\"", "\"default\": null", "\"format\"", "[`", "`]", "::", "Option<", "oneOf"]
        {
            assert!(!text.contains(trace), "{kind:?}: {trace}");
        }
    }
}

#[test]
fn an_independent_reader_takes_every_scenario_of_the_catalogue() {
    let validator = validator(Kind::Scenario);
    for (name, text) in files("scenarios") {
        let value = as_json(&text).expect("it is YAML");
        let wrong: Vec<String> =
            validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    }
}

/// What a schema cannot know, by class, and the files in which only that is wrong.
const BEYOND_A_SCHEMA: &[(&str, &[&str])] = &[
    (
        "YAML that this language leaves out: anchors, tags, directives",
        &["anchor", "directive", "tag"],
    ),
    (
        "names that must be given elsewhere, or by one alone",
        &[
            "clients-of-one-name",
            "event-after-a-crowd",
            "expectation-of-a-stranger",
            "group-where-one-is-meant",
            "two-boxes-of-one-name",
            "unknown-host",
            "unknown-link",
            "unknown-rule",
        ],
    ),
    (
        "keys of one mapping that need or exclude each other",
        &[
            "browser-without-origin",
            "event-on-the-wrong-thing",
            "event-without-a-point",
            "excuse-without-reason",
            "expectation-about-nothing",
            "get-and-post",
            "send-of-nothing",
            "two-buffers-of-one-host",
            "when-nth-and-first",
        ],
    ),
    (
        "steps, moves and hosts in an impossible order",
        &[
            "answer-that-never-ends",
            "does-after-leaving",
            "head-out-of-order",
            "path-in-wrong-order",
            "path-without-relay",
            "second-head",
            "steps-after-the-end",
        ],
    ),
    (
        "numbers that contradict others, and texts that say nothing",
        &[
            "client-that-never-asks",
            "count-of-nothing",
            "empty-title",
            "expectation-that-cannot-hold",
            "names-that-cannot-be",
            "no-clients",
            "reads-beyond-the-stream",
            "retries-that-never-are",
            "rule-that-never-answers",
            "stream-too-small-for-its-bound",
            "title-of-several-lines",
            "too-many-clients",
            "trip-that-never-fires",
        ],
    ),
];

#[test]
fn a_broken_file_is_refused_by_the_schema_where_the_typed_reading_refuses_it() {
    let validator = validator(Kind::Scenario);
    let (mut both, mut wrong) = (0, Vec::new());
    for (name, text) in files("harness/tests/bad_input") {
        let value = as_json(&text);
        let by_schema = value.as_ref().is_none_or(|value| !validator.is_valid(value));
        let by_type = yaml::load::<Scenario>(&name, &text).is_err();
        assert!(load(&name, &text, RULES).is_err(), "{name} is right");
        let class = BEYOND_A_SCHEMA.iter().find(|(_, files)| files.contains(&name.as_str()));
        both += usize::from(by_schema && by_type && value.is_some());
        match (by_schema, by_type, class) {
            (true, true, None) | (false, _, Some(_)) => {}
            (true, _, Some((class, _))) => wrong.push(format!("{name}: is no case of `{class}`")),
            (false, true, None) => wrong.push(format!("{name}: the schema takes it")),
            (false, false, None) => wrong.push(format!("{name}: belongs to a class")),
            (true, false, None) => wrong.push(format!("{name}: the types take it")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(both >= 60, "{both} files are refused by both");
}

#[test]
fn every_word_that_is_not_built_is_refused_by_name_in_the_smallest_scenario_with_it() {
    let unbuilt: Vec<_> = words().iter().filter(|word| !word.is_built).collect();
    assert!(unbuilt.iter().any(|word| word.name == "idle_cutter"), "the marks are read");
    for word in unbuilt {
        for place in &word.places {
            let value = smallest_with(place).unwrap_or_else(|| panic!("{place} leads nowhere"));
            let text = value.to_string();
            yaml::load::<Scenario>("smallest.yaml", text.as_bytes())
                .unwrap_or_else(|wrong| panic!("{place}: {text}\n{}", wrong[0]));
            let wrong = load("smallest.yaml", text.as_bytes(), RULES).expect_err(place);
            let marked = place.split('.').any(|part| {
                let told = format!("`{part}` is not built yet");
                wrong.iter().any(|one| one.message == told)
            });
            assert!(marked, "{place}: {text}\n{wrong:#?}");
        }
    }
}

#[test]
fn every_word_can_be_said_in_a_file_that_both_readers_take() {
    let validator = validator(Kind::Scenario);
    for word in words() {
        for place in &word.places {
            let value = smallest_with(place).unwrap_or_else(|| panic!("{place} leads nowhere"));
            assert!(validator.is_valid(&value), "{place}: {value}");
            let read = yaml::load::<Scenario>("smallest.yaml", value.to_string().as_bytes());
            assert!(read.is_ok(), "{place}: {value}\n{}", read.expect_err(place)[0]);
        }
    }
}

#[test]
fn every_word_says_what_it_means() {
    for word in words() {
        assert!(!word.says.is_empty(), "{}", word.place());
    }
}

#[test]
fn an_axis_stands_for_any_value_but_not_for_a_name() {
    let validator = validator(Kind::Scenario);
    let file = |step: &str| {
        let text = format!(
            "title: x\nmatrix: {{ n: [1, 2] }}\nupstream: [ {{ then: [ {step} ] }} ]\nclients: [ {{ name: a }} ]\n"
        );
        as_json(text.as_bytes()).expect("it is YAML")
    };
    for step in [
        "stream: { chunks: '${n}', every: '${n}', logprobs: '${n}', usage: '${n}', choices: '${n}' }",
        "stream: '${n}'",
        "end: '${n}'",
        "wait: '${n}ms'",
        "cut: { by: '${n}', random: '${n}', steps: [ { wait: '${n}' } ] }",
        "'${n}'",
    ] {
        assert!(validator.is_valid(&file(step)), "{step}");
    }
    for step in [
        "stream: { chunks: '${N}' }",
        "end: 'x{n}'",
        "stream: { '${n}': 1 }",
        "stream: { chunks: 'x${n}' }",
        "wait: '${'",
    ] {
        assert!(!validator.is_valid(&file(step)), "{step}");
    }
}

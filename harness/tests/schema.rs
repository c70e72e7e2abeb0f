//! The JSON Schema: it takes what the loader takes, and what is marked as
//! not built is refused.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Parser as _;
use harness::cli::{Arguments, Console, Exit};
use harness::scenario::{
    Scenario, load,
    schema::{EXAMPLES, Kind, example, published, reference, smallest_with, words},
};
use jsonschema::Validator;
use mock_openai::yaml;
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
            // What is common to scenarios is none by itself.
            if path.is_dir() && !path.ends_with("common") {
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
            "need-that-is-unknown",
            "marks-that-nobody-sets",
            "two-boxes-of-one-name",
            "unknown-host",
            "unknown-link",
            "unknown-rule",
        ],
    ),
    (
        "keys of one mapping that need or exclude each other",
        &[
            "any-of-that-cannot-be",
            "browser-without-origin",
            "ending-that-contradicts-itself",
            "event-source-that-cannot-be",
            "sdk-that-cannot-be",
            "event-on-the-wrong-thing",
            "links-and-hosts-that-cannot-be",
            "event-without-a-point",
            "excuse-without-reason",
            "expectation-about-nothing",
            "get-and-post",
            "metrics-that-nobody-needs",
            "send-of-nothing",
            "two-buffers-of-one-host",
            "tabs-that-are-none",
            "when-nth-and-first",
        ],
    ),
    (
        "steps, moves and hosts in an impossible order",
        &[
            "answer-that-never-ends",
            "client-on-the-wrong-version",
            "does-after-leaving",
            "head-out-of-order",
            "load-balancer-in-the-wrong-place",
            "path-in-wrong-order",
            "path-without-relay",
            "reconnects-that-cannot-be",
            "second-head",
            "sending-side-shut-twice",
            "steps-after-the-end",
        ],
    ),
    (
        "numbers that contradict others, and texts that say nothing",
        &[
            "boxes-that-would-pass-nothing",
            "client-that-frames-its-request",
            "expectation-of-headers-that-cannot-be",
            "hosts-that-ask-for-ever-and-dates-that-are-none",
            "headers-that-cannot-be-taken-away",
            "limits-of-boxes-that-cannot-be",
            "client-that-never-asks",
            "count-of-nothing",
            "empty-title",
            "expectation-that-cannot-hold",
            "listed-frames-that-never-come",
            "metrics-that-cannot-be",
            "trailers-that-cannot-be",
            "names-that-cannot-be",
            "no-clients",
            "reads-beyond-the-stream",
            "retries-that-never-are",
            "run-of-too-many-frames",
            "starts-after-the-limit",
            "times-of-years",
            "rule-that-never-answers",
            "stream-too-small-for-its-bound",
            "title-of-several-lines",
            "too-many-clients",
            "trip-that-never-fires",
            "word-that-no-log-holds",
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
    // That marks are read is tried on a language of its own, in `scenario/check/not_built.rs`.
    for word in words().iter().filter(|word| !word.is_built) {
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

/// What the program prints, and how it ends.
fn whitewater(arguments: &[&str]) -> (Exit, String, String) {
    let (mut out, mut log) = (Vec::new(), Vec::new());
    let mut console = Console { out: &mut out, log: &mut log, watched: false, coloured: false };
    let arguments = std::iter::once("whitewater").chain(arguments.iter().copied());
    let parsed = Arguments::try_parse_from(arguments).expect("they are right");
    let exit = parsed.carry_out(&mut console).expect("a buffer takes all");
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    (exit, text(out), text(log))
}

#[test]
fn every_word_is_explained_by_its_place_and_by_its_name() {
    for word in words() {
        assert!(!word.says.is_empty(), "{}", word.place());
        let first = word.says.split_whitespace().next().unwrap_or_default();
        for place in &word.places {
            let (exit, out, _) = whitewater(&["explain", place]);
            assert_eq!(exit, Exit::Held, "{place}");
            assert!(out.contains(place.as_str()) && out.contains(first), "{place}: {out}");
            assert!(out.lines().all(|line| line.chars().count() <= 110), "{place}: {out}");
        }
        let (exit, out, _) = whitewater(&["explain", &word.name]);
        assert_eq!(exit, Exit::Held, "{}", word.name);
        assert!(word.places.iter().any(|place| out.contains(place.as_str())), "{out}");
    }
}

#[test]
fn a_word_of_several_meanings_lists_all_its_places() {
    let (_, out, _) = whitewater(&["explain", "frames"]);
    for place in ["clients.does.read.frames", "expect.frames", "upstream.then.trip.after.frames"] {
        assert!(out.contains(place), "{out}");
    }
    let (_, out, _) = whitewater(&["explain", "upstream.then.cut.inside"]);
    for said in ["json_escape: Behind the backslash", "example   inside: utf8", "type      word"] {
        assert!(out.contains(said), "{out}");
    }
    let nested = whitewater(&["explain", "upstream.then.cut.steps.repeat.steps.stream.chunks"]);
    assert!(nested.1.starts_with("upstream.then.stream.chunks\n"), "{}", nested.1);
    let named = whitewater(&["explain", "network.client-relay.down.latency"]);
    assert!(named.1.starts_with("network.<link>.down.latency\n"), "{}", named.1);
}

#[test]
fn each_part_of_the_language_is_listed() {
    for (catalogue, entries) in [
        ("steps", &["stream: ", "cut: ", "mark: "][..]),
        ("presets", &["openrouter-comment: ", "anthropic-ping: "]),
        ("errors", &["rate_limit: 429"]),
        ("faults", &["reset: ", "crash: "]),
        ("clients", &["raw: ", "browser: "]),
        ("middleboxes", &["buffering_proxy: ", "idle_cutter"]),
        ("expectations", &["frames: ", "ends: "]),
        ("words", &["upstream.then.cut.inside: ", "hosts.<host>.recv_buffer: "]),
    ] {
        let (exit, out, _) = whitewater(&["list", catalogue]);
        assert_eq!(exit, Exit::Held);
        for entry in entries {
            assert!(out.lines().any(|line| line.starts_with(entry)), "{entry}: {out}");
        }
    }
    let (_, middleboxes, _) = whitewater(&["list", "middleboxes"]);
    assert!(!middleboxes.contains("upstream: "), "the hosts of every path are none");
}

#[test]
fn every_example_is_read_at_its_place() {
    let validator = validator(Kind::Scenario);
    for example in EXAMPLES {
        let yaml = example.yaml.trim_end();
        let last = example.place.rsplit('.').next().unwrap_or_default();
        let is_named = last.starts_with('<') || yaml.starts_with(&format!("{last}:"));
        let place = match example.place.rsplit_once('.') {
            Some((above, _)) if is_named => above,
            None if is_named => "",
            _ => example.place,
        };
        let item = as_json(yaml.as_bytes()).unwrap_or_else(|| panic!("{yaml} is no YAML"));
        // The example of a step is the step as an item; it stands among its kind.
        let is_item = yaml.starts_with(&format!("- {last}:"));
        let place = place.rsplit_once('.').filter(|_| is_item).map_or(place, |(above, _)| above);
        let mut file = smallest_with(if place.is_empty() { "title" } else { place })
            .unwrap_or_else(|| panic!("{place} leads nowhere"));
        put(&mut file, place, item);
        assert!(validator.is_valid(&file), "{}: {file}", example.place);
        if example.place != "matrix" {
            let read = yaml::load::<Scenario>("example.yaml", file.to_string().as_bytes());
            assert!(read.is_ok(), "{file}\n{}", read.expect_err(yaml)[0]);
        }
    }
    for step in words().iter().filter(|word| {
        let above = word.place().rsplit_once('.').map_or("", |(above, _)| above);
        !word.is_value && (above == "upstream.then" || above == "path")
    }) {
        assert!(example(step.place()).is_some(), "{} has no example", step.place());
    }
}

/// Puts a value where the smallest file of its place has one: mappings grow, the rest is replaced.
fn put(file: &mut Value, place: &str, new: Value) {
    match (file, place.split_once('.').unwrap_or((place, ""))) {
        (Value::Array(items), _) if !place.is_empty() => put(&mut items[0], place, new),
        (Value::Object(keys), (key, rest)) if !place.is_empty() => {
            let key = if key.starts_with('<') { "client-relay" } else { key };
            put(keys.entry(key).or_insert(Value::Null), rest, new);
        }
        (Value::Array(items), _) if new.is_object() => match &mut items[0] {
            Value::Object(_) if new.as_object().is_some_and(|new| new.len() == 1) => {
                put(&mut items[0], "", new);
            }
            Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => items[0] = new,
        },
        (Value::Object(keys), _) if new.is_object() => {
            keys.extend(new.as_object().cloned().unwrap_or_default());
        }
        (value, _) => *value = new,
    }
}

#[test]
fn the_reference_page_has_every_word_and_no_dead_link() {
    for word in words().iter().filter(|word| !word.is_value) {
        assert!(reference().contains(&format!("`{}`", word.name)), "{}", word.place());
    }
    for link in reference().split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        let anchors = reference();
        let found = anchors.lines().filter(|line| line.starts_with('#')).any(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_');
            title.chars().filter(kept).collect::<String>() == link
        });
        assert!(found, "a link to #{link} leads nowhere");
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

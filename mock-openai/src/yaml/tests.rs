//! Reading values of every shape, and the places of what is wrong with them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Diagnostic, load, load_with_places};

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Everything {
    text: String,
    flag: bool,
    small: u8,
    signed: i32,
    share: f64,
    maybe: Option<u64>,
    pair: (u64, String),
    map: BTreeMap<String, u64>,
    steps: Vec<Step>,
    any: serde_json::Value,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    Stop,
    Wait(u64),
    Pair(u64, u64),
    Send { data: String },
}

const EVERYTHING: &str = r#"
text: "1"
flag: true
small: 255
signed: -3
share: 0.5
maybe: 7
pair: [1, one]
map: { a: 1, "2": 2 }
steps: [stop, wait: 3, { pair: [1, 2] }, { send: { data: hello } }]
any: { list: [1, -2, 1.5, null, true, "x", plain] }
"#;

fn wrong(text: &str) -> Vec<Diagnostic> {
    load::<Everything>("file", text.as_bytes()).unwrap_err()
}

/// Line, column, length, message.
fn places(text: &str) -> Vec<(usize, usize, usize, String)> {
    wrong(text).into_iter().map(|one| (one.line, one.column, one.length, one.message)).collect()
}

#[test]
fn every_shape_of_value_is_read() {
    let read: Everything = load("file", EVERYTHING.as_bytes()).unwrap();
    let expected = Everything {
        text: "1".to_owned(),
        flag: true,
        small: 255,
        signed: -3,
        share: 0.5,
        maybe: Some(7),
        pair: (1, "one".to_owned()),
        map: BTreeMap::from([("a".to_owned(), 1), ("2".to_owned(), 2)]),
        steps: vec![
            Step::Stop,
            Step::Wait(3),
            Step::Pair(1, 2),
            Step::Send { data: "hello".to_owned() },
        ],
        any: serde_json::json!({ "list": [1, -2, 1.5, null, true, "x", "plain"] }),
    };
    assert_eq!(read, expected);
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing() {
    let plain: Everything = load("file", EVERYTHING.as_bytes()).unwrap();
    let crlf = format!("\u{feff}{}", EVERYTHING.replace('\n', "\r\n"));
    assert_eq!(load::<Everything>("file", crlf.as_bytes()).unwrap(), plain);
    let line = crlf.replace("flag: true", "flag: maybe");
    assert_eq!(places(&line), [(3, 7, 5, "`maybe` does not fit here".to_owned())]);
}

#[test]
fn each_mistake_stands_at_its_own_place() {
    let text = EVERYTHING
        .replace("small: 255", "small: 256")
        .replace("[1, one]", "[1, one, two]")
        .replace("wait: 3", "wait: soon")
        .replace("{ data: hello }", "{ dat: hello }")
        .replace("a: 1,", "a: x,");
    assert_eq!(
        places(&text),
        [
            (4, 8, 3, "`256` is a number".to_owned()),
            (8, 16, 3, "the list is too long: this is one too many".to_owned()),
            (9, 11, 1, "`x` does not fit here".to_owned()),
            (10, 21, 4, "`soon` does not fit here".to_owned()),
            (10, 55, 3, "unknown key `dat`".to_owned()),
        ]
    );
}

#[test]
fn numbers_and_truth_values_are_quoted_as_they_are_written() {
    for (right, written) in [
        ("small: 255", "2.0"),
        ("small: 255", "99999999999999999999"),
        ("small: 255", "0x1F4"),
        ("small: 255", "+256"),
        ("maybe: 7", "-0.50"),
    ] {
        let key = right.split(' ').next().unwrap();
        let wrong = wrong(&EVERYTHING.replace(right, &format!("{key} {written}")));
        assert_eq!(wrong[0].message, format!("`{written}` is a number"));
    }
    for (written, kind) in [("1.0", "number"), ("1e3", "number"), ("TRUE", "truth value")] {
        let wrong = wrong(&EVERYTHING.replace("text: \"1\"", &format!("text: {written}")));
        assert_eq!(wrong[0].message, format!("`{written}` is a {kind}"));
        assert_eq!(
            wrong[0].help.as_deref(),
            Some(&*format!("put quotes around it: \"{written}\""))
        );
    }
}

#[test]
fn what_follows_from_a_mistake_is_not_told() {
    // Without `data` the step would lack it, and without the step the list would be shorter.
    let text = EVERYTHING.replace("{ data: hello }", "{ data: [] }");
    assert_eq!(places(&text), [(10, 58, 2, "a list stands here".to_owned())]);
}

#[test]
fn a_word_of_a_list_takes_a_value_or_none() {
    for (written, message) in [
        ("stop: 1", "`stop` takes no value"),
        ("wait", "`wait` needs a value"),
        ("{ wait: 1, stop: 2 }", "`stop` is a second key where one says what is meant"),
        ("{}", "a mapping stands here"),
        ("[]", "a list stands here"),
        ("~", "the value is missing"),
    ] {
        let text = EVERYTHING.replace("wait: 3", written);
        let messages: Vec<String> = wrong(&text).into_iter().map(|one| one.message).collect();
        assert_eq!(messages, [message], "{written}");
    }
}

#[test]
fn a_place_is_found_by_keys_and_indices_and_else_the_nearest_that_stands_there() {
    let (_, document) = load_with_places::<Everything>("file", EVERYTHING.as_bytes()).unwrap();
    let root = document.root();
    let at = |place: super::Place<'_>| {
        let wrong = place.wrong("");
        (wrong.line, wrong.column, wrong.length)
    };
    assert_eq!(at(root.key("pair").nth(1)), (8, 11, 3));
    assert_eq!(at(root.key("steps").nth(3).key("send").key("data")), (10, 58, 5));
    assert_eq!(at(root.key("steps").nth(3).key("send").at_key()), (10, 44, 4));
    assert_eq!(at(root.key("steps").nth(9)), (10, 1, 5));
    assert_eq!(at(root.key("map").key("absent").key("deeper")), (9, 1, 3));
    assert!(root.key("map").exists() && !root.key("map").key("absent").exists());
    assert_eq!(root.key("map").keys().collect::<Vec<_>>(), ["a", "2"]);
}

#[test]
fn a_mistake_serialises_for_tools() {
    let text = EVERYTHING.replace("flag: true", "flga: true");
    let first = serde_json::to_value(&wrong(&text)[0]).unwrap();
    assert_eq!(first["file"], "file");
    assert_eq!(
        (&first["line"], &first["column"], &first["length"]),
        (&3.into(), &1.into(), &4.into())
    );
    assert_eq!(first["message"], "unknown key `flga`");
    assert_eq!(first["help"], "did you mean `flag`?");
    assert_eq!(first["source"], "flga: true");
}

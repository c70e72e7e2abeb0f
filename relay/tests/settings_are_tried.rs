//! Each setting is named by a scenario, or by a test that runs a relay with it: a new one without
//! either is told of here.

use std::{fs, io, path::Path, process::Command};

/// The text of all files below, by the end of their name.
fn texts(folder: &Path, end: &str, into: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            texts(&path, end, into)?;
        } else if path.to_string_lossy().ends_with(end) {
            into.push(fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// What a scenario says of the relay: the line that begins with the word, and what is indented
/// below it.
fn of_relay(scenario: &str) -> String {
    let below = scenario.lines().skip_while(|line| !line.starts_with("relay:"));
    let first = below.clone().take(1);
    first.chain(below.skip(1).take_while(|line| line.starts_with(' '))).collect()
}

/// Whether a word stands there and is not a part of a longer one.
fn names(text: &str, word: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].bytes().last();
        let behind = text[at + word.len()..].bytes().next();
        !before.is_some_and(part) && !behind.is_some_and(part)
    })
}

#[test]
fn each_setting_is_named_by_a_scenario_or_a_test() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut scenarios, mut tests) = (Vec::new(), Vec::new());
    texts(&root.join("scenarios"), ".yaml", &mut scenarios)?;
    texts(&root.join("relay/tests"), ".rs", &mut tests)?;
    texts(&root.join("harness/tests/real"), ".rs", &mut tests)?;
    let relays: Vec<_> = scenarios.iter().map(|scenario| of_relay(scenario)).collect();
    let mut program = Command::new(env!("CARGO_BIN_EXE_relay"));
    let reference = program.arg("--print-config-reference").output()?.stdout;
    let reference = String::from_utf8(reference).expect("it is text");
    let rows = reference.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let settings: Vec<_> = rows.map(|(name, _)| name).collect();
    for switch in relay::Config::SWITCHES {
        assert!(settings.contains(&switch.name), "{} is not in the reference", switch.name);
    }
    let tried = |name: &str| {
        // As tests write it for a relay in this process, or for the program.
        let pair = format!("(\"{name}\",");
        let flag = format!("\"--{}\"", name.replace('_', "-"));
        relays.iter().any(|relay| names(relay, name))
            || tests.iter().any(|test| test.contains(&pair) || test.contains(&flag))
    };
    let untried: Vec<_> = settings.into_iter().filter(|name| !tried(name)).collect();
    assert_eq!(untried, [""; 0], "a scenario or a test must show what these do");
    Ok(())
}

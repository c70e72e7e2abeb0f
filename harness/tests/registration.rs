//! A rule, a broken relay and a scenario each are one file: it is registered under its own name, and
//! nothing is registered that has no file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use harness::{
    broken,
    rules::{self, limits},
    scenario::catalogue,
};

/// Rules that no relay can break, and why.
const UNBREAKABLE: &[(&str, &str)] =
    &[("ending-attributed", "who ended a connection is the simulation's to know")];

/// Broken relays whose mistake no thread tells of: the program or text that makes it.
const MADE_BY_PROGRAM: &[(&str, &str)] = &[
    ("promises-half-close", "hyper"),
    ("cuts-when-told-to-stop", "axum::serve without with_graceful_shutdown"),
    ("waits-for-streams-for-ever", "Go's Server.Shutdown"),
    ("default-write-buffer", "axum::serve"),
    ("answers-404-to-methods", "gin without HandleMethodNotAllowed"),
    ("rewrites-requests", "Go's encoding/json"),
    ("answers-with-a-page", "nginx's proxy_pass"),
    ("tells-the-length-of-a-stream", "Starlette's Response"),
    ("article-no-flush", "a widely read Gin tutorial"),
    ("article-io-copy", "a widely read Gin tutorial"),
    ("article-thirty-seconds", "a widely read Gin tutorial"),
    ("article-ticker-heartbeat", "a widely read Gin tutorial"),
    ("article-pubsub-resume", "a widely read Gin tutorial"),
    ("article-retry-anything", "a widely read Gin tutorial"),
    ("article-cors-sample", "a widely read Gin tutorial"),
    ("article-relay", "a widely read Gin tutorial"),
];

fn harness(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every file below a folder that has the ending, by its path from there without the ending.
fn files(folder: &Path, ending: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(inside) = open.pop() {
        for entry in fs::read_dir(&inside).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                let below = path.strip_prefix(folder).expect("it is below").with_extension("");
                let name = below.to_string_lossy().into_owned();
                found.insert(name, fs::read_to_string(&path).expect("it can be read"));
            }
        }
    }
    assert!(!found.is_empty(), "{} holds nothing", folder.display());
    found
}

/// The names that the files of a folder which declare something should have: `any_cut` is `any-cut`,
/// `article/io_copy` is `article-io-copy`.
fn declared(folder: &str, constant: &str) -> BTreeSet<String> {
    let files = files(&harness(folder), "rs").into_iter();
    let declaring = files.filter(|(_, text)| text.contains(constant));
    declaring.map(|(name, _)| name.replace(['_', '/'], "-")).collect()
}

/// Names what has a file and is not registered, and what is registered and has no file.
fn are_the_same<'a>(files: &BTreeSet<String>, registered: impl Iterator<Item = &'a str>) {
    let registered: BTreeSet<String> = registered.map(str::to_owned).collect();
    let unregistered: Vec<_> = files.difference(&registered).collect();
    assert!(unregistered.is_empty(), "register under the name of their files: {unregistered:?}");
    let without: Vec<_> = registered.difference(files).collect();
    assert!(without.is_empty(), "no file is called as these are: {without:?}");
}

#[test]
fn each_rule_is_registered_under_the_name_of_its_file() {
    let files = declared("src/rules", "const RULE: Rule = ");
    are_the_same(&files, rules::ALL.iter().map(|rule| rule.id));
}

/// Constant numbers in rules that no run can set, and why.
const FIXED: &[(&str, &str)] = &[
    ("RESOLUTION: Duration", "virtual time has no finer one"),
    ("SEARCHED_BYTES: usize", "it bounds the work of a search"),
    ("NO_ERROR: u32", "it is a code of RFC 9113"),
    ("BEFORE: usize", "it says how much of a text is shown"),
    ("SHOWN: usize", "it says how much of a text is shown"),
];

/// What a rule is judged by can be set for a run: outside its tests its file holds no other number.
#[test]
fn each_number_of_a_rule_is_a_limit_in_the_table() {
    let mut registered = 0;
    let mut fixed: BTreeSet<&str> = BTreeSet::new();
    for (name, text) in files(&harness("src/rules"), "rs") {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let mut in_limit = false;
        for line in text.lines().filter(|_| name != "limits") {
            let opens = line.ends_with(": Limit = Limit {");
            registered += usize::from(opens);
            in_limit = (in_limit || opens) && line != "};";
            let of_number = [": Duration =", ": Size =", ": usize =", ": u32 =", ": u64 ="];
            let constant = line.contains("const ") && of_number.iter().any(|of| line.contains(of));
            if in_limit || !(constant || line.contains("Duration::from_")) {
                continue;
            }
            let excuse = FIXED.iter().find(|(what, _)| line.contains(what));
            assert!(excuse.is_some(), "{name}: make a limit of `{line}`");
            fixed.extend(excuse.map(|(what, _)| *what));
        }
    }
    assert_eq!(registered, limits::ALL.len(), "a limit is not in the table of `limits.rs`");
    assert_eq!(fixed.len(), FIXED.len(), "a number is gone: remove its excuse");
}

#[test]
fn each_broken_relay_is_registered_under_the_name_of_its_file() {
    let files = declared("src/broken", "const BROKEN: Broken = ");
    are_the_same(&files, broken::ALL.iter().map(|relay| relay.name));
}

#[test]
fn each_scenario_is_registered_under_the_path_of_its_file() {
    let files = files(&harness("../scenarios"), "yaml");
    let is_scenario = |name: &String| !name.split('/').any(|folder| folder == "common");
    let names: BTreeSet<String> = files.into_keys().filter(is_scenario).collect();
    let on_disk = catalogue::find(&[], &harness("../scenarios")).expect("they are found");
    let embedded = catalogue::embedded(&[]).expect("they are inside the library");
    for registered in [on_disk, embedded] {
        are_the_same(&names, registered.iter().map(|file| file.id.as_str()));
    }
}

#[test]
fn each_rule_is_what_some_broken_relay_is_about_or_cannot_be_broken() {
    for rule in rules::ALL {
        let is_broken = broken::ALL.iter().any(|relay| relay.caught_by.first() == Some(&rule.id));
        let is_excused = UNBREAKABLE.iter().any(|(id, _)| *id == rule.id);
        assert!(is_broken || is_excused, "write a relay that breaks {}", rule.id);
        assert!(!(is_broken && is_excused), "{} can be broken: remove its excuse", rule.id);
    }
}

#[test]
fn each_broken_relay_says_its_mistake_who_made_it_and_which_rules_see_it() {
    for relay in broken::ALL {
        assert!(relay.mistake.contains(' '), "{}: say what it does wrong", relay.name);
        assert!(!relay.caught_by.is_empty(), "{}: say which rules see it", relay.name);
        for id in relay.caught_by {
            assert!(rules::find(id).is_some(), "{}: there is no rule {id}", relay.name);
        }
        let program = MADE_BY_PROGRAM.iter().find(|(name, _)| *name == relay.name);
        match program {
            None => assert!(
                names_a_thread(relay.made_by),
                "{}: name the thread that tells of it, or the program: `{}`",
                relay.name,
                relay.made_by
            ),
            Some((name, program)) => {
                assert!(relay.made_by.contains(program), "{name} does not name {program}");
                assert!(
                    !names_a_thread(relay.made_by),
                    "{name} names a thread: no need of a program"
                );
            }
        }
    }
    for (name, _) in MADE_BY_PROGRAM {
        assert!(broken::find(name).is_some(), "there is no {name}");
    }
}

/// Whether a text names a thread: `owner/name#1` or `owner/name PR#1`.
fn names_a_thread(text: &str) -> bool {
    let is_repository = |word: &str| word.split('/').filter(|part| !part.is_empty()).count() == 2;
    let words: Vec<&str> = text.split(' ').collect();
    words.iter().enumerate().any(|(at, word)| {
        let Some((named, number)) = word.split_once('#') else { return false };
        let before = at.checked_sub(1).map_or("", |before| words[before]);
        let named = if named == "PR" { before } else { named };
        number.starts_with(|c: char| c.is_ascii_digit()) && is_repository(named)
    })
}

#[test]
fn a_thread_is_named_by_its_repository_and_its_number() {
    for told in ["a/b#1: x", "and c/d PR#22, too"] {
        assert!(names_a_thread(told), "{told}");
    }
    for vague in ["#1", "PR#2", "a/b", "axum::serve", "a/b#x"] {
        assert!(!names_a_thread(vague), "{vague}");
    }
}

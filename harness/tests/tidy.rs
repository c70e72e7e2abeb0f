//! House rules that no lint knows: every file says its idea first, stays short, and stays where it
//! may be.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines of a file outside its tests.
const FILE_LINES_MAX: usize = 400;

/// Folders below the root that hold Rust or scenarios of ours.
const FOLDERS: &[&str] = &["relay", "mock-openai", "harness", "benches"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file below the folders that has the ending, with its path from the root.
fn files(folders: &[&str], ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name());
            // A link would be followed into what it points to, a second time.
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && name != "target" {
                open.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|found| found == ending) {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let short = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
                found.push((short, text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file ends with .{ending}");
    found
}

/// Collects what is wrong, so that one look shows all of it.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, right: bool, place: &str, what: &str) {
        if !right {
            self.0.push(format!("{place}: {what}"));
        }
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        assert!(self.0.is_empty() || std::thread::panicking(), "\n{}", self.0.join("\n"));
    }
}

#[test]
fn every_rust_file_opens_with_its_idea_and_stays_short() {
    let mut wrong = Wrong::default();
    for (path, text) in files(FOLDERS, "rs") {
        wrong.unless(text.starts_with("//! "), &path, "say the file's one idea in a `//!` line");
        let testing = path.contains("test");
        let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        wrong.unless(
            testing || lines <= FILE_LINES_MAX,
            &path,
            "split it: over 400 lines outside tests",
        );
    }
}

#[test]
fn no_line_of_rust_is_put_off_or_switched_off() {
    let mut wrong = Wrong::default();
    for (path, text) in files(FOLDERS, "rs") {
        for word in ["TO-DO", "FIX-ME", "#-[ignore", "un-implemented!", "```-ignore"] {
            // Written apart, so that this file does not find itself.
            let word = word.replace('-', "");
            wrong.unless(!text.contains(&word), &path, &format!("holds `{word}`: do it now"));
        }
    }
}

#[test]
fn each_crate_knows_only_what_it_may() {
    let mut wrong = Wrong::default();
    for (path, text) in files(FOLDERS, "rs") {
        let uses = |name: &str| {
            text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
                line.contains(&format!("{name}::")) && !line.contains(&format!("_{name}::"))
            })
        };
        if path.starts_with("relay/src") {
            wrong.unless(!uses("harness") && !uses("mock_openai"), &path, "a relay knows neither");
        }
        if path.starts_with("mock-openai/src") {
            wrong.unless(!uses("harness") && !uses("relay"), &path, "a provider knows neither");
        }
        if path.starts_with("harness/src") && !path.starts_with("harness/src/net") {
            let turmoil = uses("turmoil") || uses("turmoil_net");
            wrong.unless(!turmoil, &path, "only `net` knows the turmoil crates");
        }
        if path.starts_with("harness/src/report") {
            wrong.unless(!text.contains("fn judge"), &path, "reports never judge");
        }
    }
}

#[test]
fn every_scenario_has_a_name_in_kebab_case_and_says_what_it_cites() {
    let mut wrong = Wrong::default();
    for (path, text) in files(&["scenarios"], "yaml") {
        let name = path.trim_end_matches(".yaml");
        if path.contains("/common/") {
            wrong.unless(text.starts_with("# "), &path, "say in a comment what it is a part for");
            continue;
        }
        let kebab =
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/-".contains(c));
        wrong.unless(kebab, &path, "name it in kebab-case");
        wrong.unless(text.starts_with("title: "), &path, "begin with its title");
        wrong.unless(text.contains("\ncites: ["), &path, "say what it reproduces: `cites`");
        let snapshot = root().join(format!("{name}.snap")).is_file();
        wrong.unless(snapshot, &path, "commit its snapshot beside it");
    }
}

#[test]
fn every_snapshot_belongs_to_a_scenario() {
    let mut wrong = Wrong::default();
    for (path, _) in files(&["scenarios"], "snap") {
        let scenario = root().join(path.replace(".snap", ".yaml")).is_file();
        wrong.unless(scenario, &path, "its scenario is gone: remove it");
    }
}

#[test]
fn every_path_that_the_architecture_names_exists() {
    let mut wrong = Wrong::default();
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it can be read");
    for word in text.split('`').skip(1).step_by(2) {
        let path = FOLDERS.iter().any(|folder| word.starts_with(&format!("{folder}/")));
        wrong.unless(!path || root().join(word).exists(), "ARCHITECTURE.md", word);
    }
}

//! Names that stand in the source alone: variants of enums, words that a function gives, marks.

use std::{collections::BTreeSet, fs, path::Path};

use super::catalogue::repository;

/// Whether a path, or a word of a text, names a file of Rust.
pub(crate) fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "rs")
}

fn text(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between two pieces of a text.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let behind = text.split_once(begin).unwrap_or_else(|| panic!("`{begin}` is not there")).1;
    behind.split_once(end).map_or(behind, |(inside, _)| inside)
}

/// The variants of a public enum, each as `Enum::Variant`.
pub(crate) fn variants(path: &str, name: &str) -> Vec<String> {
    let text = text(path);
    let inside = between(&text, &format!("pub enum {name} {{\n"), "\n}\n");
    let lines = inside.lines().filter_map(|line| line.strip_prefix("    "));
    let variants = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let word = |line: &str| line.split(|c: char| !c.is_alphanumeric()).next().map(str::to_owned);
    variants.filter_map(word).map(|variant| format!("{name}::{variant}")).collect()
}

/// The words in quotes within a function: `upstream_broken`, and no text of several words.
pub(crate) fn words(path: &str, function: &str) -> Vec<String> {
    let text = text(path);
    let inside = between(&text, &format!("fn {function}("), "\n    }\n");
    let quoted = inside.split('"').skip(1).step_by(2);
    let is_word = |text: &&str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    quoted.filter(is_word).map(str::to_owned).collect()
}

/// Every `reached!("...")` below a folder of source, each with the file that holds it.
pub(crate) fn marks(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = BTreeSet::from([folder.to_owned()]);
    while let Some(path) = open.pop_first() {
        if repository(&path).is_dir() {
            let entries = fs::read_dir(repository(&path)).expect("it can be listed");
            let names = entries.map(|entry| entry.expect("it can be listed").file_name());
            open.extend(names.map(|name| format!("{path}/{}", name.to_string_lossy())));
        } else if is_rust(&path) {
            let text = text(&path);
            // The example in its own documentation is none.
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let marks = code.flat_map(|line| line.split("reached!(\"").skip(1));
            let marks = marks.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
            found.extend(marks.map(|mark| (mark, path.clone())));
        }
    }
    found
}

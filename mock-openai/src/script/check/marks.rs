//! The marks that a script can pass.

use crate::script::{Script, Step};

/// The names of all marks of a script as they are written, `{i}` and `{n}` included. What waits
/// for another name waits for ever; see [`passes`].
pub fn marks(script: &Script) -> Vec<String> {
    let mut names = Vec::new();
    for rule in script {
        collect(&rule.then, &mut names);
    }
    names
}

fn collect(steps: &[Step], names: &mut Vec<String>) {
    for step in steps {
        if let Step::Mark(name) = step {
            names.push(name.clone());
        }
        if let Some((inner, _)) = step.inner() {
            collect(inner, names);
        }
    }
}

/// Whether one of the marks can have this name: a counter in it may stand for any number.
pub fn passes(marks: &[String], name: &str) -> bool {
    let name = plain(name);
    marks.iter().any(|mark| mark == &name || fits(&plain(mark), &name))
}

/// With one sign for both counters.
fn plain(name: &str) -> String {
    name.replace("{n}", "{i}")
}

fn fits(mark: &str, name: &str) -> bool {
    let Some((before, after)) = mark.split_once("{i}") else {
        return mark == name;
    };
    let Some(rest) = name.strip_prefix(before) else {
        return false;
    };
    if let Some(rest) = rest.strip_prefix("{i}") {
        return fits(after, rest);
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (1..=digits).any(|digits| fits(after, &rest[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_stands_for_any_number() {
        let marks = ["a".to_owned(), "pass-{i}".to_owned(), "{n}x{i}9".to_owned()];
        for name in ["a", "pass-0", "pass-17", "pass-{i}", "pass-{n}", "1x999", "{i}x{i}9"] {
            assert!(passes(&marks, name), "{name}");
        }
        for name in ["b", "pass-", "pass-x", "pass-1x", "1x9", "x19", ""] {
            assert!(!passes(&marks, name), "{name}");
        }
    }
}

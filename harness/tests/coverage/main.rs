//! The catalogue covers what it claims: whatever the product has, some scenario meets.
//!
//! The lists are those of the product itself: its rules, the words of its language, the relay's table
//! of settings, the facts that a trace can hold, the words and marks in the relay's source. So what is
//! new is asked for from its first day on. What no scenario can meet is excused with a reason, beside
//! the test that asks for it; an excuse that nothing needs fails as well.

mod catalogue;
mod facts;
mod log;
mod marks;
mod rules;
mod source;
mod switches;
mod told;
mod words;

use std::collections::BTreeSet;

/// What no scenario can meet, and why.
type Excuses = &'static [(&'static str, &'static str)];

/// Fails with the names that nothing meets, and with excuses that are not needed.
fn all_are_met<'a>(
    what: &str,
    all: impl IntoIterator<Item = &'a str>,
    met: impl Fn(&str) -> bool,
    excused: Excuses,
) -> Result<(), String> {
    let all: BTreeSet<&str> = all.into_iter().collect();
    assert!(!all.is_empty(), "there is no {what} at all");
    let is_excused = |name: &str| excused.iter().any(|(other, _)| *other == name);
    let unmet = all.iter().filter(|name| !met(name) && !is_excused(name));
    let needless = excused.iter().filter(|(name, _)| !all.contains(name) || met(name));
    for (name, reason) in excused {
        // A reason that names a file names one that is there.
        let named = reason.split(' ').filter(|word| source::is_rust(word));
        named.for_each(|file| assert!(catalogue::repository(file).exists(), "{name}: no {file}"));
    }
    let told: Vec<String> = unmet
        .map(|name| format!("no scenario meets {what} `{name}`: write one"))
        .chain(needless.map(|(name, _)| format!("`{name}` needs no excuse any more: remove it")))
        .collect();
    if told.is_empty() { Ok(()) } else { Err(told.join("\n")) }
}

#[test]
fn what_nothing_meets_is_named_and_so_is_an_excuse_that_nothing_needs() {
    let told = all_are_met("word", ["a", "b", "c"], |name| name == "a", &[("c", "no reason")]);
    assert_eq!(told, Err("no scenario meets word `b`: write one".to_owned()));
    let told = all_are_met("word", ["a"], |_| true, &[("a", "was new"), ("z", "is gone")]);
    let needless = |name| format!("`{name}` needs no excuse any more: remove it");
    assert_eq!(told, Err([needless("a"), needless("z")].join("\n")));
}

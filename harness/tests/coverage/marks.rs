//! Each branch of the relay that is marked, or that shows in its log, is taken in some scenario.

use std::collections::BTreeSet;

use super::{Excuses, all_are_met, catalogue::seen, source::marks};

/// Branches that no simulation takes.
const UNREACHED: Excuses = &[];

/// A branch, and whether the line of a stream shows it.
type Branch = (&'static str, fn(&str) -> bool);

/// Branches that show in the line of a stream, by what stands in that line.
const IN_THE_LOG: &[Branch] = &[
    ("an answer that was asked for again is complete", |line| {
        is_above(line, "attempts", 1) && line.contains(" end=\"complete\"")
    }),
    ("a fallback's answer is complete", |line| {
        is_above(line, "upstream", 0) && line.contains(" end=\"complete\"")
    }),
    ("a refusal is handed on after the last attempt", |line| {
        is_above(line, "attempts", 1) && is_above(line, "status", 399)
    }),
];

/// Whether a field of a line is a number above another.
fn is_above(line: &str, field: &str, least: u64) -> bool {
    let value = line.split_once(&format!(" {field}=")).map(|(_, rest)| rest);
    let number = value.and_then(|rest| rest.split(' ').next()?.parse().ok());
    number.is_some_and(|number: u64| number > least)
}

#[test]
fn each_marked_branch_is_taken_in_some_scenario() -> Result<(), String> {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: release builds have no marks");
        return Ok(());
    }
    let marks = marks("relay/src");
    let names: BTreeSet<&str> = marks.iter().map(|(mark, _)| mark.as_str()).collect();
    assert_eq!(names.len(), marks.len(), "two marks of one name hide each other: {marks:#?}");
    all_are_met("mark", names, |mark| seen().heard.reached.contains(mark), UNREACHED)
}

#[test]
fn each_branch_that_shows_in_the_log_is_taken_in_some_scenario() -> Result<(), String> {
    let names = IN_THE_LOG.iter().map(|(name, _)| *name);
    let is_taken = |name: &str| {
        let shows = IN_THE_LOG.iter().find(|(other, _)| *other == name).map(|(_, shows)| shows);
        shows.is_some_and(|shows| seen().heard.lines.iter().any(|line| shows(line)))
    };
    all_are_met("branch", names, is_taken, &[])
}

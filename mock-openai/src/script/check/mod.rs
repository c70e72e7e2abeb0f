//! Whether a script makes sense: what can never run, never match or never end is refused.

mod answer;
mod cut;
mod header;
mod marks;
mod pause;
pub use pause::check_distribution;
mod rule;
mod send;
mod stream;

pub use header::{is_header_name, is_header_value};
pub use marks::{marks, passes};

use super::Script;
use crate::yaml::{Diagnostic, Place};

/// The most that one number of a script may ask for: a run keeps every frame in memory.
const COUNT_MAX: u64 = 1_000_000;

/// The most that one answer may send.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// Checks a script that stands at a place of a document.
pub fn check(script: &Script, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let marks = marks(script);
    let mut answers_all = None;
    for (index, one) in script.iter().enumerate() {
        let place = place.nth(index);
        if let Some(first) = answers_all {
            let message =
                format!("this rule never answers: the one in line {first} answers every request");
            let help = "put the rule that answers everything last, or give it a `when`";
            wrong.push(place.wrong(message).help(help));
        } else if one.matches.is_any() && one.when.is_none() {
            answers_all = Some(place.wrong("").line);
        }
        rule::check(one, &marks, place, wrong);
    }
}

/// A number of things that happen: at least one, and not more than a run can hold.
fn check_count(count: Option<u64>, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    match count {
        Some(0) => wrong.push(place.wrong("0 makes nothing happen").wanted("wanted: 1 or more")),
        Some(count) if count > COUNT_MAX => {
            wrong.push(place.wrong(format!("more than {COUNT_MAX} is refused")));
        }
        Some(_) | None => {}
    }
}

/// Of keys that exclude each other the second that is given; `given` is in the order of the
/// documentation.
fn check_one_of(given: &[&'static str], of: &str, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if let [first, second, ..] = given {
        let message = format!("`{first}` and `{second}` stand together");
        let help = format!("keep one of them: {of}");
        wrong.push(place.key(second).at_key().wrong(message).help(help));
    }
}

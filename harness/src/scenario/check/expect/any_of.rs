//! Outcomes of which one is enough.

use mock_openai::yaml::{Diagnostic, Place};

use super::{super::Names, check_entry};
use crate::scenario::{Expect, Scenario};

/// The outcomes of an entry; and that a grade is given to nothing else.
pub(super) fn check(
    scenario: &Scenario,
    names: &Names,
    expect: &Expect,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    if expect.grade.is_some() {
        let message = "`grade` stands outside of `any_of`";
        let help = "an expectation that stands alone has no better one beside it: leave it out";
        wrong.push(place.key("grade").at_key().wrong(message).help(help));
    }
    let outcomes = place.key("any_of");
    if outcomes.exists() && expect.any_of.is_empty() {
        let help = "write at least one, such as `- { client: reader, ends: clean }`";
        wrong.push(outcomes.wrong("no outcome is accepted").help(help));
    }
    for (index, outcome) in expect.any_of.iter().enumerate() {
        let here = outcomes.nth(index);
        if here.key("any_of").exists() {
            let message = "`any_of` stands inside of `any_of`";
            let help = "write its outcomes into the outer list";
            wrong.push(here.key("any_of").at_key().wrong(message).help(help));
        } else if outcome.excused.is_some() {
            let message = "a rule is excused or not: that is no outcome";
            let help = "make `excused` an expectation of its own";
            wrong.push(here.key("excused").at_key().wrong(message).help(help));
        } else {
            check_entry(scenario, names, outcome, here, wrong);
        }
    }
}

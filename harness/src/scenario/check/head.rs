//! What stands at a scenario's top: its title, its limit, the rules that it is about.

use std::time::Duration;

use mock_openai::{
    quantity::Time,
    yaml::{Diagnostic, Place},
};

use crate::{scenario::Scenario, target::Capability};

/// More than a year: what takes longer is a slip.
const LIMIT_MAX: Time = Time(Duration::from_hours(10_000));

pub(super) fn check(
    scenario: &Scenario,
    root: Place<'_>,
    rules: &[&str],
    wrong: &mut Vec<Diagnostic>,
) {
    let title = root.key("title");
    if scenario.title.trim().is_empty() {
        let message = "the title says nothing";
        wrong.push(title.wrong(message).wanted("wanted: one sentence in the present tense"));
    } else if scenario.title.trim().contains('\n') {
        wrong.push(title.wrong("the title has several lines").wanted("wanted: one sentence"));
    }
    if scenario.limit.0.is_zero() {
        let message = "a limit of no time ends the run before it begins";
        wrong.push(root.key("limit").wrong(message).help("leave it out for 10m"));
    } else if scenario.limit > LIMIT_MAX {
        let message = format!("a limit of more than {LIMIT_MAX} is refused");
        wrong.push(root.key("limit").wrong(message).help("leave it out for 10m"));
    }
    for (index, need) in scenario.needs.iter().enumerate() {
        if need.parse::<Capability>().is_err() {
            let place = root.key("needs").nth(index);
            let known = Capability::ALL.iter().map(|known| known.name());
            wrong.push(place.wrong(format!("unknown capability `{need}`")).known(need, known));
        }
    }
    for (index, rule) in scenario.proves.iter().enumerate() {
        let place = root.key("proves").nth(index);
        if scenario.proves[..index].contains(rule) {
            wrong.push(place.wrong(format!("the rule `{rule}` stands twice")));
        } else {
            check_rule(rule, rules, place, wrong);
        }
    }
}

/// The id of a rule that exists.
pub(super) fn check_rule(
    rule: &str,
    rules: &[&str],
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    if !rules.contains(&rule) {
        let message = format!("unknown rule `{rule}`");
        wrong.push(place.wrong(message).known(rule, rules.iter().copied()));
    }
}

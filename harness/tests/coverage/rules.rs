//! Each rule is applied by some scenario, and the reference relay holds it there.

use harness::rules;

use super::{all_are_met, catalogue::seen};

#[test]
fn each_rule_holds_in_some_scenario() -> Result<(), String> {
    let rules = rules::ALL.iter().map(|rule| rule.id);
    all_are_met("rule", rules, |id| seen().held.contains(id), &[])
}

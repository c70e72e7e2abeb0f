//! Each broken relay is caught by the rules that its file names, in some scenario, and by no other
//! rule in any; the reference relay is caught by none.

use std::collections::BTreeSet;

use harness::{
    broken,
    net::Engine,
    report::EXPECTED,
    rules,
    suite::{self, Settings},
    target::Target,
};

use super::support;

/// The rules that break, over all scenarios, expectations of scenarios left aside.
fn broken_rules(target: Target) -> Result<BTreeSet<String>, String> {
    let settings = Settings { target, engine: Engine::TurmoilNet, seed: 1 };
    let report = suite::run(&support::cases()?, &settings, &|_| {});
    let failures = report.outcomes.into_iter().flat_map(|outcome| outcome.failures);
    // What a scenario's author expects is mostly a consequence, and so is a client that waits for what
    // a relay keeps. A panic is not.
    Ok(failures
        .filter(|failure| failure.level != EXPECTED || failure.rule == "nothing panics")
        .map(|failure| failure.rule)
        .collect())
}

#[test]
fn each_broken_relay_breaks_exactly_the_rules_that_it_should() -> Result<(), String> {
    let mut wrong = Vec::new();
    for relay in broken::ALL {
        let broke = broken_rules(relay.target())?;
        let should: BTreeSet<String> = relay.caught_by.iter().map(|id| (*id).to_owned()).collect();
        if broke != should {
            wrong.push(format!("broken/{}: breaks {broke:?}, should break {should:?}", relay.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn each_rule_catches_some_broken_relay() {
    let caught: BTreeSet<&str> =
        broken::ALL.iter().flat_map(|relay| relay.caught_by.iter().copied()).collect();
    let idle: Vec<&str> =
        rules::ALL.iter().map(|rule| rule.id).filter(|id| !caught.contains(id)).collect();
    assert!(idle.is_empty(), "no broken relay shows what these rules are for: {idle:?}");
}

//! Each broken relay is caught by the rules that its file names, in some scenario, and by no other
//! rule in any; the reference relay is caught by none.

use std::{collections::BTreeSet, path::Path};

use harness::{
    broken,
    net::Engine,
    rules,
    scenario::{self, catalogue},
    suite::{self, Case, Settings},
    target::Target,
};

fn cases() -> Result<Vec<Case>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let rules: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
    let files = catalogue::find(&[], &root).map_err(|error| error.to_string())?;
    let case = |file: catalogue::ScenarioFile| {
        let scenario = scenario::load(&file.path, &file.text, &rules)
            .map_err(|_| format!("{} does not load", file.id))?;
        Ok(Case { id: file.id, scenario })
    };
    files.into_iter().map(case).collect()
}

/// The rules that break, over all scenarios, expectations of scenarios left aside.
fn broken_rules(target: Target) -> Result<BTreeSet<String>, String> {
    let settings = Settings { target, engine: Engine::TurmoilNet, seed: 1 };
    let report = suite::run(&cases()?, &settings, &|_| {});
    let failures = report.outcomes.into_iter().flat_map(|outcome| outcome.failures);
    Ok(failures.filter(|f| f.level != "scenario").map(|failure| failure.rule).collect())
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

//! Every scenario of the catalogue is read, checked and planned.

use harness::{
    plan::plan,
    scenario::{catalogue, load},
};

/// The rules that the catalogue speaks of.
const RULES: &[&str] = &[
    "payload-intact",
    "any-cut",
    "prompt-frames",
    "one-ending",
    "honest-ending",
    "early-failure-keeps-status",
    "cancel-upstream",
    "bounded-memory",
    "nothing-left",
    "storm-is-damped",
    "no-retry-after-content",
    "preflight-without-auth",
    "cors-on-everything",
];

#[test]
fn every_scenario_of_the_catalogue_is_read_and_planned() {
    let files = catalogue::embedded(&[]).unwrap();
    assert!(files.len() >= 10, "{}", files.len());
    for file in files {
        let name = file.path.display().to_string();
        let scenario = load(&name, &file.text, RULES).unwrap_or_else(|wrong| {
            let texts: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            panic!("{}", texts.join("\n\n"))
        });
        let first = serde_json::to_string(&plan(&scenario, &file.id, 1)).unwrap();
        let again = serde_json::to_string(&plan(&scenario, &file.id, 1)).unwrap();
        assert_eq!(first, again, "{name}");
    }
}

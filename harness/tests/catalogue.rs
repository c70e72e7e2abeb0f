//! Every scenario of the catalogue is read, checked and planned.

use harness::{
    plan::plan,
    rules,
    scenario::{catalogue, load},
};

/// The ids of all rules: a scenario may be about any of them.
fn rule_ids() -> Vec<&'static str> {
    rules::ALL.iter().map(|rule| rule.id).collect()
}

#[test]
fn every_scenario_of_the_catalogue_is_read_and_planned() {
    let files = catalogue::embedded(&[]).unwrap();
    assert!(files.len() >= 10, "{}", files.len());
    for file in files {
        let name = file.path.display().to_string();
        let scenario = load(&name, &file.text, &rule_ids()).unwrap_or_else(|wrong| {
            let texts: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            panic!("{}", texts.join("\n\n"))
        });
        let first = serde_json::to_string(&plan(&scenario, &file.id, 1)).unwrap();
        let again = serde_json::to_string(&plan(&scenario, &file.id, 1)).unwrap();
        assert_eq!(first, again, "{name}");
    }
}

#[test]
fn every_scenario_is_the_same_when_it_is_written_out_and_read_again() {
    for file in catalogue::embedded(&[]).unwrap() {
        let name = file.path.display().to_string();
        let scenario = load(&name, &file.text, &rule_ids()).unwrap();
        // JSON is YAML.
        let written = serde_json::to_string_pretty(&scenario).unwrap();
        let again = load(&name, written.as_bytes(), &rule_ids()).unwrap_or_else(|wrong| {
            let texts: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            panic!("{}", texts.join("\n\n"))
        });
        assert_eq!(scenario, again, "{name}");
    }
}

//! Every scenario of the catalogue is read, checked and planned.

use std::{fs, path::Path};

use harness::{
    rules,
    scenario::{
        catalogue::{self, ScenarioFile},
        load_all,
    },
    suite::Case,
};
use mock_openai::yaml::Diagnostic;

/// The ids of all rules: a scenario may be about any of them.
fn rule_ids() -> Vec<&'static str> {
    rules::ALL.iter().map(|rule| rule.id).collect()
}

fn texts(wrong: &[Diagnostic]) -> String {
    wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

fn cases(file: &ScenarioFile) -> Vec<Case> {
    Case::read_all(file).unwrap_or_else(|wrong| panic!("{}", texts(&wrong)))
}

#[test]
fn every_scenario_of_the_catalogue_is_read_and_planned() {
    let files = catalogue::embedded(&[]).unwrap();
    assert!(files.len() >= 10, "{}", files.len());
    for file in files {
        for case in cases(&file) {
            let first = serde_json::to_string(&case.plan(1)).unwrap();
            let again = serde_json::to_string(&case.plan(1)).unwrap();
            assert_eq!(first, again, "{}", case.id);
        }
    }
}

#[test]
fn every_scenario_is_the_same_when_it_is_written_out_and_read_again() {
    for file in catalogue::embedded(&[]).unwrap() {
        for case in cases(&file) {
            // JSON is YAML; what is written out includes no other files and has no matrix.
            let written = serde_json::to_string_pretty(&case.scenario).unwrap();
            let again = load_all(&file.path, written.as_bytes(), &file.files(), &rule_ids());
            let again = again.unwrap_or_else(|wrong| panic!("{}", texts(&wrong)));
            let again: Vec<_> = again.into_iter().map(|(_, scenario)| scenario).collect();
            assert_eq!(again, [case.scenario], "{}", case.id);
        }
    }
}

#[test]
fn every_shared_part_is_included_by_a_scenario_and_is_none_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let texts: Vec<String> = catalogue::embedded(&[])
        .unwrap()
        .into_iter()
        .map(|file| String::from_utf8(file.text).unwrap())
        .collect();
    let parts = fs::read_dir(root.join("common")).unwrap();
    let parts: Vec<_> = parts.map(|part| part.unwrap().file_name()).collect();
    assert!(!parts.is_empty());
    for part in parts {
        let name = format!("../common/{}", part.to_string_lossy());
        assert!(texts.iter().any(|text| text.contains(&name)), "nothing includes {name}");
        assert!(catalogue::embedded(&[name[3..].to_owned()]).is_err(), "{name}");
        assert!(catalogue::find(&[root.join(&name[3..]).display().to_string()], &root).is_err());
    }
}

//! Whether the reference relay has the switches that scenarios set.
//!
//! A relay of somebody's own may have others, so this is asked by `check` alone, and only a name that
//! is nearly one of the reference relay's is a mistake.

use mock_openai::yaml::{Diagnostic, Document, Matrix, Place, nearest};

use crate::{
    scenario::catalogue::ScenarioFile,
    suite::Case,
    target::reference::{self, Switches},
};

/// What is wrong with the switches of the cases of one file, each thing once, in the order of the file.
pub(super) fn check(file: &ScenarioFile, cases: &[Case]) -> Vec<Diagnostic> {
    // Any text that gave cases is a document with a template.
    let document = Document::with_includes(&file.path, &file.text, &file.files());
    let Ok(matrix) = document.and_then(Matrix::of) else { return Vec::new() };
    let relay = matrix.template().root().key("relay");
    let mut wrong: Vec<Diagnostic> = Vec::new();
    for case in cases {
        let switches = case.scenario.relay.iter();
        let switches = switches.map(|(name, value)| (name.clone(), value.0.clone())).collect();
        for one in of_case(&switches, relay) {
            if !wrong.contains(&one) {
                wrong.push(one);
            }
        }
    }
    matrix.template().sort(&mut wrong);
    wrong
}

fn of_case(switches: &Switches, relay: Place<'_>) -> Vec<Diagnostic> {
    let each = switches.iter().filter_map(|(name, value)| one(name, value, relay));
    let wrong: Vec<Diagnostic> = each.collect();
    if !wrong.is_empty() {
        return wrong;
    }
    let contradictions = reference::contradictions(switches).into_iter();
    contradictions
        .map(|(named, text)| {
            let named = named.iter().copied().find(|name| switches.contains_key(*name));
            let place = named.map_or_else(|| relay.at_key(), |name| relay.key(name));
            place.wrong(text)
        })
        .collect()
}

fn one(name: &str, value: &str, relay: Place<'_>) -> Option<Diagnostic> {
    let place = relay.key(name);
    if reference::switch_names().any(|known| known == name) {
        let why = reference::maps_switch(name, value).err()?;
        return Some(place.wrong(why));
    }
    let unknown = place.at_key().wrong(format!("the reference relay has no switch `{name}`"));
    Some(match nearest(name, reference::switch_names()) {
        Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
        None => unknown
            .help("only a relay of your own that maps it runs this scenario, others skip it")
            .warning(),
    })
}

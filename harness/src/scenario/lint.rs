//! Weaknesses of a scenario that is right: nothing here stops a run.

use mock_openai::yaml::{self, Diagnostic, Place};

use super::{Expect, Scenario};

/// A title is one sentence: with its place in a list it fits the width of two terminals, and the
/// longest of the catalogue, which say cause and effect, just stay below.
const TITLE_CHARACTERS_MAX: usize = 120;

/// All weaknesses of a scenario that was read from this text, as warnings in the order of the file.
pub fn lint(file_name: &str, text: &[u8], scenario: &Scenario) -> Vec<Diagnostic> {
    // Any text that gave a scenario is YAML; the values mean nothing here, only their places.
    let Ok((_, document)) = yaml::load_with_places::<serde_json::Value>(file_name, text) else {
        return Vec::new();
    };
    let root = document.root();
    let mut weak = Vec::new();
    check_title(&scenario.title, root.key("title"), &mut weak);
    check_reasons(scenario, root, &mut weak);
    check_excuses(&scenario.expect, &scenario.proves, root.key("expect"), &mut weak);
    weak.sort_by_key(|one| (one.line, one.column));
    weak.into_iter().map(Diagnostic::warning).collect()
}

fn check_title(title: &str, place: Place<'_>, weak: &mut Vec<Diagnostic>) {
    let characters = title.trim().chars().count();
    if characters > TITLE_CHARACTERS_MAX {
        let message = format!("the title has {characters} characters");
        let wanted = format!("wanted: at most {TITLE_CHARACTERS_MAX}");
        weak.push(place.wrong(message).wanted(wanted).help("put the rest into a comment"));
    }
    if title.trim_end().ends_with('.') {
        weak.push(place.wrong("the title ends with a full stop").help("leave it out"));
    }
}

fn check_reasons(scenario: &Scenario, root: Place<'_>, weak: &mut Vec<Diagnostic>) {
    // What is missing is told at the title, which every scenario has.
    let place = |key| {
        let there = root.key(key);
        if there.exists() { there.at_key() } else { root.key("title").at_key() }
    };
    if scenario.proves.is_empty() && scenario.expect.is_empty() {
        let help = "name the rules that it is about: `proves: [honest-ending]` \
                    (`whitewater list rules` shows all)";
        weak.push(
            place("proves").wrong("the scenario proves nothing and expects nothing").help(help),
        );
    }
    if scenario.cites.iter().all(|source| source.trim().is_empty()) {
        let help = "say why it exists: `cites: [RFC 9112 8, litellm#33404]`";
        weak.push(place("cites").wrong("the scenario cites nothing").help(help));
    }
}

/// What is excused is not judged, so it proves nothing.
fn check_excuses(
    expect: &[Expect],
    proves: &[String],
    place: Place<'_>,
    weak: &mut Vec<Diagnostic>,
) {
    for (index, one) in expect.iter().enumerate() {
        let here = place.nth(index);
        if let Some(rule) = one.excused.as_ref().filter(|rule| proves.contains(rule)) {
            let message = format!("`{rule}` is excused here, and the scenario proves it");
            let help = "take it out of `proves`, or excuse nothing";
            weak.push(here.key("excused").wrong(message).help(help));
        }
        check_excuses(&one.any_of, proves, here.key("any_of"), weak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load;

    /// Line, column and message of each.
    fn weak(text: &str) -> Vec<(usize, usize, String)> {
        let rules = ["honest-ending", "prompt-frames"];
        let scenario = load("weak.yaml", text.as_bytes(), &rules).unwrap();
        let weak = lint("weak.yaml", text.as_bytes(), &scenario);
        weak.into_iter().map(|one| (one.line, one.column, one.message)).collect()
    }

    const REST: &str = "upstream: [{then: [{stream: {}}]}]\nclients: [{name: reader}]\n";

    #[test]
    fn a_scenario_without_reasons_is_weak_at_its_title_or_at_the_empty_key() {
        let title = "title: \"It holds\"\n";
        let proves = "the scenario proves nothing and expects nothing".to_owned();
        let cites = "the scenario cites nothing".to_owned();
        assert_eq!(
            weak(&format!("{title}{REST}")),
            [(1, 1, proves.clone()), (1, 1, cites.clone())]
        );
        let empty = format!("{title}cites: [\"\"]\nproves: []\n{REST}");
        assert_eq!(weak(&empty), [(2, 1, cites), (3, 1, proves)]);
        let strong = format!("{title}cites: [RFC 9112 8]\nproves: [honest-ending]\n{REST}");
        assert_eq!(weak(&strong), []);
    }

    #[test]
    fn a_title_is_short_and_has_no_full_stop() {
        let with_title = |title: &str| {
            let head = "cites: [RFC 9112 8]\nproves: [honest-ending]\n";
            weak(&format!("title: {title}\n{head}{REST}"))
        };
        assert_eq!(with_title(&"é".repeat(120)), []);
        let long = (1, 8, "the title has 121 characters".to_owned());
        assert_eq!(with_title(&"é".repeat(121)), [long]);
        let stopped = (1, 8, "the title ends with a full stop".to_owned());
        assert_eq!(with_title("It ends."), [stopped]);
    }

    #[test]
    fn what_is_proved_is_not_excused() {
        let text = format!(
            "title: It holds\ncites: [RFC 9112 8]\nproves: [prompt-frames]\n{REST}\
             expect:\n  - excused: prompt-frames\n    because: a box holds\n  \
             - excused: honest-ending\n    because: it lies\n"
        );
        let message = "`prompt-frames` is excused here, and the scenario proves it".to_owned();
        assert_eq!(weak(&text), [(7, 14, message)]);
    }
}

//! The marks that a scenario's provider sets, for whoever waits for one.

use mock_openai::{
    script::{Script, marks, passes},
    yaml::{Diagnostic, Place},
};

/// A mark that some rule sets.
pub(super) fn check(script: &Script, name: &str, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let set = marks(script);
    if fits(&set, name) {
        return;
    }
    let unknown = place.wrong(format!("no rule of the provider sets the mark `{name}`"));
    wrong.push(if set.is_empty() {
        unknown.help(format!("write `- mark: {name}` among its steps, where it is to be passed"))
    } else {
        unknown.known(name, set.iter().map(String::as_str))
    });
}

/// Whether one of the marks can come out as that name. No loop stands around who waits, so a
/// counter in the name stays as it is: it fits a mark that says the same, and no number.
fn fits(set: &[String], name: &str) -> bool {
    let has_counter = name.contains("{i}") || name.contains("{n}");
    if has_counter { set.iter().any(|mark| mark == name) } else { passes(set, name) }
}

#[cfg(test)]
mod tests {
    fn fits(mark: &str, name: &str) -> bool {
        super::fits(&[mark.to_owned()], name)
    }

    #[test]
    fn counters_in_a_mark_stand_for_numbers() {
        assert!(fits("half", "half") && !fits("half", "halfway"));
        assert!(
            fits("turn-{i}", "turn-12")
                && !fits("turn-{i}", "turn-")
                && !fits("turn-{i}", "turn-x")
        );
        assert!(fits("{n}of{i}", "3of10") && !fits("{n}of{i}", "3 of 10"));
        assert!(fits("{i}{n}", "12") && !fits("{i}{n}", "1"));
        assert!(fits("turn-{i}", "turn-{i}"));
    }
}

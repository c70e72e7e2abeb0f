//! The marks that a scenario's provider sets, for whoever waits for one.

use mock_openai::{
    script::{Script, Step},
    yaml::{Diagnostic, Place},
};

/// A mark that some rule sets.
pub(super) fn check(script: &Script, name: &str, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let mut set = Vec::new();
    script.iter().for_each(|rule| collect(&rule.then, &mut set));
    if set.iter().any(|mark| fits(mark, name)) {
        return;
    }
    let unknown = place.wrong(format!("no rule of the provider sets the mark `{name}`"));
    wrong.push(if set.is_empty() {
        unknown.help(format!("write `- mark: {name}` among its steps, where it is to be passed"))
    } else {
        unknown.known(name, set.into_iter())
    });
}

fn collect<'a>(steps: &'a [Step], set: &mut Vec<&'a str>) {
    for step in steps {
        match step {
            Step::Mark(name) => set.push(name),
            Step::Cut(cut) => collect(&cut.steps, set),
            Step::Repeat(repeat) => collect(&repeat.steps, set),
            Step::Head(_)
            | Step::Stream(_)
            | Step::Send(_)
            | Step::Json(_)
            | Step::Error(_)
            | Step::Wait(_)
            | Step::Trip(_)
            | Step::End(_) => {}
        }
    }
}

/// Whether a mark can come out as that name: its counters `{i}` and `{n}` stand for numbers.
fn fits(mark: &str, name: &str) -> bool {
    let counter = ["{i}", "{n}"].into_iter().filter_map(|sign| Some((mark.find(sign)?, sign)));
    let Some((at, sign)) = counter.min() else { return mark == name };
    // Outside of a loop the sign stays as it is.
    if mark == name {
        return true;
    }
    let Some(rest) = name.strip_prefix(&mark[..at]) else { return false };
    let behind = &mark[at + sign.len()..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (1..=digits).any(|digits| fits(behind, &rest[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

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

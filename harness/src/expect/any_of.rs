//! Whether one of several accepted outcomes came about, and how good it is.

use super::Labelled;
use crate::{
    exchange::Run,
    scenario::{Expect, Grade},
    verdict::{Breach, Verdict},
};

/// An accepted outcome that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lenient {
    /// What it speaks of: `any_of: reader: ends`.
    pub label: String,
    /// What of the stricter outcomes did not come about, each with what was got.
    pub instead_of: Vec<String>,
}

/// The verdict of a whole `any_of`, and its outcome where a lenient one decided.
pub(super) fn judge(run: &Run<'_>, outcomes: &[Expect]) -> (Labelled, Option<Lenient>) {
    let mut missed: Vec<(Grade, Vec<Labelled>)> = Vec::new();
    for outcome in outcomes {
        let verdicts = super::judge(run, outcome).verdicts;
        let grade = outcome.grade.unwrap_or_default();
        if !verdicts.is_empty() && verdicts.iter().all(|(_, one)| *one == Verdict::Held) {
            let label = label(&verdicts);
            let lenient = || Lenient {
                label: label.clone(),
                instead_of: missed.iter().map(|(grade, one)| told(*grade, one, both)).collect(),
            };
            let lenient = (grade == Grade::Lenient).then(lenient);
            return ((label, Verdict::Held), lenient);
        }
        missed.push((grade, verdicts));
    }
    (none(&missed), None)
}

/// Where none holds: every accepted outcome is told, with what was got. The place is where the
/// first of them broke, which is the best.
fn none(missed: &[(Grade, Vec<Labelled>)]) -> Labelled {
    let broke: Vec<&Breach> = missed.iter().flat_map(|(_, one)| broken(one)).collect();
    let Some(first) = broke.first() else {
        // No outcome broke, and none holds: what they ask for could not be judged.
        let unjudged = missed.iter().flat_map(|(_, verdicts)| verdicts);
        let mut unjudged = unjudged.filter(|(_, verdict)| *verdict != Verdict::Held);
        let (label, verdict) = unjudged.next().cloned().unwrap_or_else(nothing);
        return (format!("any_of: {label}"), verdict);
    };
    let mut got: Vec<String> = Vec::new();
    for breach in &broke {
        if !got.contains(&breach.got) {
            got.push(breach.got.clone());
        }
    }
    let wanted = missed.iter().map(|(grade, one)| told(*grade, one, wanted)).collect();
    let breach = Breach { wanted, got: got.join("; "), ..(*first).clone() };
    let labels = missed.first().map_or_else(|| "any_of".to_owned(), |(_, one)| label(one));
    (labels, Verdict::Broke(breach))
}

fn nothing() -> Labelled {
    ("nothing".to_owned(), Verdict::NotApplicable { why: "no outcome is named".to_owned() })
}

/// `any_of: reader: status, reader: ends`.
fn label(verdicts: &[Labelled]) -> String {
    let labels: Vec<&str> = verdicts.iter().map(|(label, _)| label.as_str()).collect();
    format!("any_of: {}", labels.join(", "))
}

fn broken(verdicts: &[Labelled]) -> impl Iterator<Item = &Breach> {
    verdicts.iter().filter_map(|(_, verdict)| match verdict {
        Verdict::Broke(breach) => Some(breach),
        Verdict::Held | Verdict::NotApplicable { .. } => None,
    })
}

/// One outcome as a line: `strict: reader: ends: error_event`.
fn told(grade: Grade, verdicts: &[Labelled], tell: fn(&Breach) -> String) -> String {
    let parts = verdicts.iter().filter_map(|(label, verdict)| match verdict {
        Verdict::Broke(breach) => Some(format!("{label}: {}", tell(breach))),
        Verdict::NotApplicable { why } => Some(format!("{label}: cannot be judged, {why}")),
        Verdict::Held => None,
    });
    format!("{}: {}", word(grade), parts.collect::<Vec<_>>().join(", and "))
}

fn wanted(breach: &Breach) -> String {
    breach.wanted.join(" or ")
}

fn both(breach: &Breach) -> String {
    format!("{}, got {}", wanted(breach), breach.got)
}

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Strict => "strict",
        Grade::Lenient => "lenient",
    }
}

//! The cells of matrices, put together again for people.

use std::{collections::BTreeSet, io};

use indexmap::IndexMap;

use super::{Conclusion, Outcome};

/// So many labels of an axis are written out.
const LABELS_SHOWN_MAX: usize = 8;

/// How many files the outcomes come from.
pub(super) fn scenarios<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> usize {
    let ids: BTreeSet<&str> = outcomes.into_iter().map(|one| one.scenario.as_str()).collect();
    ids.len()
}

/// A line for each matrix of which all cells held; what broke is told cell by cell.
pub(super) fn held(outcomes: &[Outcome], out: &mut dyn io::Write) -> io::Result<()> {
    let mut matrices: IndexMap<&str, Vec<&Outcome>> = IndexMap::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.cell.is_empty()) {
        matrices.entry(&outcome.scenario).or_default().push(outcome);
    }
    for (scenario, cells) in matrices {
        if cells.iter().all(|cell| cell.result == Conclusion::Held) {
            writeln!(out, "held     {scenario}: {} cells ({})", cells.len(), axes(&cells))?;
        }
    }
    Ok(())
}

/// `eol: lf, crlf; cut: 1, 2`.
fn axes(cells: &[&Outcome]) -> String {
    let mut axes: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for (axis, label) in cells.iter().flat_map(|outcome| &outcome.cell) {
        let labels = axes.entry(axis).or_default();
        if !labels.contains(&label.as_str()) {
            labels.push(label);
        }
    }
    let told = |(axis, labels): (&str, Vec<&str>)| {
        let shown = labels.len().min(LABELS_SHOWN_MAX);
        let more = match labels.len() - shown {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{axis}: {}{more}", labels[..shown].join(", "))
    };
    axes.into_iter().map(told).collect::<Vec<_>>().join("; ")
}

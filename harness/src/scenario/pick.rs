//! Picking cells of a matrix: which of the scenarios that files stand for a filter means.

use mock_openai::yaml::nearest;

use super::{
    CellName,
    catalogue::{NotFound, ScenarioFile},
};

/// A filter that means a scenario or some cells of it: `area/name[eol=crlf]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// As it was given.
    text: String,
    /// What stands in its brackets; nothing where it means all cells.
    cell: CellName,
}

/// The files that a filter means, each with the part of it that is about cells.
pub(super) fn meant(
    filter: &str,
    find: impl Fn(&str) -> Result<Vec<ScenarioFile>, NotFound>,
) -> Result<Vec<ScenarioFile>, NotFound> {
    let (name, cell) = CellName::split(filter);
    let mut found = find(name).map_err(|error| match error {
        NotFound::NoMatch { nearest, .. } => {
            NotFound::NoMatch { filter: filter.to_owned(), nearest }
        }
        NotFound::NoPath { .. }
        | NotFound::Empty { .. }
        | NotFound::Part { .. }
        | NotFound::Unreadable { .. } => error,
    })?;
    for file in &mut found {
        file.filters = vec![Filter { text: filter.to_owned(), cell: cell.clone() }];
    }
    Ok(found)
}

/// Of what files stand for, that which their filters mean, in order. `id` is the id of a scenario,
/// with its cell.
///
/// # Errors
/// A filter that means no cell of any file.
pub fn picked<T>(
    found: Vec<(ScenarioFile, Vec<T>)>,
    id: impl Fn(&T) -> &str,
) -> Result<Vec<T>, NotFound> {
    let has = |case: &T, filter: &Filter| CellName::split(id(case)).1.has(&filter.cell);
    for (file, _) in &found {
        for filter in &file.filters {
            let same = || {
                let files = found.iter().filter(|(other, _)| other.filters.contains(filter));
                files.flat_map(|(_, cases)| cases)
            };
            if !same().any(|case| has(case, filter)) {
                let ids: Vec<&str> = same().map(&id).collect();
                return Err(NotFound::NoMatch {
                    filter: filter.text.clone(),
                    nearest: filter.nearest(&ids),
                });
            }
        }
    }
    let means = |file: &ScenarioFile, case: &T| {
        file.filters.is_empty() || file.filters.iter().any(|filter| has(case, filter))
    };
    let each = found.into_iter().map(|(file, mut cases)| {
        cases.retain(|case| means(&file, case));
        cases
    });
    Ok(each.flatten().collect())
}

impl Filter {
    /// The filter with its axes and values put right, where they are nearly those of some cell; or
    /// else the first cell.
    fn nearest(&self, ids: &[&str]) -> Option<String> {
        let cells: Vec<CellName> = ids.iter().map(|id| CellName::split(id).1).collect();
        let right = |(axis, label): &(String, String)| {
            let all = || cells.iter().flat_map(|cell| &cell.axes);
            let axis = nearest(axis, all().map(|(axis, _)| axis.as_str()))?;
            let labels = all().filter(|(other, _)| other == axis).map(|(_, label)| label.as_str());
            let label = nearest(label, labels)?;
            Some((axis.to_owned(), label.to_owned()))
        };
        let axes = self.cell.axes.iter().map(right).collect::<Option<Vec<_>>>();
        let meant = axes.map(|axes| CellName { axes }).filter(|c| cells.iter().any(|o| o.has(c)));
        match meant {
            Some(cell) => Some(cell.id(CellName::split(&self.text).0)),
            None => ids.first().map(|id| (*id).to_owned()),
        }
    }
}

//! From a file's bytes to the scenarios that it stands for, each of which makes sense.

use std::path::Path;

use mock_openai::{
    script,
    yaml::{DIAGNOSTICS_MAX, Diagnostic, Document, Files, Matrix, NoFiles, Once},
};

use super::{Scenario, cell::CellName, check};

/// So many cells with mistakes are looked at: what is wrong in as many is wrong in others too.
const WRONG_CELLS_MAX: usize = 100;

/// Reads and checks a scenario that names no other files and has no matrix, or one of a single
/// cell. `file_name` is what the messages call it; `rules` are the ids of the rules that exist.
///
/// # Errors
/// All mistakes that were found, in the order of the file. What is not a scenario at all is told
/// alone: whether names and orders make sense is asked only of what could be read. A matrix of
/// several cells is a mistake here; [`load_all`] reads it.
pub fn load(file_name: &str, text: &[u8], rules: &[&str]) -> Result<Scenario, Vec<Diagnostic>> {
    let document = Document::with_includes(Path::new(file_name), text, &NoFiles)?;
    let matrix = Matrix::of(document)?;
    let mut cells = load_cells(&matrix, &NoFiles, rules)?;
    match cells.pop() {
        Some((_, scenario)) if cells.is_empty() => Ok(scenario),
        _ => {
            let message =
                format!("one scenario is wanted, and the matrix makes {}", matrix.count());
            Err(vec![matrix.wrong(message).help("leave the matrix out")])
        }
    }
}

/// Reads and checks all scenarios that a file stands for: one, or one for each cell of its matrix,
/// in their order. `path` is what the messages call the file, and what the paths in it count from;
/// `files` reads those.
///
/// # Errors
/// As [`load`]; what is wrong in several cells is told once.
pub fn load_all(
    path: &Path,
    text: &[u8],
    files: &dyn Files,
    rules: &[&str],
) -> Result<Vec<(CellName, Scenario)>, Vec<Diagnostic>> {
    let document = Document::with_includes(path, text, files)?;
    load_cells(&Matrix::of(document)?, files, rules)
}

fn load_cells(
    matrix: &Matrix,
    files: &dyn Files,
    rules: &[&str],
) -> Result<Vec<(CellName, Scenario)>, Vec<Diagnostic>> {
    // The cells of a matrix name the same files.
    let files = Once::new(files);
    let mut found = Vec::new();
    let mut mistakes = Mistakes::default();
    for cell in matrix.cells() {
        let cell = cell.map_err(|wrong| vec![*wrong])?;
        let read = one(&cell.document, &files, rules);
        let name = CellName { axes: cell.axes };
        match read {
            Ok(scenario) => found.push((name, scenario)),
            Err(wrong) => mistakes.add(&name, wrong),
        }
        if mistakes.wrong_cells >= WRONG_CELLS_MAX {
            break;
        }
    }
    if mistakes.wrong_cells == 0 { Ok(found) } else { Err(mistakes.told(matrix, found.len())) }
}

fn one(
    document: &Document,
    files: &dyn Files,
    rules: &[&str],
) -> Result<Scenario, Vec<Diagnostic>> {
    let mut scenario: Scenario = document.value()?;
    let mut wrong = Vec::new();
    let upstream = document.root().key("upstream");
    script::attach(&mut scenario.upstream, upstream, files, &mut wrong);
    wrong.extend(check::check(&scenario, document.root(), rules));
    if wrong.is_empty() {
        return Ok(scenario);
    }
    document.sort(&mut wrong);
    Err(wrong)
}

/// What is wrong in the cells of a matrix, each mistake once.
#[derive(Default)]
struct Mistakes {
    /// Each with the cell that showed it first, and how many others do.
    told: Vec<(Diagnostic, CellName, usize)>,
    wrong_cells: usize,
}

impl Mistakes {
    fn add(&mut self, cell: &CellName, wrong: Vec<Diagnostic>) {
        self.wrong_cells += 1;
        // A cell that shows the same twice shows it once.
        let known = self.told.len();
        for one in wrong {
            match self.told.iter_mut().position(|(other, ..)| *other == one) {
                Some(nth) if nth < known => self.told[nth].2 += 1,
                Some(_) => {}
                None => self.told.push((one, cell.clone(), 0)),
            }
        }
    }

    /// What is so in all cells has nothing to do with the matrix; of the rest the cells are named.
    fn told(self, matrix: &Matrix, right_cells: usize) -> Vec<Diagnostic> {
        let seen = right_cells + self.wrong_cells;
        let is_all = seen == matrix.count();
        let tell = |(one, cell, others): (Diagnostic, CellName, usize)| match others {
            _ if others + 1 == seen => one,
            0 => one.note(format!("in the cell {cell}")),
            _ if is_all => one.note(format!("in the cell {cell} and {others} more")),
            _ => one.note(format!("in the cell {cell} and others")),
        };
        let mut wrong: Vec<Diagnostic> = self.told.into_iter().map(tell).collect();
        matrix.template().sort(&mut wrong);
        wrong.truncate(DIAGNOSTICS_MAX);
        wrong
    }
}

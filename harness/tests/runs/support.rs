//! What the tests of whole runs share: the catalogue, read.

use std::path::{Path, PathBuf};

use harness::{scenario::catalogue, suite::Case};

/// The folder of scenarios.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

/// Every scenario of the catalogue, cell by cell.
pub(super) fn cases() -> Result<Vec<Case>, String> {
    let files = catalogue::find(&[], &root()).map_err(|error| error.to_string())?;
    let cases: Result<Vec<_>, _> = files.iter().map(read).collect();
    Ok(cases?.into_iter().flatten().collect())
}

/// The cells of one scenario, or all of its mistakes.
pub(super) fn read(file: &catalogue::ScenarioFile) -> Result<Vec<Case>, String> {
    Case::read_all(file).map_err(|mistakes| {
        let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        texts.join("\n")
    })
}

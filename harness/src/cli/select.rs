//! Which scenarios a command speaks of, and how they are read.

use std::{io, path::PathBuf};

use clap::Args;

use super::Console;
use crate::{
    rules,
    scenario::{self, catalogue},
    suite::Case,
};

/// Scenarios by path, id or pattern.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Files, folders, ids, or patterns such as `429-storms/*`; everything where none is given.
    #[arg(value_name = "PATH|ID")]
    which: Vec<String>,
    /// The folder that ids count from; where it does not exist, the catalogue inside this program.
    #[arg(long, value_name = "DIR", default_value = "scenarios")]
    scenarios: PathBuf,
    /// Only those with this tag; may be given several times.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
}

impl Selection {
    /// What was named.
    pub(super) fn words(&self) -> &[String] {
        &self.which
    }

    /// The same, for other names.
    pub(super) fn with_words(&self, which: Vec<String>) -> Self {
        Self { which, scenarios: self.scenarios.clone(), tag: self.tag.clone() }
    }

    /// Reads and checks them. `None` where something is wrong: all of it has been told then.
    pub(super) fn load(&self, console: &mut Console<'_>) -> io::Result<Option<Vec<Case>>> {
        let files = match catalogue::find(&self.which, &self.scenarios) {
            Ok(files) => files,
            Err(error) => {
                writeln!(console.log, "error: {error}")?;
                return Ok(None);
            }
        };
        let mut cases = Vec::new();
        let mut wrong = 0;
        let rules: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
        for file in files {
            match scenario::load(&file.path, &file.text, &rules) {
                Ok(scenario) => cases.push(Case { id: file.id, scenario }),
                Err(diagnostics) => {
                    wrong += diagnostics.len();
                    for diagnostic in diagnostics {
                        writeln!(console.log, "{}", diagnostic.render(&file.text))?;
                    }
                }
            }
        }
        if wrong > 0 {
            writeln!(console.log, "error: {wrong} mistakes; nothing was run")?;
            return Ok(None);
        }
        cases.retain(|case| self.tag.iter().all(|tag| case.scenario.tags.contains(tag)));
        if cases.is_empty() {
            writeln!(console.log, "error: no scenario has the tags {}", self.tag.join(", "))?;
            return Ok(None);
        }
        Ok(Some(cases))
    }
}

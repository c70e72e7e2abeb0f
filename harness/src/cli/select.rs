//! Which scenarios a command speaks of, and how they are read.

use std::{
    error::Error as _,
    io,
    path::{Path, PathBuf},
};

use clap::Args;

use super::Console;
use crate::{
    scenario::catalogue::{self, NotFound, ScenarioFile},
    suite::Case,
};

/// Scenarios by path, id or pattern.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Files, folders, ids, or patterns such as `429-storms/*`; everything where none is given.
    #[arg(value_name = "PATH|ID")]
    which: Vec<String>,
    /// The folder that ids count from; without it `scenarios`, and where that does not exist the
    /// catalogue inside this program.
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
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

    /// The files that are meant. `None` where a name means nothing: that has been told then.
    pub(super) fn files(&self, console: &mut Console<'_>) -> io::Result<Option<Vec<ScenarioFile>>> {
        match self.find() {
            Ok(files) => Ok(Some(files)),
            Err(error) => {
                writeln!(console.log, "error: {error}{}", cause(&error))?;
                Ok(None)
            }
        }
    }

    /// Leaves the cases that have all tags. Where none is left, that is told.
    pub(super) fn keep_tagged(
        &self,
        cases: &mut Vec<Case>,
        console: &mut Console<'_>,
    ) -> io::Result<bool> {
        cases.retain(|case| self.tag.iter().all(|tag| case.scenario.tags.contains(tag)));
        if cases.is_empty() {
            writeln!(console.log, "error: no scenario has the tags {}", self.tag.join(", "))?;
        }
        Ok(!cases.is_empty())
    }

    /// Reads and checks them. `None` where something is wrong: all of it has been told then.
    pub(super) fn load(&self, console: &mut Console<'_>) -> io::Result<Option<Vec<Case>>> {
        let Some(files) = self.files(console)? else { return Ok(None) };
        let (mut cases, mut mistakes) = (Vec::new(), 0);
        for file in files {
            match Case::read(&file) {
                Ok(case) => cases.push(case),
                Err(found) => {
                    mistakes += found.len();
                    for mistake in found {
                        let text =
                            if console.watched { mistake.styled() } else { mistake.to_string() };
                        writeln!(console.log, "{text}\n")?;
                    }
                }
            }
        }
        if mistakes > 0 {
            let noun = if mistakes == 1 { "mistake" } else { "mistakes" };
            writeln!(console.log, "error: {mistakes} {noun}; nothing was run")?;
            return Ok(None);
        }
        Ok(self.keep_tagged(&mut cases, console)?.then_some(cases))
    }

    /// Without a folder of scenarios, those inside this program serve, so that it works anywhere.
    fn find(&self) -> Result<Vec<ScenarioFile>, NotFound> {
        let named_files = self.which.iter().any(|name| Path::new(name).exists());
        let here = Path::new("scenarios");
        match &self.scenarios {
            Some(folder) => catalogue::find(&self.which, folder),
            None if here.is_dir() || named_files => catalogue::find(&self.which, here),
            None => catalogue::embedded(&self.which),
        }
    }
}

fn cause(error: &NotFound) -> String {
    error.source().map_or_else(String::new, |cause| format!(": {cause}"))
}

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
    /// Files, folders, ids, or patterns such as `429-storms/*`, each with axes in brackets behind it
    /// where some cells of a matrix are meant (`'any-cut/*[eol=crlf]'`); everything where none is
    /// given.
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

    /// Of what the files stand for, the cases that the filters mean and that have all tags. `None`
    /// where none is left: that has been told then.
    pub(super) fn pick(
        &self,
        found: Vec<(ScenarioFile, Vec<Case>)>,
        console: &mut Console<'_>,
    ) -> io::Result<Option<Vec<Case>>> {
        let mut cases = match catalogue::picked(found, |case| &case.id) {
            Ok(cases) => cases,
            Err(error) => {
                writeln!(console.log, "error: {error}")?;
                return Ok(None);
            }
        };
        cases.retain(|case| self.tag.iter().all(|tag| case.scenario.tags.contains(tag)));
        if cases.is_empty() {
            writeln!(console.log, "error: no scenario has the tags {}", self.tag.join(", "))?;
            return Ok(None);
        }
        Ok(Some(cases))
    }

    /// Reads and checks them. `None` where something is wrong: all of it has been told then.
    pub(super) fn load(&self, console: &mut Console<'_>) -> io::Result<Option<Vec<Case>>> {
        let Some(files) = self.files(console)? else { return Ok(None) };
        let (mut found, mut mistakes) = (Vec::new(), 0);
        for file in files {
            match Case::read_all(&file) {
                Ok(cases) => found.push((file, cases)),
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
        self.pick(found, console)
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

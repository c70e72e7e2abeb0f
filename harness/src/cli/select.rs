//! Which scenarios a command speaks of, and how they are read.

use std::{
    collections::BTreeSet,
    error::Error as _,
    io,
    path::{Path, PathBuf},
};

use clap::Args;
use mock_openai::yaml::{DIAGNOSTICS_MAX, nearest};

use super::Console;
use crate::{
    scenario::catalogue::{self, NotFound, ScenarioFile},
    suite::Case,
};

/// Where scenarios stand, seen from where the program is called.
pub(super) const SCENARIOS: &str = "scenarios";

/// Scenarios by path, id or pattern.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Files, folders, ids, or patterns such as `429-storms/*`, each with axes in brackets behind it
    /// where some cells of a matrix are meant (`'any-cut/*[eol=crlf]'`); everything where none is
    /// given.
    #[arg(value_name = "PATH|ID")]
    which: Vec<String>,
    /// The folder that ids count from. Without it `scenarios`, and for what is not found there the
    /// catalogue inside this program.
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// Only those with this tag (see `whitewater list tags`); may be given several times, and then
    /// all of the tags are needed.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
}

impl Selection {
    /// What these names mean, with ids from that folder.
    pub(super) fn of(which: Vec<String>, scenarios: Option<PathBuf>) -> Self {
        Self { which, scenarios, tag: Vec::new() }
    }

    /// Whether nothing is said, so that all is meant.
    pub(super) fn is_everything(&self) -> bool {
        self.which.is_empty() && self.scenarios.is_none() && self.tag.is_empty()
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
        let known: BTreeSet<String> =
            cases.iter().flat_map(|case| &case.scenario.tags).cloned().collect();
        cases.retain(|case| self.tag.iter().all(|tag| case.scenario.tags.contains(tag)));
        if cases.is_empty() {
            writeln!(console.log, "error: {}", no_such_tags(&self.tag, &known))?;
            return Ok(None);
        }
        Ok(Some(cases))
    }

    /// Reads and checks them. `None` where something is wrong: all of it has been told then.
    pub(super) fn load(&self, console: &mut Console<'_>) -> io::Result<Option<Vec<Case>>> {
        let Some(files) = self.files(console)? else { return Ok(None) };
        let (mut found, mut mistakes, mut least) = (Vec::new(), 0, "");
        for file in files {
            match Case::read_all(&file) {
                Ok(cases) => found.push((file, cases)),
                Err(found) => {
                    mistakes += found.len();
                    if found.len() >= DIAGNOSTICS_MAX {
                        least = "at least ";
                    }
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
            writeln!(console.log, "error: {least}{mistakes} {noun}; nothing was run")?;
            return Ok(None);
        }
        self.pick(found, console)
    }

    /// Where no folder is named, the catalogue inside this program serves for what is not here, so
    /// that it works anywhere.
    fn find(&self) -> Result<Vec<ScenarioFile>, NotFound> {
        match &self.scenarios {
            Some(folder) => catalogue::find(&self.which, folder),
            None => catalogue::find_or_embedded(&self.which, Path::new(SCENARIOS)),
        }
    }
}

/// That no scenario has all of these tags, and what was meant by one that none has.
fn no_such_tags(tags: &[String], known: &BTreeSet<String>) -> String {
    let unknown = tags.iter().find(|tag| !known.contains(*tag));
    let meant = unknown.and_then(|tag| nearest(tag, known.iter().map(String::as_str)));
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
    let tags = tags.join(", ");
    format!("no scenario has the tags {tags}{meant} (`whitewater list tags` shows all)")
}

fn cause(error: &NotFound) -> String {
    error.source().map_or_else(String::new, |cause| format!(": {cause}"))
}

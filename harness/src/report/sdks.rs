//! What SDKs would have made of the answers: counted in a table, then what a relay spoils for whom.

use std::{collections::BTreeMap, io};

use comfy_table::{CellAlignment, Table, presets};
use serde::{Serialize, Serializer};

use super::Outcome;
use crate::profile::{self, Problem, Profile, Reading};

/// How many examples are shown of what one SDK is worse off with.
const SHOWN_MAX: usize = 4;

/// What one SDK would have made of the chat completions of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SdkView {
    /// The SDK: `openai-python-3`.
    pub sdk: &'static str,
    /// What it made of the answers: those of which it made the same stand together.
    pub made: Vec<Made>,
}

/// What an SDK made of some answers, and of what the provider sent for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// What its application saw of the exact bytes that the client got.
    #[serde(serialize_with = "by_name")]
    pub outcome: profile::Outcome,
    /// What it would have seen of the provider's bytes with nothing between.
    #[serde(serialize_with = "by_name")]
    pub direct: profile::Outcome,
    /// How many answers came out so.
    pub answers: usize,
    /// The client that got the first of them.
    pub client: String,
    /// The error that was raised there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// As the text has it, not as the language.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn by_name<S: Serializer>(outcome: &profile::Outcome, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(outcome.name())
}

impl SdkView {
    /// What is told of a run's readings, one entry an SDK.
    pub fn all(readings: &[Reading]) -> Vec<Self> {
        let of = |profile: &Profile| {
            let readings = readings.iter().filter(|reading| reading.sdk == profile.name);
            Self { sdk: profile.name, made: Made::all(readings) }
        };
        let views = profile::ALL.iter().map(of);
        views.filter(|view| !view.made.is_empty()).collect()
    }
}

impl Made {
    fn all<'a>(readings: impl Iterator<Item = &'a Reading>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for Reading { outcome, direct, client, error, .. } in readings {
            let same = |made: &&mut Self| made.outcome == *outcome && made.direct == *direct;
            if let Some(made) = all.iter_mut().find(same) {
                made.answers += 1;
                continue;
            }
            let error = error.as_ref().map(Problem::text);
            let (outcome, direct, client) = (*outcome, *direct, client.to_string());
            all.push(Self { outcome, direct, answers: 1, client, error });
        }
        all.sort_by_key(|made| (made.outcome, made.direct));
        all
    }

    /// Whether the application is worse off than with nothing between.
    pub fn is_worse(&self) -> bool {
        !self.outcome.is_right() && self.direct.is_right()
    }

    /// Whether it is better off.
    pub fn is_better(&self) -> bool {
        self.outcome.is_right() && !self.direct.is_right()
    }
}

/// What one SDK made of all outcomes, each with its scenario.
struct Tally<'a> {
    sdk: &'static str,
    made: Vec<(&'a Outcome, &'a Made)>,
}

impl<'a> Tally<'a> {
    fn all(outcomes: &'a [Outcome]) -> Vec<Self> {
        let of = |profile: &Profile| {
            let views = |outcome: &'a Outcome| {
                let of_sdk = outcome.sdks.iter().filter(|view| view.sdk == profile.name);
                of_sdk.flat_map(|view| &view.made).map(move |made| (outcome, made))
            };
            Self { sdk: profile.name, made: outcomes.iter().flat_map(views).collect() }
        };
        profile::ALL.iter().map(of).filter(|tally| !tally.made.is_empty()).collect()
    }

    fn count(&self, which: impl Fn(&Made) -> bool) -> usize {
        let made = self.made.iter().filter(|(_, made)| which(made));
        made.map(|(_, made)| made.answers).sum()
    }

    /// Who is worse off, what of it, and where.
    fn spoilt(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let worse: Vec<_> = self.made.iter().filter(|(_, made)| made.is_worse()).collect();
        let mut kinds: BTreeMap<profile::Outcome, usize> = BTreeMap::new();
        for (_, made) in &worse {
            *kinds.entry(made.outcome).or_default() += made.answers;
        }
        let kinds: Vec<String> =
            kinds.iter().map(|(kind, count)| format!("{} {count}", kind.name())).collect();
        writeln!(out, "\nsdk  {} is worse off than without it: {}", self.sdk, kinds.join(", "))?;
        for (outcome, made) in worse.iter().take(SHOWN_MAX) {
            let Made { outcome: seen, direct, client, error, .. } = made;
            let error = error.as_ref().map_or_else(String::new, |error| format!(" ({error})"));
            let (seen, direct) = (seen.name(), direct.name());
            writeln!(out, "  {}: {client} sees: {seen}{error}; without it: {direct}", outcome.id)?;
        }
        match worse.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => writeln!(out, "  and {more} more (`--format json` has all)"),
        }
    }
}

pub(super) fn render(outcomes: &[Outcome], out: &mut dyn io::Write) -> io::Result<()> {
    let tallies = Tally::all(outcomes);
    if tallies.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nwhat SDKs make of what clients got, answer by answer:")?;
    writeln!(out, "{}", table(&tallies))?;
    let (worse, fine): (Vec<_>, Vec<_>) =
        tallies.iter().partition(|tally| tally.count(Made::is_worse) > 0);
    for tally in worse {
        tally.spoilt(out)?;
    }
    if !fine.is_empty() {
        let fine: Vec<&str> = fine.iter().map(|tally| tally.sdk).collect();
        writeln!(out, "\nsdk  fine with this relay: {}", fine.join(", "))?;
    }
    Ok(())
}

/// One row an SDK, one column an outcome that occurs.
fn table(tallies: &[Tally<'_>]) -> Table {
    let occurs = |outcome: &profile::Outcome| {
        tallies.iter().any(|tally| tally.count(|made| made.outcome == *outcome) > 0)
    };
    let outcomes: Vec<_> = profile::Outcome::ALL.into_iter().filter(occurs).collect();
    let names = outcomes.iter().map(|outcome| outcome.name());
    let header = ["sdk", "answers"].into_iter().chain(names).chain(["better", "worse"]);
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for tally in tallies {
        let mut row = vec![tally.sdk.to_owned(), tally.count(|_| true).to_string()];
        let count = |outcome: &profile::Outcome| tally.count(|made| made.outcome == *outcome);
        row.extend(outcomes.iter().map(|outcome| count(outcome).to_string()));
        row.push(tally.count(Made::is_better).to_string());
        row.push(tally.count(Made::is_worse).to_string());
        table.add_row(row);
    }
    for column in 1..outcomes.len() + 4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

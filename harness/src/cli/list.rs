//! `whitewater list`: the catalogues, one line an entry.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use clap::{Args, ValueEnum};

use super::{Console, Exit, select::Selection, word};
use crate::{
    broken,
    plan::Limits,
    rules::{
        self,
        limits::{self, Limit},
    },
    scenario::{
        CellName,
        schema::{self, Word},
    },
    suite::Case,
    target::Target,
};

#[derive(Debug, Args)]
pub(super) struct List {
    /// Which catalogue.
    #[arg(value_enum, default_value_t = Catalogue::Scenarios)]
    what: Catalogue,
    #[command(flatten)]
    selection: Selection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Catalogue {
    /// Every scenario with its title.
    Scenarios,
    /// Every tag of the scenarios, for `--tag`, with how many have it.
    Tags,
    /// Every rule with what it demands.
    Rules,
    /// Every number that a rule judges by, with its default, for `run --limit`.
    Limits,
    /// Every relay that `run --relay` takes, with its mistake.
    Relays,
    /// The steps of an answer.
    Steps,
    /// What real providers are known to send, for `send: { preset: ... }`.
    Presets,
    /// The provider's errors, for `error: { preset: ... }`.
    Errors,
    /// What the network can do to links and hosts.
    Faults,
    /// The kinds of client.
    Clients,
    /// What can stand on the path between clients and provider.
    Middleboxes,
    /// What can be expected beyond the rules.
    Expectations,
    /// Every word of the language with the places where it can stand.
    Words,
}

impl Catalogue {
    /// For a part of the language, the place whose words it lists.
    fn place(self) -> Option<&'static str> {
        Some(match self {
            Self::Scenarios
            | Self::Tags
            | Self::Rules
            | Self::Limits
            | Self::Relays
            | Self::Words => {
                return None;
            }
            Self::Steps => "upstream.then",
            Self::Presets => "upstream.then.send.preset",
            Self::Errors => "upstream.then.error.preset",
            Self::Faults => "network.events.do",
            Self::Clients => "clients.as",
            Self::Middleboxes => "path",
            Self::Expectations => "expect",
        })
    }
}

impl List {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        let of_scenarios = matches!(self.what, Catalogue::Scenarios | Catalogue::Tags);
        if !of_scenarios && !self.selection.is_everything() {
            let what = self.what.to_possible_value();
            let what = what.as_ref().map_or("this", |value| value.get_name());
            let why = format!("`list {what}` lists all of them, and takes no names and no options");
            writeln!(console.log, "error: {why} (`whitewater explain NAME` tells of one)")?;
            return Ok(Exit::BadInput);
        }
        if let Some(place) = self.what.place() {
            for word in below(place) {
                writeln!(console.out, "{}", word::line(&word.name, word))?;
            }
            return Ok(Exit::Held);
        }
        match self.what {
            Catalogue::Rules => {
                for rule in rules::ALL {
                    let (level, citation) = (rule.level.name(), rule.citation);
                    let demand = rule.demand(&Limits::default());
                    writeln!(console.out, "{} ({level}; {citation}): {demand}", rule.id)?;
                }
            }
            Catalogue::Limits => {
                for limit in limits::ALL {
                    let Limit { name, default, bounds, source, least: _ } = limit;
                    writeln!(console.out, "{name}={default}: {bounds} ({source})")?;
                }
            }
            Catalogue::Relays => {
                writeln!(console.out, "{}: the reference relay", Target::REFERENCE)?;
                for relay in broken::ALL {
                    writeln!(console.out, "broken/{}: {}", relay.name, relay.mistake)?;
                }
            }
            Catalogue::Words => {
                for word in schema::words() {
                    writeln!(console.out, "{}", word::line(word.place(), word))?;
                }
            }
            Catalogue::Scenarios
            | Catalogue::Tags
            | Catalogue::Steps
            | Catalogue::Presets
            | Catalogue::Errors
            | Catalogue::Faults
            | Catalogue::Clients
            | Catalogue::Middleboxes
            | Catalogue::Expectations => {
                let Some(cases) = self.selection.load(console)? else {
                    return Ok(Exit::BadInput);
                };
                if self.what == Catalogue::Tags {
                    tags(&cases, console)?;
                } else {
                    scenarios(&cases, console)?;
                }
            }
        }
        Ok(Exit::Held)
    }
}

/// The words that stand right below a place. The hosts of every path are no middleboxes.
fn below(place: &'static str) -> impl Iterator<Item = &'static Word> {
    schema::words().iter().filter(move |word| {
        let is_host = place == "path" && word.is_value;
        let here = format!("{place}.{}", word.name);
        !is_host && word.places.contains(&here)
    })
}

/// Each tag with the number of scenarios that have it; a matrix is one.
fn tags(cases: &[Case], console: &mut Console<'_>) -> io::Result<()> {
    let mut scenarios: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for case in cases {
        for tag in &case.scenario.tags {
            scenarios.entry(tag).or_default().insert(CellName::split(&case.id).0);
        }
    }
    for (tag, names) in scenarios {
        let noun = if names.len() == 1 { "scenario" } else { "scenarios" };
        writeln!(console.out, "{tag}: {} {noun}", names.len())?;
    }
    Ok(())
}

/// The cells of a matrix stand together, in one line with the title of the first.
fn scenarios(cases: &[Case], console: &mut Console<'_>) -> io::Result<()> {
    let name = |case: &Case| CellName::split(&case.id).0.to_owned();
    for cells in cases.chunk_by(|one, other| name(one) == name(other)) {
        let title = &cells[0].scenario.title;
        match cells {
            [one] => writeln!(console.out, "{}: {title}", one.id)?,
            _ => writeln!(console.out, "{} ({} cells): {title}", name(&cells[0]), cells.len())?,
        }
    }
    Ok(())
}

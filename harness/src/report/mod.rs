//! What a run of the suite concluded: verdicts with their seed, target and counts, and no logic.

use std::{io, time::Duration};

use indexmap::IndexMap;
use serde::Serialize;

use crate::{
    plan::{Limits, Number},
    rules::limits,
};

mod cells;
mod json;
pub mod pcapng;
mod sdks;
mod text;

pub use sdks::{Made, SdkView};

/// The shape of the JSON report; raised when a field changes its meaning or goes away.
pub const FORMAT_VERSION: u32 = 1;

/// The level of what a scenario's author expects beyond the rules.
pub const EXPECTED: &str = "scenario";

/// All scenarios of one run of the suite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// See [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The relay under test: `reference`, `broken/forgets-flush`.
    pub target: String,
    /// The network engine.
    pub engine: &'static str,
    /// Whether tokio's `select!` draws from the seed; `unseeded` without `--cfg tokio_unstable`.
    pub select: &'static str,
    /// The seed of every scenario.
    pub seed: u64,
    /// Every number that the rules judged by, by its name.
    pub limits: IndexMap<&'static str, LimitUsed>,
    /// In the order of their ids.
    pub outcomes: Vec<Outcome>,
    /// Wall time of everything, loading included, in seconds.
    #[serde(serialize_with = "seconds")]
    pub wall: Duration,
}

/// One scenario, or one cell of a scenario with a matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Its id, with its cell in brackets.
    pub id: String,
    /// The id of its file: the same without the brackets.
    pub scenario: String,
    /// Each axis of the matrix with the label of its value.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub cell: IndexMap<String, String>,
    /// What it shows.
    pub title: String,
    /// How it came out.
    pub result: Conclusion,
    /// Hash of its trace, hexadecimal; empty where it was skipped.
    pub hash: String,
    /// Virtual time until the last client was done, in seconds.
    #[serde(serialize_with = "seconds")]
    pub simulated: Duration,
    /// Wall time of running and judging it, in seconds.
    #[serde(serialize_with = "seconds")]
    pub wall: Duration,
    /// Ids of the rules that held, and expectations.
    pub held: Vec<String>,
    /// Rules that do not apply, with the reason.
    pub not_applicable: Vec<Note>,
    /// Rules that broke where the scenario says that they may.
    pub excused: Vec<Excuse>,
    /// Outcomes that the scenario accepts and that are not as they should be.
    pub lenient: Vec<Lenience>,
    /// What broke.
    pub failures: Vec<Failure>,
    /// What each SDK would have made of it; empty where that was not asked, or no client got a chat
    /// completion.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sdks: Vec<SdkView>,
}

/// A number that a rule judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LimitUsed {
    /// What it was in this run.
    pub value: Number,
    /// What it is where a run says nothing.
    pub default: Number,
}

/// How a scenario came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Everything that applies held.
    Held,
    /// Something broke.
    Broke,
    /// It was not run.
    Skipped {
        /// Why.
        because: String,
    },
}

/// Something that is said of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The rule.
    pub rule: String,
    /// What is said.
    pub because: String,
}

/// An accepted outcome that is not as it should be: one of an `any_of`, of grade `lenient`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lenience {
    /// The expectation that held: `any_of: reader: ends`.
    pub expectation: String,
    /// Its grade; those of grade `strict` are not told.
    pub grade: &'static str,
    /// The better outcomes that did not come about, each with what was got.
    pub instead_of: Vec<String>,
}

/// A rule that broke without making the scenario fail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Excuse {
    /// How it broke.
    pub failure: Failure,
    /// Why that is no failure.
    pub because: String,
}

/// A rule or an expectation that broke.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failure {
    /// The rule's id, or where the expectation stands: `expect[0].frames`.
    pub rule: String,
    /// How binding it is: `must`, `should`, `profile`, `scenario`.
    pub level: &'static str,
    /// Where it stands.
    pub citation: String,
    /// What it demands.
    pub demand: String,
    /// Virtual time of the first breach, in seconds.
    #[serde(serialize_with = "seconds")]
    pub at: Duration,
    /// Its ordinal in the trace.
    pub ordinal: usize,
    /// The host that broke it.
    pub host: String,
    /// The client that it concerns.
    pub client: Option<String>,
    /// Every acceptable outcome.
    pub wanted: Vec<String>,
    /// What happened instead.
    pub got: String,
    /// The command that runs it again.
    pub replay: String,
}

/// How a report is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: a table by family, then each failure.
    Text,
    /// For programs: stable and versioned.
    Json,
}

impl Format {
    /// Writes the report.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn render(self, report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
        match self {
            Self::Text => text::render(report, out),
            Self::Json => json::render(report, out),
        }
    }
}

impl LimitUsed {
    /// Every one, in the order of the rules.
    pub fn all(limits: &Limits) -> IndexMap<&'static str, Self> {
        let used = limits::ALL
            .iter()
            .map(|limit| (limit.name, Self { value: limit.of(limits), default: limit.default }));
        used.collect()
    }
}

impl Report {
    /// How many scenarios came out so, each cell of a matrix counted.
    pub fn count(&self, which: fn(&Conclusion) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| which(&outcome.result)).count()
    }

    /// How many files the outcomes come from: fewer than outcomes where there is a matrix.
    pub fn scenarios(&self) -> usize {
        cells::scenarios(&self.outcomes)
    }

    /// Whether something broke.
    pub fn broke(&self) -> bool {
        self.outcomes.iter().any(|outcome| outcome.result == Conclusion::Broke)
    }
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

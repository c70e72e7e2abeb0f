//! What relays are judged by: one rule a file, listed here in the order of the report.

use crate::{plan::Plan, trace::Trace, verdict::Verdict};

/// A demand on a relay, and how a run is judged by it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, kebab-case: `prompt-frames`.
    pub id: &'static str,
    /// How binding it is.
    pub level: Level,
    /// Where it stands: `RFC 9112 8`.
    pub citation: &'static str,
    /// What it demands, in one sentence.
    pub demand: &'static str,
    /// Judges one run, by its facts and its plan alone.
    pub judge: fn(&Trace, &Plan) -> Verdict,
}

/// How binding a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A standard's binding text.
    Must,
    /// A standard's recommendation.
    Should,
    /// No standard has a number; ours is stated and configurable.
    Profile,
    /// Observed and reported; never fails.
    Info,
}

impl Level {
    /// Its name, as reports print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::Profile => "profile",
            Self::Info => "info",
        }
    }
}

/// Every rule.
pub const ALL: &[Rule] = &[];

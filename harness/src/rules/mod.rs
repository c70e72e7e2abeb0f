//! What relays are judged by: one rule a file, listed here in the order of the report.

use crate::{exchange::Run, verdict::Verdict};

mod any_cut;
pub(crate) mod cancel_upstream;
mod early_failure_keeps_status;
mod honest_ending;
mod one_ending;
pub(crate) mod payload;
mod payload_intact;
mod prompt_frames;

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
    pub judge: fn(&Run<'_>) -> Verdict,
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
pub const ALL: &[Rule] = &[
    payload_intact::RULE,
    any_cut::RULE,
    prompt_frames::RULE,
    one_ending::RULE,
    honest_ending::RULE,
    early_failure_keeps_status::RULE,
    cancel_upstream::RULE,
];

/// The rule of that name.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}

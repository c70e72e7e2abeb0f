//! What the provider does: rules that match requests, and the steps that answer them.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

mod check;
mod extent;
mod load;
mod step;

pub use check::{check, is_header_name, is_header_value};
pub use extent::Extent;
pub use load::load;
pub use step::{
    After, Cut, CutLevel, End, ErrorAnswer, ErrorPreset, Framing, Head, Raw, Repeat, Send, Step,
    Stop, Stream, Trip, Usage, Wait,
};

use crate::quantity::Time;

/// A whole script: its rules are tried in order, and the first that matches answers.
///
/// A request that no rule matches is answered 501 and reported with the nearest miss.
pub type Script = Vec<Rule>;

/// One rule: which requests it answers, how often, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests it answers; every one where this is left out.
    #[serde(default, rename = "match", skip_serializing_if = "Matcher::is_any")]
    pub matches: Matcher,
    /// Which of the matching requests it answers, by their count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// A quota: what exceeds it is answered 429 with a true `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The answer.
    pub then: Vec<Step>,
}

/// Which requests a rule answers: all that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    /// The method, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path without its query, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The `model` of a JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Headers with their exact values; names are compared without regard to case.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub header: IndexMap<String, String>,
}

impl Matcher {
    /// Whether it fits every request.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }
}

/// Which of the matching requests a rule answers, counted from 1 for each client (by the body's
/// `user`, or by address where it has none), or over all clients.
///
/// A request that fits `match` counts also where an earlier rule answers it. All that is given
/// must fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// This one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// The first so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Each so-manieth: `3` picks the 3rd, 6th, 9th...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// What is counted.
    #[serde(default)]
    pub scope: Scope,
}

/// Over what a rule counts requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Each client by itself.
    #[default]
    Client,
    /// All clients together.
    All,
}

/// A quota of requests in a fixed window that begins with the first request of each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many requests a window admits.
    pub requests: u64,
    /// How long a window is.
    pub per: Time,
}

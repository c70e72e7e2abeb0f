//! What a run says otherwise of the numbers that rules judge by.

use std::{collections::BTreeMap, fmt};

use mock_openai::quantity::{Size, Time};
use serde::Serialize;

/// Numbers of rules, by their names (`prompt-frames`): those that are not the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Limits(BTreeMap<&'static str, Number>);

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Number {
    /// A length of time.
    Time(Time),
    /// A number of bytes.
    Size(Size),
    /// How many.
    Count(u64),
}

impl Limits {
    /// What the run says of a number, if anything.
    pub fn get(&self, name: &str) -> Option<Number> {
        self.0.get(name).copied()
    }

    /// Whether the run says a number of a rule.
    pub fn speak_of(&self, rule: &str) -> bool {
        self.0.keys().any(|name| name.split_once('.').map_or(*name, |(of, _)| of) == rule)
    }

    pub(crate) fn set(&mut self, name: &'static str, number: Number) {
        self.0.insert(name, number);
    }

    /// Whether nothing is said.
    pub(super) fn are_usual(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => time.fmt(f),
            Self::Size(size) => size.fmt(f),
            Self::Count(count) => count.fmt(f),
        }
    }
}

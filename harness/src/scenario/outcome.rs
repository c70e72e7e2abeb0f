//! What became of an answer in the eyes of an application: authors expect it, and reports tell it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of an answer, in the eyes of an application.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All that the model said, and no error.
    Whole,
    /// An error, where there is one to tell.
    Error,
    /// An error, where all is well.
    FalseAlarm,
    /// The end is missing, and no error is raised.
    SilentTruncation,
    /// All of the text, but not that the model finished, and no error.
    NoFinish,
    /// Something before the end is missing, and no error is raised.
    SilentLoss,
    /// Nothing of an answer, and no error.
    Empty,
    /// Other text than the model's, and no error.
    WrongText,
    /// It still waits when the run is over.
    Stall,
}

impl Outcome {
    /// In a word or two, as reports have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Error => "error",
            Self::FalseAlarm => "false alarm",
            Self::SilentTruncation => "silent truncation",
            Self::NoFinish => "no finish",
            Self::SilentLoss => "silent loss",
            Self::Empty => "empty",
            Self::WrongText => "wrong text",
            Self::Stall => "stall",
        }
    }
}

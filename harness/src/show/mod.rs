//! What a plan makes the provider send, byte by byte, without any network in between.
//!
//! The mock itself plays the answers, on a transport in memory and in paused time; nothing here
//! encodes anything. What it does *not* show: what a relay changes in a request on its way, and
//! what a slow reader or a lost connection would change in an answer.

use std::time::Duration;

use serde::Serialize;

use crate::plan::Plan;

mod asking;
mod made_up;
mod pipe;
mod play;
mod render;

pub use asking::show;
pub use render::{answers, json, text};

/// At most so many bytes of an answer are shown.
pub const SHOWN_BYTES_MAX: usize = 64 << 10;

/// A plan, and what the provider answers by it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// The plan.
    pub plan: Plan,
    /// The first answers that its clients get, then those of rules that answer none of these.
    pub answers: Vec<Answer>,
    /// Rules (counted from 0) for which no request was found that they answer.
    pub unshown: Vec<usize>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Who asks.
    pub asker: Asker,
    /// The request's method and target.
    pub request: String,
    /// What the provider makes of it.
    pub choice: Choice,
    /// What it writes, at most [`SHOWN_BYTES_MAX`].
    pub writes: Vec<Write>,
    /// What it writes beyond that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
    /// What becomes of the connection.
    pub ending: Ending,
    /// When that is seen.
    #[serde(serialize_with = "seconds")]
    pub ended_at: Duration,
}

/// Who asks for an answer that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// A client of the plan.
    Client {
        /// Its name.
        name: String,
        /// Its how-manieth request it is, from 1.
        nth: u64,
        /// How many more of its group get an answer by the same rule.
        alike: usize,
    },
    /// A request that was made up to fit the rule's `match`.
    MadeUp {
        /// The how-manieth such request it is, from 1.
        nth: u64,
    },
}

/// Which rule answers, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// This one.
    Answers(usize),
    /// This one refuses: its quota is used up.
    Limited(usize),
    /// None; with the nearest miss.
    Unmatched(String),
    /// None: the request itself is refused, or was not read to its end.
    Refused(String),
}

/// Bytes that the provider handed to its socket at once: they leave as a segment of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Write {
    /// Virtual time since the request.
    #[serde(serialize_with = "seconds")]
    pub at: Duration,
    /// The bytes.
    #[serde(serialize_with = "escaped")]
    pub bytes: Vec<u8>,
}

/// What was written and is not shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// In so many writes, one that is shown in part included.
    pub writes: u64,
    /// So many bytes.
    pub bytes: u64,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The provider closes it by FIN.
    Fin,
    /// The provider resets it.
    Rst,
    /// FIN, and the provider goes on reading.
    HalfClosed,
    /// The answer is over, and the connection waits for another request.
    Kept,
    /// The answer is never completed, and the connection stays open.
    Held,
    /// The answer is still under way at the scenario's limit.
    StillAtLimit,
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn escaped<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    use crate::visible::{Notation, visible};
    serializer.serialize_str(&visible(bytes, Notation::Escapes))
}

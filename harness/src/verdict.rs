//! What a rule concludes from a run: data, never an error.

use std::time::Duration;

use crate::trace::Name;

/// What one rule, or one expectation, says of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It applies, and it held.
    Held,
    /// It broke: the first breach, in order of the trace.
    Broke(Breach),
    /// It does not apply to this run.
    NotApplicable {
        /// Why: `no client left early`.
        why: String,
    },
}

/// The first event at which a rule broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Virtual time of that event.
    pub at: Duration,
    /// Its ordinal in the trace.
    pub ordinal: usize,
    /// The host that broke it: `relay`, or the middlebox that holds the frames.
    pub host: Name,
    /// The client that it concerns, if one.
    pub client: Option<Name>,
    /// Every acceptable outcome, each a lower-case fragment without a full stop.
    pub wanted: Vec<String>,
    /// What happened instead, seen from the client where it can be.
    pub got: String,
}

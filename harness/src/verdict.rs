//! What a rule concludes from a run: data, never an error.

use std::time::Duration;

use crate::{exchange::Moment, trace::Name};

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

/// A judgement in the making: whether anything was judged yet, and the earliest breach so far.
#[derive(Debug, Clone, Default)]
pub struct Inquiry {
    applies: bool,
    first: Option<Breach>,
}

impl Inquiry {
    /// Something in the run is what the rule speaks of.
    pub fn applies(&mut self) {
        self.applies = true;
    }

    /// It broke; a breach that is earlier than those before takes their place.
    pub fn broke(&mut self, breach: Breach) {
        self.applies = true;
        if self.first.as_ref().is_none_or(|first| breach.ordinal < first.ordinal) {
            self.first = Some(breach);
        }
    }

    /// The verdict; `why` says what was missing where nothing was judged.
    pub fn verdict(self, why: &str) -> Verdict {
        match self.first {
            Some(breach) => Verdict::Broke(breach),
            None if self.applies => Verdict::Held,
            None => Verdict::NotApplicable { why: why.to_owned() },
        }
    }
}

impl Breach {
    /// A breach at a moment, by a host, of which one outcome would have been right.
    pub fn new(moment: Moment, host: &Name, wanted: impl Into<String>, got: String) -> Self {
        Self {
            at: moment.at,
            ordinal: moment.ordinal,
            host: host.clone(),
            client: None,
            wanted: vec![wanted.into()],
            got,
        }
    }

    /// Another outcome that would have been right.
    #[must_use]
    pub fn or(mut self, wanted: impl Into<String>) -> Self {
        self.wanted.push(wanted.into());
        self
    }

    /// The client that it concerns.
    #[must_use]
    pub fn concerning(mut self, client: &Name) -> Self {
        self.client = Some(client.clone());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breach(ordinal: usize) -> Breach {
        let moment = Moment { at: Duration::from_millis(5), ordinal };
        Breach::new(moment, &Name::from("relay"), "a", "b".to_owned())
    }

    #[test]
    fn the_earliest_breach_is_the_verdict() {
        let mut inquiry = Inquiry::default();
        assert_eq!(
            inquiry.clone().verdict("nobody left"),
            Verdict::NotApplicable { why: "nobody left".to_owned() }
        );
        inquiry.applies();
        assert_eq!(inquiry.clone().verdict(""), Verdict::Held);
        for ordinal in [7, 3, 9] {
            inquiry.broke(breach(ordinal));
        }
        assert_eq!(inquiry.verdict(""), Verdict::Broke(breach(3)));
    }
}

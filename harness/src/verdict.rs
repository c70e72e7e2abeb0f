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
    /// The first breach of each other host.
    pub others: Vec<Self>,
}

/// A judgement in the making: whether anything was judged yet, and each host's earliest breach so far.
#[derive(Debug, Clone, Default)]
pub struct Inquiry {
    applies: bool,
    first: Vec<Breach>,
}

impl Inquiry {
    /// Something in the run is what the rule speaks of.
    pub fn applies(&mut self) {
        self.applies = true;
    }

    /// It broke; a breach that is earlier than those before, of the same host, takes their place.
    pub fn broke(&mut self, breach: Breach) {
        self.applies = true;
        match self.first.iter_mut().find(|first| first.host == breach.host) {
            Some(first) if breach.ordinal < first.ordinal => *first = breach,
            Some(_) => {}
            None => self.first.push(breach),
        }
    }

    /// The verdict; `why` says what was missing where nothing was judged.
    pub fn verdict(mut self, why: &str) -> Verdict {
        self.first.sort_by_key(|breach| breach.ordinal);
        let mut first = self.first.into_iter();
        match first.next() {
            Some(breach) => Verdict::Broke(Breach { others: first.collect(), ..breach }),
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
            others: Vec::new(),
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
        by("relay", ordinal)
    }

    fn by(host: &str, ordinal: usize) -> Breach {
        let moment = Moment { at: Duration::from_millis(5), ordinal };
        Breach::new(moment, &Name::from(host), "a", "b".to_owned())
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
        assert_eq!(inquiry.clone().verdict(""), Verdict::Broke(breach(3)));
        for ordinal in [2, 1] {
            inquiry.broke(by("proxy", ordinal));
        }
        let others = vec![breach(3)];
        assert_eq!(inquiry.verdict(""), Verdict::Broke(Breach { others, ..by("proxy", 1) }));
    }
}

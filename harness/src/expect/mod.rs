//! Judges what an author expects beyond the rules: one verdict for each key of an expectation.

use crate::{exchange::Run, scenario::Expect, verdict::Verdict};

mod any_of;
mod bound;
mod client;
mod ending;
mod frames;
mod metrics;
mod relay;
#[cfg(test)]
mod tests;
mod upstream;

pub use any_of::Lenient;
pub use ending::ending;

/// What one expectation's key says, and of whom: `reader: status`.
pub type Labelled = (String, Verdict);

/// What came of one entry of `expect:`.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// One verdict for each of its keys; one for a whole `any_of`.
    pub verdicts: Vec<Labelled>,
    /// The outcome that decided, where it is accepted and not as it should be.
    pub lenient: Option<Lenient>,
}

/// Judges one entry of `expect:`. An excuse is not judged here: it needs the verdict of its rule.
pub fn judge(run: &Run<'_>, expect: &Expect) -> Findings {
    let mut verdicts = Vec::new();
    if let Some(name) = &expect.client {
        verdicts.extend(client::judge(run, name, expect));
    }
    if let Some(upstream) = &expect.upstream {
        verdicts.extend(upstream::judge(run, upstream));
    }
    if let Some(relay) = &expect.relay {
        verdicts.extend(relay::judge(run, relay));
    }
    let mut lenient = None;
    if !expect.any_of.is_empty() {
        let (verdict, outcome) = any_of::judge(run, &expect.any_of);
        verdicts.push(verdict);
        lenient = outcome;
    }
    Findings { verdicts, lenient }
}

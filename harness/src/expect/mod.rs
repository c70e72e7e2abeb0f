//! Judges what an author expects beyond the rules: one verdict for each key of an expectation.

use crate::{exchange::Run, scenario::Expect, verdict::Verdict};

mod bound;
mod client;
mod ending;
mod frames;
mod relay;
#[cfg(test)]
mod tests;
mod upstream;

pub use ending::ending;

/// What one expectation's key says, and of whom: `reader: status`.
pub type Labelled = (String, Verdict);

/// Judges one entry of `expect:`. An excuse is not judged here: it needs the verdict of its rule.
pub fn judge(run: &Run<'_>, expect: &Expect) -> Vec<Labelled> {
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
    verdicts
}

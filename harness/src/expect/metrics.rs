//! What a relay's own metrics say at the end of a run.

use super::{
    Labelled,
    bound::{holds, words},
};
use crate::{
    exchange::{Moment, Run},
    metrics::{self, Metrics},
    scenario::Bound,
    trace::{Fact, WorldFact},
    verdict::{Breach, Verdict},
};

/// Judges the number of streams that are open by the relay's own count.
pub(super) fn open_streams(run: &Run<'_>, bound: &Bound<u64>) -> Labelled {
    let wanted = format!("{} streams open at the end", words(bound));
    let figure = |all: &Metrics<'_>| all.open_streams(&run.plan.claims.metrics);
    let verdict = judge(run, bound, &wanted, figure);
    ("relay: open_streams".to_owned(), verdict)
}

/// Judges one metric by its name.
pub(super) fn metric(run: &Run<'_>, name: &str, bound: &Bound<u64>) -> Labelled {
    let wanted = format!("`{name}` {}", words(bound));
    let verdict = judge(run, bound, &wanted, |all| all.sum(name));
    (format!("relay: metric {name}"), verdict)
}

fn judge(
    run: &Run<'_>,
    bound: &Bound<u64>,
    wanted: &str,
    figure: impl FnOnce(&Metrics<'_>) -> Result<f64, String>,
) -> Verdict {
    let broke = |at, got| Verdict::Broke(Breach::new(at, &run.relay, wanted, got));
    let Some((at, text)) = scraped(run) else {
        if let Some(why) = not_scraped(run) {
            return Verdict::NotApplicable { why: why.to_owned() };
        }
        let got = "the relay answers no metrics at `/metrics`".to_owned();
        return broke(Moment::last(run.trace), got);
    };
    match figure(&metrics::read(text)) {
        Ok(figure) if holds(&in_figures(bound), &figure) => Verdict::Held,
        Ok(figure) => broke(at, figure.to_string()),
        Err(got) => broke(at, got),
    }
}

fn scraped<'a>(run: &Run<'a>) -> Option<(Moment, &'a str)> {
    run.trace.events.iter().enumerate().rev().find_map(|(ordinal, event)| {
        let Fact::World(WorldFact::Metrics { text }) = &event.fact else { return None };
        Some((Moment { at: event.at, ordinal }, text.as_str()))
    })
}

/// Why nobody asked the relay, if nobody did.
fn not_scraped(run: &Run<'_>) -> Option<&'static str> {
    run.trace.events.iter().find_map(|event| {
        let Fact::World(fact) = &event.fact else { return None };
        if matches!(fact, WorldFact::NotSettled) {
            return Some("the engine does not let the world settle before it ends");
        }
        matches!(fact, WorldFact::LimitReached { .. } | WorldFact::TraceFull)
            .then_some("the run did not come to its end")
    })
}

#[expect(clippy::cast_precision_loss, reason = "figures of metrics are floats by their format")]
fn in_figures(bound: &Bound<u64>) -> Bound<f64> {
    let figure = |value: Option<u64>| value.map(|value| value as f64);
    Bound { at_least: figure(bound.at_least), at_most: figure(bound.at_most) }
}

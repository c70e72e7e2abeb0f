//! What is expected of the provider's side: requests, how soon they are closed, how long it waits.

use mock_openai::quantity::Time;

use super::{
    Labelled,
    bound::{holds, words},
};
use crate::{
    exchange::{Moment, Run},
    rules::cancel_upstream::{Closing, closings},
    scenario::{Bound, Upstream},
    verdict::{Breach, Verdict},
};

/// Judges every key that speaks of the provider.
pub(super) fn judge(run: &Run<'_>, expect: &Upstream) -> Vec<Labelled> {
    let mut found = Vec::new();
    if let Some(bound) = &expect.requests {
        found.push(("upstream: requests".to_owned(), requests(run, bound)));
    }
    if let Some(within) = expect.closed_within {
        found.push(("upstream: closed_within".to_owned(), closed_within(run, within)));
    }
    if let Some(bound) = &expect.waits {
        found.push(("upstream: waits".to_owned(), waits(run, bound)));
    }
    found
}

fn requests(run: &Run<'_>, bound: &Bound<u64>) -> Verdict {
    let count = run.answers.len() as u64;
    if holds(bound, &count) {
        return Verdict::Held;
    }
    let one_too_many = bound.at_most.and_then(|most| run.answers.get(usize::try_from(most).ok()?));
    let at = one_too_many.map_or_else(|| Moment::last(run.trace), |answer| answer.received);
    let wanted = format!("{} requests at the provider", words(bound));
    Verdict::Broke(Breach::new(at, &run.relay, wanted, format!("{count}")))
}

fn closed_within(run: &Run<'_>, within: Time) -> Verdict {
    let wanted = format!("closed within {within} of the client's leaving");
    let mut closings = closings(run).peekable();
    if closings.peek().is_none() {
        let got = "no client left while the provider was answering it".to_owned();
        return Verdict::Broke(Breach::new(Moment::last(run.trace), &run.relay, wanted, got));
    }
    let late = closings.find_map(|closing| late(run, &closing, within));
    late.map_or(Verdict::Held, |(at, client, got)| {
        Verdict::Broke(Breach::new(at, &run.relay, wanted, got).concerning(&client))
    })
}

fn late(
    run: &Run<'_>,
    closing: &Closing<'_>,
    within: Time,
) -> Option<(Moment, crate::trace::Name, String)> {
    let client = closing.exchange.client.clone();
    let Some(closed) = closing.closed else {
        let at = Moment::first_after(run.trace, closing.left.at + within.0);
        return Some((
            at.unwrap_or_else(|| Moment::last(run.trace)),
            client,
            "never closed".to_owned(),
        ));
    };
    let took = Time(closed.at.saturating_sub(closing.left.at));
    (took > within).then(|| (closed, client, format!("closed after {took}")))
}

fn waits(run: &Run<'_>, bound: &Bound<Time>) -> Verdict {
    let end = Moment::last(run.trace);
    let of_provider = |tcp: &&crate::exchange::Tcp| *tcp.acceptor.host == *"upstream";
    let longest = run
        .connections
        .open
        .values()
        .filter(of_provider)
        .flat_map(|tcp| &tcp.down.blocked)
        .map(|(from, to)| {
            let to = to.unwrap_or(end);
            (Time(to.at.saturating_sub(from.at)), to)
        })
        .max_by_key(|(time, to)| (*time, std::cmp::Reverse(*to)));
    let (time, at) = longest.unwrap_or_else(|| (Time::default(), end));
    if holds(bound, &time) {
        return Verdict::Held;
    }
    let wanted = format!("the provider waits {} for room to write", words(bound));
    Verdict::Broke(Breach::new(at, &run.relay, wanted, format!("{time}")))
}

//! What is expected of the provider's side: of its requests, and of how its answers come along.

use mock_openai::{quantity::Time, script::End};

use super::{
    Labelled,
    bound::{holds, words},
};
use crate::{
    exchange::{Answer, Moment, Run},
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
    if let Some(bound) = &expect.concurrent {
        found.push(("upstream: concurrent".to_owned(), concurrent(run, bound)));
    }
    if let Some(bound) = &expect.gaps {
        found.push(("upstream: gaps".to_owned(), gaps(run, bound)));
    }
    found
}

/// The most answers under way at one time: from the request until the answer has ended or its peer
/// has gone. Where one ends at the instant at which another begins, the trace says which was first.
fn concurrent(run: &Run<'_>, bound: &Bound<u64>) -> Verdict {
    let begins = run.answers.iter().map(|answer| (answer.received, true));
    let ends = run.answers.iter().filter_map(over).map(|moment| (moment, false));
    let mut steps: Vec<(Moment, bool)> = begins.chain(ends).collect();
    steps.sort_unstable();
    let (mut open, mut most, mut at) = (0_u64, 0_u64, Moment::last(run.trace));
    for (moment, begins) in steps {
        open = if begins { open + 1 } else { open.saturating_sub(1) };
        // The first that is one too many is the event to look at.
        if open > most && bound.at_most.is_none_or(|allowed| most <= allowed) {
            at = moment;
        }
        most = most.max(open);
    }
    if holds(bound, &most) {
        return Verdict::Held;
    }
    let wanted = format!("{} answers under way at one time", words(bound));
    Verdict::Broke(Breach::new(at, &run.relay, wanted, format!("{most}")))
}

/// When an answer was over at the provider.
fn over(answer: &Answer) -> Option<Moment> {
    let ended = answer.ended.filter(|(_, how)| *how != End::Hold).map(|(moment, _)| moment);
    let gone = answer.peer_gone.map(|(moment, _)| moment);
    ended.into_iter().chain(gone).min()
}

/// From each request to the next, over all clients.
fn gaps(run: &Run<'_>, bound: &Bound<Time>) -> Verdict {
    let wanted = format!("{} from one request to the next", words(bound));
    if run.answers.len() < 2 {
        let got = "no gap: fewer than two requests came".to_owned();
        return Verdict::Broke(Breach::new(Moment::last(run.trace), &run.relay, wanted, got));
    }
    let gap = |pair: &[Answer]| {
        let (before, after) = (pair[0].received, pair[1].received);
        let gap = Time(after.at.saturating_sub(before.at));
        (!holds(bound, &gap)).then_some((after, gap))
    };
    run.answers.windows(2).enumerate().find_map(|(nth, pair)| Some((nth, gap(pair)?))).map_or(
        Verdict::Held,
        |(nth, (at, gap))| {
            let got = format!("{gap} before request {}", nth + 2);
            Verdict::Broke(Breach::new(at, &run.relay, wanted, got))
        },
    )
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

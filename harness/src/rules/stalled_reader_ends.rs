//! A client that reads nothing is let go, and its request to the provider with it.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, limits::Limit};
use crate::{
    exchange::{Exchange, Moment, Passage, Run},
    plan::Number,
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const BORNE: Limit = Limit {
    name: "stalled-reader-ends.client",
    default: Number::Time(Time(Duration::from_mins(2))),
    least: Number::Time(Time(Duration::from_millis(1))),
    bounds: "how long a relay may bear a client that takes no byte",
    source: "ours",
};

pub(super) const CLOSED: Limit = Limit {
    name: "stalled-reader-ends.provider",
    default: Number::Time(Time(Duration::from_secs(1))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long after such a client a relay may hold on to the provider",
    source: "ours, as for `cancel-upstream`",
};

/// A phone in a tunnel, a laptop that sleeps: TCP keeps such a connection for hours, and the
/// provider's answer is paid for.
pub(super) const RULE: Rule = Rule {
    id: "stalled-reader-ends",
    level: Level::Profile,
    citation: "RFC 9112 9.5",
    demand: "a client that takes nothing for {stalled-reader-ends.client} is ended, and its request to the provider is closed within {stalled-reader-ends.provider}",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let most = BORNE.time(run);
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let Some(at) = run.at_relay(index) else { continue };
        for (since, until) in full(run, exchange, &at) {
            let borne = until.at.saturating_sub(since.at);
            let let_go = at.below_tcp.acceptor.dropped == Some(until);
            let wrong = if borne > most {
                Some(too_long(run, exchange, since, until))
            } else if let_go {
                provider_kept(run, index, &at, until)
            } else {
                continue;
            };
            inquiry.applies();
            if let Some(breach) = wrong {
                inquiry.broke(breach.concerning(&exchange.client));
            }
        }
    }
    inquiry.verdict("no client stopped reading for good")
}

/// From when to when the connection had no room while the client was there.
fn full<'a>(
    run: &Run<'_>,
    exchange: &Exchange,
    at: &Passage<'a>,
) -> impl Iterator<Item = (Moment, Moment)> + use<'a> {
    let left = exchange.left.map(|(moment, _)| moment);
    let last = left.unwrap_or_else(|| Moment::last(run.trace));
    let blocked = at.below_tcp.down.blocked.iter();
    blocked.map(move |(since, until)| (*since, until.map_or(last, |until| until.min(last))))
}

/// The client was borne for too long.
fn too_long(run: &Run<'_>, exchange: &Exchange, since: Moment, until: Moment) -> Breach {
    let most = BORNE.time(run);
    let bound = Time(most);
    let wanted = format!("{} lets go of a client that takes nothing for {bound}", run.relay);
    let got = format!("{} took nothing from {since} to {until}", exchange.client);
    let over = Moment::first_after(run.trace, since.at + most);
    Breach::new(over.unwrap_or(until), &run.relay, wanted, got)
}

/// The client was let go of, and the provider, which was still answering, was not.
fn provider_kept(run: &Run<'_>, index: usize, at: &Passage<'_>, let_go: Moment) -> Option<Breach> {
    let answering = run.answers_to(index).next_back().is_some_and(|a| a.open_at(let_go));
    let closed = at.above_tcp?.opener.finished;
    // A process that is gone keeps nothing: what it had was closed with it.
    let gone = &run.connections.ended_by_hops;
    let is_gone = at.above.is_some_and(|turn| gone.contains(&turn.connection));
    let late = let_go.at + CLOSED.time(run);
    let in_time = closed.is_some_and(|closed| closed.at <= late);
    // A trace that ends sooner cannot tell.
    Moment::first_after(run.trace, late)?;
    if !answering || in_time || is_gone {
        return None;
    }
    let wanted = format!("{} lets go of the provider too", run.relay);
    let got = format!("it let go of {} at {let_go} and not of the provider", at.below.from);
    Some(Breach::new(let_go, &run.relay, wanted, got))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::Story,
        scenario::Leave,
        trace::{Exit, Fact, SocketFact, WorldFact},
        verdict::Verdict,
    };

    /// From 1 s on the client takes nothing.
    fn stalled() -> Story {
        let mut story = Story::streaming();
        story.relays(1_000, "reader", "data: 1\n\n");
        story.socket(1_000, "relay", "reader", 0, SocketFact::Blocked);
        story
    }

    fn let_go(mut story: Story, client_ms: u64, provider_ms: u64) -> Story {
        story.socket(client_ms, "relay", "reader", 0, SocketFact::Dropped);
        story.socket(provider_ms, "relay", "reader", 1, SocketFact::Dropped);
        story.over(400_000);
        story
    }

    #[test]
    fn it_holds_where_both_are_let_go_of() {
        assert_eq!(let_go(stalled(), 121_000, 122_000).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_client_is_borne_for_longer() {
        let breach = let_go(stalled(), 122_000, 122_000).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 122_000);
        assert_eq!(breach.wanted, ["relay lets go of a client that takes nothing for 2m"]);
        let mut for_ever = stalled();
        for_ever.over(400_000);
        assert_eq!(for_ever.breach(&RULE).got, "reader took nothing from 1s to 400s");
    }

    #[test]
    fn it_breaks_where_the_provider_goes_on() {
        let breach = let_go(stalled(), 61_000, 62_001).breach(&RULE);
        assert_eq!(breach.wanted, ["relay lets go of the provider too"]);
    }

    #[test]
    fn a_run_that_ends_sooner_cannot_tell_whether_the_provider_goes_on() {
        let ends_at = |ms: u64| {
            let mut story = stalled();
            story.socket(61_000, "relay", "reader", 0, SocketFact::Dropped);
            story.over(ms);
            story.verdict(&RULE)
        };
        assert_eq!(ends_at(62_000), Verdict::Held);
        assert!(matches!(ends_at(62_001), Verdict::Broke(_)));
    }

    #[test]
    fn a_process_that_is_gone_keeps_no_provider() {
        let mut story = stalled();
        let because = Exit::Drained;
        story.fact(61_000, "relay", Fact::World(WorldFact::Exited { because }));
        story.socket(61_000, "relay", "reader", 0, SocketFact::Dropped);
        story.over(400_000);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_to_a_client_that_reads_again_or_leaves() {
        let why = "no client stopped reading for good";
        let mut again = stalled();
        again.socket(120_000, "relay", "reader", 0, SocketFact::Unblocked);
        again.over(400_000);
        again.assert_not_applicable(&RULE, why);
        let mut left = stalled();
        left.leaves(100_000, "reader", Leave::Fin);
        left.over(400_000);
        left.assert_not_applicable(&RULE, why);
    }
}

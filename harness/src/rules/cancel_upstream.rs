//! A client that goes takes its request to the provider with it.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, limits::Limit};
use crate::{
    exchange::{Answer, Exchange, Leaving, Moment, Run},
    plan::{Link, Number},
    scenario::Leave,
    trace::Name,
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const CLOSED: Limit = Limit {
    name: "cancel-upstream",
    default: Number::Time(Time(Duration::from_secs(1))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long after its client has gone a relay may hold on to the provider, on top of what two journeys each way over all links take",
    source: "ours",
};

/// Tokens that nobody reads are paid for all the same. A client whose host falls silent cannot be
/// seen to go, and is left to other rules; and nobody is to blame for what the network keeps from the
/// next host.
pub(super) const RULE: Rule = Rule {
    id: "cancel-upstream",
    level: Level::Should,
    citation: "RFC 9112 9.5",
    demand: "when a client goes, its request to the provider is closed within {cancel-upstream} and two link delays",
    judge,
};

/// A client that left while the provider was answering it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closing<'a> {
    /// What it had asked.
    pub(crate) exchange: &'a Exchange,
    answer: &'a Answer,
    index: usize,
    /// How it left.
    how: Leaving,
    /// When it left; or when the request came to the provider, where that is later.
    pub(crate) left: Moment,
    /// When the answer was over at the provider: its peer had gone, or it had come to its end.
    pub(crate) closed: Option<Moment>,
}

/// Every answer that was open when its client left, or was asked after that. One that has vanished is
/// among them, though nobody is told of it.
pub(crate) fn closings<'a>(run: &'a Run<'_>) -> impl Iterator<Item = Closing<'a>> {
    run.answers.iter().filter_map(|answer| {
        let index = answer.exchange?;
        let exchange = &run.exchanges[index];
        let (left, how) = exchange.left?;
        if !answer.open_at(left) || gone_before(answer, left) {
            return None;
        }
        let left = left.max(answer.received);
        let ended = answer.ended.filter(|_| !answer.open_at(Moment::last(run.trace)));
        let gone = answer.peer_gone.map(|(moment, _)| moment);
        let closed = [gone, ended.map(|(moment, _)| moment)].into_iter().flatten().min();
        Some(Closing { exchange, answer, index, how, left, closed })
    })
}

fn gone_before(answer: &Answer, left: Moment) -> bool {
    answer.peer_gone.is_some_and(|(gone, _)| gone < left)
}

fn judge(run: &Run<'_>) -> Verdict {
    let allowed = CLOSED.time(run) + round_trips(&run.plan.links) + run.plan.slow_by(&run.relay);
    let mut inquiry = Inquiry::default();
    for closing in closings(run).filter(|one| one.how != Leaving::Left(Leave::Vanish)) {
        let Closing { exchange, left, closed, .. } = closing;
        let late = match closed {
            Some(closed) if closed.at.saturating_sub(left.at) <= allowed => {
                inquiry.applies();
                continue;
            }
            Some(closed) => {
                Some((closed, format!("{} later", Time(closed.at.saturating_sub(left.at)))))
            }
            // A trace that ends sooner cannot tell.
            None => Moment::first_after(run.trace, left.at + allowed).map(|at| {
                let waited = Moment::last(run.trace).at.saturating_sub(left.at);
                (at, format!("not in the {} until the end of the run", Time(waited)))
            }),
        };
        if let Some((at, took)) = late
            && !is_unheard(run, &closing, left.at + allowed)
        {
            let wanted = format!(
                "the provider sees its connection close within {} of the client's leaving",
                Time(allowed)
            );
            let host = who_held_on(run, closing.index, at);
            let client = &exchange.client;
            let got = format!("{client} left at {left}, and {host} let go of the provider {took}");
            inquiry.broke(Breach::new(at, &host, wanted, got).concerning(&exchange.client));
        }
    }
    inquiry.verdict("no client was heard to leave while the provider was answering it")
}

/// Whether a host let go by then, and a link kept that from the next one.
fn is_unheard(run: &Run<'_>, closing: &Closing<'_>, by: Duration) -> bool {
    let passages = run.passages(closing.index);
    let below = passages.iter().map(|passage| passage.below_tcp);
    below.chain(run.provider_tcp(closing.answer)).any(|tcp| tcp.up.end.is_on_its_way(by))
}

/// What two journeys each way over all links take at most.
fn round_trips(links: &[Link]) -> Duration {
    let delay = |spec: &crate::scenario::LinkSpec| {
        let jitter = spec.jitter.and_then(|jitter| jitter.most());
        spec.latency.unwrap_or_default().0 + jitter.unwrap_or_default()
    };
    links.iter().map(|link| delay(&link.up) + delay(&link.down)).sum::<Duration>() * 2
}

/// The host nearest the client that had not let go of its own connection to the next one.
fn who_held_on(run: &Run<'_>, index: usize, by: Moment) -> Name {
    let passages = run.passages(index);
    let held = passages.iter().find(|passage| {
        let finished = passage.above_tcp.and_then(|tcp| tcp.opener.finished);
        passage.above_tcp.is_some() && finished.is_none_or(|finished| finished >= by)
    });
    held.map_or_else(|| run.relay.clone(), |passage| passage.host.clone())
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::Story,
        scenario::{HostLimits, Leave},
        trace::{ClientFact, Fact, SocketFact},
        verdict::Verdict,
    };

    const WHY: &str = "no client was heard to leave while the provider was answering it";

    /// The reader leaves at 100 ms; links add 2 * (5 + 5) = 20 ms to the 1 s that are allowed.
    fn left() -> Story {
        let mut story = Story::streaming();
        story.link("further", 5);
        story.relays(1, "reader", "data: 1\n\n");
        story.leaves(100, "reader", Leave::Fin);
        story
    }

    #[test]
    fn it_holds_where_the_provider_sees_the_end_in_time() {
        let mut story = left();
        story.provider_left(1_120, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn a_slow_relay_has_its_time() {
        let mut story = left();
        let slow = HostLimits { slow_cpu: "2s".parse().ok(), ..HostLimits::default() };
        story.plan.hosts.insert("relay".to_owned(), slow);
        story.provider_left(3_120, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_provider_sees_it_late() {
        let mut story = left();
        let gone = story.provider_left(1_121, "reader");
        story.over(5_000);
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_millis(), breach.ordinal), (1_121, gone));
        assert_eq!(
            breach.wanted,
            ["the provider sees its connection close within 1020ms of the client's leaving"]
        );
        assert_eq!(
            breach.got,
            "reader left at 100ms, and relay let go of the provider 1021ms later"
        );
    }

    #[test]
    fn it_breaks_at_the_first_event_after_the_deadline_where_it_is_never_closed() {
        let mut story = left();
        story.provides(1_100, "reader", "data: 2\n\n");
        story.provides(1_200, "reader", "data: 3\n\n");
        let over = story.over(5_100);
        let breach = story.breach(&RULE);
        assert_eq!(breach.at.as_millis(), 1_200);
        assert!(breach.ordinal < over);
        assert_eq!(
            breach.got,
            "reader left at 100ms, and relay let go of the provider not in the 5s until the end of the run"
        );
    }

    #[test]
    fn an_answer_that_holds_on_is_open_and_one_that_ends_needs_no_closing() {
        let mut held = Story::streaming();
        held.provider_ends(1, "reader", End::Hold);
        held.leaves(100, "reader", Leave::Rst);
        held.over(5_000);
        held.breach(&RULE);
        let mut ended = left();
        ended.provider_ends(900, "reader", End::Clean);
        ended.over(5_000);
        assert_eq!(ended.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn a_client_whose_patience_ends_has_left_too_and_so_has_one_that_was_not_yet_answered() {
        let mut story = Story::new();
        story.asks(0, "reader");
        let gave_up = ClientFact::GaveUp { budget: "first_byte" };
        story.fact(50, "reader", Fact::Client(gave_up));
        story.forwards(60, "reader");
        story.over(9_000);
        assert_eq!(story.breach(&RULE).at.as_millis(), 9_000);
    }

    #[test]
    fn it_names_the_middlebox_that_holds_on() {
        let mut story = Story::new().behind("edge");
        story.asks(0, "reader");
        story.hands_on(0, "reader");
        story.forwards(0, "reader");
        story.leaves(100, "reader", Leave::Fin);
        story.over(9_000);
        assert_eq!(&*story.breach(&RULE).host, "edge");
        let mut story = Story::new().behind("edge");
        story.asks(0, "reader");
        story.hands_on(0, "reader");
        story.forwards(0, "reader");
        story.leaves(100, "reader", Leave::Fin);
        story.socket(110, "edge", "reader", 1, SocketFact::Dropped);
        story.over(9_000);
        assert_eq!(&*story.breach(&RULE).host, "relay");
    }

    #[test]
    fn it_does_not_apply_where_nobody_leaves_or_the_host_falls_silent() {
        let mut stayed = Story::streaming();
        stayed.finishes(9, "reader");
        stayed.assert_not_applicable(&RULE, WHY);
        let mut silent = Story::streaming();
        silent.leaves(100, "reader", Leave::Vanish);
        silent.over(9_000);
        silent.assert_not_applicable(&RULE, WHY);
        // From the wire it looks like a departure, and it is none: either reading is right.
        let mut half = Story::streaming();
        half.leaves(100, "reader", Leave::HalfClose);
        half.over(9_000);
        half.assert_not_applicable(&RULE, WHY);
        let mut gone = Story::streaming();
        gone.provider_left(50, "reader");
        gone.leaves(100, "reader", Leave::Fin);
        gone.over(9_000);
        gone.assert_not_applicable(&RULE, WHY);
        let mut ended = Story::streaming();
        ended.provider_ends(50, "reader", End::Clean);
        ended.leaves(100, "reader", Leave::Fin);
        ended.over(9_000);
        ended.assert_not_applicable(&RULE, WHY);
    }

    #[test]
    fn nobody_is_to_blame_for_what_the_network_keeps_from_the_next_host() {
        let mut lost = left();
        lost.fin(100, "reader", 0, None);
        lost.over(9_000);
        lost.assert_not_applicable(&RULE, WHY);
        // Until 1.12 s it is in time to let go.
        let lets_go = |ms| {
            let mut story = left();
            story.fin(100, "reader", 0, Some(105));
            story.socket(ms, "relay", "reader", 1, SocketFact::Dropped);
            story.fin(ms, "reader", 1, Some(5_000));
            story.provider_left(5_000, "reader");
            story.over(9_000);
            story
        };
        lets_go(1_120).assert_not_applicable(&RULE, WHY);
        assert_eq!(lets_go(1_121).breach(&RULE).at.as_millis(), 5_000);
    }

    #[test]
    fn a_request_that_comes_after_the_leaving_has_its_time_from_there() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.leaves(50, "reader", Leave::Fin);
        story.forwards(5_000, "reader");
        story.provider_left(5_900, "reader");
        story.over(9_000);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }
}

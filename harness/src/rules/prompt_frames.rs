//! Each event leaves a host soon after it has arrived there.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, alignment::passing, limits::Limit, no_head_of_line};
use crate::{
    exchange::{Exchange, Moment, Passage, Run, is_event_stream},
    plan::{Number, RelayKind},
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const KEPT: Limit = Limit {
    name: "prompt-frames",
    default: Number::Time(Time(Duration::from_millis(10))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long a host may keep a whole event",
    source: "ours: no standard has a number",
};

/// RFC 9110 7.6 lets an intermediary delay what it forwards, so that no standard sets a limit; RFC
/// 10036 3 asks to forward as data arrives. Time in which the next host would take nothing more is
/// not counted: a slow reader is not this host's fault. A host of a slow CPU has as much more as that
/// takes it to wake up. Needs an engine that shows packets.
pub(super) const RULE: Rule = Rule {
    id: "prompt-frames",
    level: Level::Profile,
    citation: "RFC 10036 3; RFC 9110 7.6",
    demand: "each event leaves within {prompt-frames} of its arrival, not with the next one and not at the end",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        for passage in run.passages(index) {
            judge_passage(run, (index, exchange), &passage, &mut inquiry);
        }
    }
    inquiry.verdict("no event was seen to arrive at a host, packet by packet")
}

fn judge_passage(
    run: &Run<'_>,
    (of, exchange): (usize, &Exchange),
    at: &Passage<'_>,
    inquiry: &mut Inquiry,
) {
    let (Some(incoming), true) = (at.incoming(), at.shows_arrival()) else { return };
    if !is_event_stream(&incoming.headers) {
        return;
    }
    let allowed = Time(KEPT.time(run) + run.plan.slow_by(at.host));
    let nothing = Vec::new();
    let body = at.outgoing().map_or(&nothing, |message| &message.body);
    let is_relay = run.plan.is_relay(at.host);
    let kind = if is_relay { run.plan.claims.kind } else { RelayKind::Transparent };
    let found = passing(kind, &incoming.body, body);
    for (index, range) in found.came.iter().enumerate() {
        let Some(arrived) = at.arrived(range.end - 1) else { return };
        inquiry.applies();
        let passed = found.went.get(index).and_then(|end| Some((*end, at.left(*end - 1)?)));
        let breach = match passed {
            // What waits for another client is `no-head-of-line`'s to tell.
            Some((_, left)) if no_head_of_line::tells_of(run, of, at, (arrived.at, left.at)) => {
                None
            }
            Some((end, left)) => late(exchange, at, allowed, index, (arrived, left), end),
            // What is missing from a body that went another way is not held back.
            None if found.is_settled => None,
            None => held(run, exchange, at, allowed, index, arrived),
        };
        if let Some(breach) = breach {
            inquiry.broke(breach);
        }
        if passed.is_none() {
            return;
        }
    }
}

/// An event that left, but not soon. The moment of the breach is that at which it left.
fn late(
    exchange: &Exchange,
    at: &Passage<'_>,
    allowed: Time,
    index: usize,
    (arrived, left): (Moment, Moment),
    end: usize,
) -> Option<Breach> {
    let kept = left.at.saturating_sub(arrived.at);
    let kept = kept.saturating_sub(at.blocked(arrived.at, left.at));
    if kept <= allowed.0 {
        return None;
    }
    let host = at.host;
    let reached = exchange.body.marks.when(end - 1).filter(|_| *at.below.from == *exchange.client);
    let seen = reached
        .map_or_else(String::new, |moment| format!(" and reached {} at {moment}", exchange.client));
    let got = format!(
        "frame {} came to {host} at {arrived}, left it at {left}{seen}: kept for {}",
        index + 1,
        Time(kept)
    );
    Some(Breach::new(left, host, wanted(host, allowed), got).concerning(&exchange.client))
}

/// An event that never left, although its time came while somebody waited for it.
fn held(
    run: &Run<'_>,
    exchange: &Exchange,
    at: &Passage<'_>,
    allowed: Time,
    index: usize,
    arrived: Moment,
) -> Option<Breach> {
    let tcp = at.below_tcp;
    let ends = [tcp.acceptor.finished, tcp.acceptor.saw_end, exchange.over()];
    let last = Moment::last(run.trace);
    let end = ends.into_iter().flatten().min().unwrap_or(last);
    // A body that ended in good form without it has lost it; another rule speaks of that.
    let ended_whole = at.outgoing().is_some_and(|message| message.end.is_some());
    let waited = end.at.saturating_sub(arrived.at);
    let waited = waited.saturating_sub(at.blocked(arrived.at, end.at));
    if ended_whole || waited <= allowed.0 {
        return None;
    }
    let host = at.host;
    let got =
        format!("frame {} came to {host} at {arrived} and had not left it at {end}", index + 1);
    Some(Breach::new(arrived, host, wanted(host, allowed), got).concerning(&exchange.client))
}

fn wanted(host: &str, allowed: Time) -> String {
    format!("each event leaves {host} within {allowed} of its arrival there")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        plan::RelayKind,
        scenario::{HostLimits, Kind, Leave},
        trace::SocketFact,
        verdict::Verdict,
    };

    #[test]
    fn a_slow_host_has_as_much_more_time_as_it_takes_to_wake_up() {
        let leaves = |ms: u64| {
            let mut story = Story::streaming();
            let late = "30ms".parse().ok();
            let slow = HostLimits { slow_cpu: late, ..HostLimits::default() };
            story.plan.hosts.insert("relay".to_owned(), slow);
            story.provides(5, "reader", "data: 1\n\n");
            story.passes(ms, "reader", "data: 1\n\n");
            story.finishes(90, "reader");
            story
        };
        assert_eq!(leaves(45).verdict(&RULE), Verdict::Held);
        let wanted = "each event leaves relay within 40ms of its arrival there";
        assert_eq!(leaves(46).breach(&RULE).wanted, [wanted]);
    }

    #[test]
    fn it_holds_where_an_event_leaves_ten_milliseconds_after_its_arrival() {
        let mut story = Story::streaming();
        story.provides(5, "reader", "data: 1\n\n");
        story.passes(15, "reader", "data: 1\n\n");
        story.finishes(20, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_an_event_leaves_with_the_next_one() {
        let mut story = Story::streaming();
        story.provides(5, "reader", "data: 1\n\n");
        story.provides(105, "reader", "data: 2\n\n");
        let left = story.writes(105, "reader", "data: 1\n\ndata: 2\n\n");
        story.gets(125, "reader", "data: 1\n\ndata: 2\n\n");
        story.finishes(200, "reader");
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_millis(), breach.ordinal), (105, left));
        assert_eq!(breach.wanted, ["each event leaves relay within 10ms of its arrival there"]);
        assert_eq!(
            breach.got,
            "frame 1 came to relay at 5ms, left it at 105ms and reached reader at 125ms: kept for 100ms"
        );
    }

    #[test]
    fn an_event_has_arrived_when_its_blank_line_has() {
        let mut story = Story::streaming();
        story.provides(5, "reader", "data: 1\n");
        story.provides(105, "reader", "\n");
        story.passes(110, "reader", "data: 1\n\n");
        story.finishes(120, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_an_event_never_leaves_and_the_client_goes() {
        let mut story = Story::streaming();
        let arrived = story.provides(5, "reader", "data: 1\n\n");
        story.leaves(4_000, "reader", Leave::Fin);
        let breach = story.breach(&RULE);
        assert_eq!(breach.ordinal, arrived);
        assert_eq!(breach.got, "frame 1 came to relay at 5ms and had not left it at 4s");
    }

    #[test]
    fn time_in_which_the_client_takes_nothing_is_not_counted() {
        let blocked = |until: u64| {
            let mut story = Story::streaming();
            story.socket(4, "relay", "reader", 0, SocketFact::Blocked);
            story.provides(5, "reader", "data: 1\n\n");
            story.socket(until, "relay", "reader", 0, SocketFact::Unblocked);
            story.passes(5_000, "reader", "data: 1\n\n");
            story
        };
        assert_eq!(blocked(4_990).verdict(&RULE), Verdict::Held);
        assert!(blocked(4_989).breach(&RULE).got.ends_with("kept for 11ms"));
    }

    #[test]
    fn it_names_the_middlebox_that_holds_the_events() {
        let mut story = Story::new().behind("edge");
        story.asks(0, "reader");
        story.hands_on(0, "reader");
        story.forwards(0, "reader");
        story.answers(0, "reader", 200, STREAM);
        story.replies(0, "reader", 200, STREAM);
        story.box_replies(0, "reader", 200, STREAM);
        story.provides(1, "reader", "data: 1\n\n");
        story.writes(1, "reader", "data: 1\n\n");
        story.box_passes(90, "reader", "data: 1\n\n");
        let breach = story.breach(&RULE);
        assert_eq!((&*breach.host, breach.at.as_millis()), ("edge", 90));
        assert_eq!(
            breach.got,
            "frame 1 came to edge at 1ms, left it at 90ms and reached reader at 90ms: kept for 89ms"
        );
    }

    #[test]
    fn it_does_not_apply_to_an_engine_without_packets() {
        let mut story = Story::new();
        story.packets = false;
        story.begins(0, "reader");
        story.provides(5, "reader", "data: 1\n\n");
        story.passes(500, "reader", "data: 1\n\n");
        story.assert_not_applicable(
            &RULE,
            "no event was seen to arrive at a host, packet by packet",
        );
    }

    #[test]
    fn a_client_that_takes_nothing_and_goes_is_not_this_hosts_fault() {
        let mut story = Story::streaming();
        story.socket(4, "relay", "reader", 0, SocketFact::Blocked);
        story.provides(5, "reader", "data: 1\n\n");
        story.leaves(4_000, "reader", Leave::Fin);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn what_is_lost_or_changed_is_not_late() {
        let mut lost = Story::streaming();
        lost.provides(5, "reader", "data: 1\n\n");
        lost.finishes(900, "reader");
        assert_eq!(lost.verdict(&RULE), Verdict::Held);
        let mut changed = Story::streaming();
        changed.provides(5, "reader", "data: 1\n\n");
        changed.passes(5, "reader", "data: 2\n\n");
        changed.leaves(900, "reader", Leave::Fin);
        assert_eq!(changed.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn an_answer_that_is_no_stream_may_take_its_time() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(0, "reader", 200, JSON);
        story.replies(0, "reader", 200, JSON);
        story.provides(1, "reader", "{}\n\n");
        story.passes(500, "reader", "{}\n\n");
        story.assert_not_applicable(
            &RULE,
            "no event was seen to arrive at a host, packet by packet",
        );
    }

    #[test]
    fn what_comes_after_the_client_has_gone_is_for_nobody() {
        let mut story = Story::streaming();
        story.leaves(4, "reader", Leave::Fin);
        story.provides(5, "reader", "data: 1\n\n");
        story.over(900);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn what_waits_for_another_client_is_left_to_no_head_of_line() {
        let beside = |slow: bool| {
            let mut story = Story::streaming();
            story.client("slow", Kind::Raw);
            story.begins(0, "slow");
            if slow {
                story.socket(1, "relay", "slow", 0, SocketFact::Blocked);
            }
            story.provides(100, "reader", "data: 1\n\n");
            story.passes(500, "reader", "data: 1\n\n");
            story.finishes(600, "reader");
            story.over(700);
            story.verdict(&RULE)
        };
        assert_eq!(beside(true), Verdict::Held);
        assert!(matches!(beside(false), Verdict::Broke(_)));
    }

    /// A relay of that kind writes the events of 5 and 105 ms in bytes of its own, then.
    fn anew(kind: RelayKind, first_ms: u64, events: [&str; 2]) -> Story {
        let mut story = Story::streaming();
        story.plan.claims.kind = kind;
        story.provides(5, "reader", ": note\n\ndata: 1\n\n");
        if first_ms < 105 {
            story.passes(first_ms, "reader", events[0]);
        }
        story.provides(105, "reader", "data: [DONE]\n\n");
        if first_ms >= 105 {
            story.passes(first_ms, "reader", events[0]);
        }
        story.passes(first_ms.max(105), "reader", events[1]);
        story.finishes(300, "reader");
        story
    }

    #[test]
    fn a_relay_that_reframes_may_not_keep_its_events_either() {
        let events = ["data:1\n\n", "data:[DONE]\n\n"];
        let prompt = anew(RelayKind::Reframing, 5, events);
        assert_eq!(prompt.verdict(&RULE), Verdict::Held);
        let kept = anew(RelayKind::Reframing, 200, events).breach(&RULE);
        assert_eq!(kept.at.as_millis(), 200);
        let got = "frame 1 came to relay at 5ms, left it at 200ms and reached reader at 200ms: kept for 195ms";
        assert_eq!(kept.got, got);
    }

    #[test]
    fn of_a_relay_that_translates_event_by_event_the_nth_that_leaves_is_the_nth_that_came() {
        let events = ["data: one\n\n", "data: [DONE]\n\n"];
        assert_eq!(anew(RelayKind::Translating, 5, events).verdict(&RULE), Verdict::Held);
        let kept = anew(RelayKind::Translating, 200, events).breach(&RULE);
        // It may have waited for the next one, which came at 105 ms.
        assert!(kept.got.ends_with("kept for 95ms"), "{}", kept.got);
        // One that makes other events of them, in number or in order, cannot be timed.
        for events in [["data: one\n\n", ": none\n\n"], ["data: one\n\n", "data: two\n\n"]] {
            let why = "no event was seen to arrive at a host, packet by packet";
            anew(RelayKind::Translating, 200, events).assert_not_applicable(&RULE, why);
        }
    }
}

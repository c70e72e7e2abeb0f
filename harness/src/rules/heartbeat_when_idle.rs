//! A heartbeat comes in silence, and only in silence.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, alignment::align, limits::Limit};
use crate::{
    exchange::{Exchange, Family, Frames, Moment, Passage, Run},
    plan::{Number, RelayKind},
    verdict::{Breach, Inquiry, Verdict},
};

/// The resolution of virtual time: how much too soon a heartbeat may seem.
const RESOLUTION: Duration = Duration::from_millis(1);

pub(super) const LATE: Limit = Limit {
    name: "heartbeat-when-idle",
    default: Number::Time(Time(Duration::from_millis(10))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how much later than its interval a heartbeat may come",
    source: "ours, as for `prompt-frames`",
};

/// Middleboxes cut connections on which nothing passes; the standard advises a comment about every
/// 15 s (HTML 9.2.7). Where an event is half sent none may come; its silence is not judged. The interval is
/// that of the relay's switch `heartbeat`, and for streams of the Responses API of `heartbeat_responses`.
pub(super) const RULE: Rule = Rule {
    id: "heartbeat-when-idle",
    level: Level::Profile,
    citation: "HTML 9.2.7",
    demand: "one heartbeat for each interval of silence, at most {heartbeat-when-idle} late, none while frames flow, none after the end",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    const WHY: &str = "no stream of a relay that has heartbeats on lasted for their interval";
    let mut inquiry = Inquiry::default();
    let interval = |switch| -> Option<Time> { run.switch(switch)?.parse().ok() };
    let (of_responses, of_others) = (interval("heartbeat_responses"), interval("heartbeat"));
    if of_responses.or(of_others).is_none() {
        return inquiry.verdict("the relay has no heartbeats on");
    }
    for (index, exchange, answer) in run.answered().filter(|(_, e, _)| e.is_stream()) {
        let family = exchange.family();
        let interval = if family == Family::Responses { of_responses } else { of_others };
        let Some(Time(interval)) = interval else { continue };
        let Some(passage) = run.at_relay(index) else { continue };
        let kind = run.plan.claims.kind;
        let Some(written) = written(kind, family, &passage, &answer.body.bytes) else { continue };
        let end = end(run, exchange, &passage);
        let lasted = end.at.saturating_sub(written.first().map_or(end.at, |first| first.at.at));
        if lasted < interval {
            continue;
        }
        inquiry.applies();
        if let Some(breach) = judge_one(run, &passage, &written, end, interval) {
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict(WHY)
}

/// Something that the relay wrote to the client: its head, a frame, or a piece of one.
#[derive(Debug, Clone, Copy)]
struct Written {
    at: Moment,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The head, or a whole frame.
    Whole,
    /// A heartbeat of the relay's own.
    Heartbeat,
    /// The terminator.
    Done,
    /// Bytes of an event that goes on.
    Half,
}

/// What the relay wrote, write by write, in order.
fn written(
    kind: RelayKind,
    family: Family,
    at: &Passage<'_>,
    provider: &[u8],
) -> Option<Vec<Written>> {
    let message = at.outgoing()?;
    let frames = Frames::of(&message.body);
    let own = own_heartbeats(kind, provider, &message.body);
    let head = at.below_tcp.down.wrote.marks.when(message.start)?;
    let mut all = vec![Written { at: head, what: What::Whole }];
    for (index, (range, frame)) in frames.iter().enumerate() {
        // Each write in which a piece of the frame left, and at last the one that ended it.
        let mut pieces: Vec<Moment> = range.clone().filter_map(|byte| at.left(byte)).collect();
        pieces.dedup();
        let Some(last) = pieces.pop() else { continue };
        all.extend(pieces.into_iter().map(|at| Written { at, what: What::Half }));
        let what = if own.contains(&index) {
            What::Heartbeat
        } else if family.is_terminator(&frame) {
            What::Done
        } else {
            What::Whole
        };
        all.push(Written { at: last, what });
    }
    let tail = frames.tail_start()..message.body.len();
    let mut pieces: Vec<Moment> = tail.filter_map(|byte| at.left(byte)).collect();
    pieces.dedup();
    all.extend(pieces.into_iter().map(|at| Written { at, what: What::Half }));
    Some(all)
}

/// Which frames are heartbeats of the relay's own. Where it writes events anew and the provider sends
/// heartbeats too, nobody can tell whose they are.
fn own_heartbeats(kind: RelayKind, provider: &[u8], body: &[u8]) -> Vec<usize> {
    let frames = Frames::of(body);
    let is_heartbeat = |index: &usize| frames.get(*index).is_some_and(|one| one.is_heartbeat());
    let others = match kind {
        RelayKind::Transparent => align(provider, body, true).own,
        RelayKind::Reframing | RelayKind::Translating => {
            let sends_some = Frames::of(provider).iter().any(|(_, frame)| frame.is_heartbeat());
            if sends_some { Vec::new() } else { (0..frames.ranges.len()).collect() }
        }
    };
    others.into_iter().filter(is_heartbeat).collect()
}

/// When nothing more had to come: the body ended, the client went, or the run was over.
fn end(run: &Run<'_>, exchange: &Exchange, at: &Passage<'_>) -> Moment {
    let wire_end = at.outgoing().and_then(|message| message.end);
    let ended = wire_end.and_then(|end| at.below_tcp.down.wrote.marks.when(end.checked_sub(1)?));
    let ends = [
        ended,
        at.below_tcp.acceptor.finished,
        at.below_tcp.acceptor.saw_end,
        exchange.left.map(|(moment, _)| moment),
    ];
    ends.into_iter().flatten().min().unwrap_or_else(|| Moment::last(run.trace))
}

fn judge_one(
    run: &Run<'_>,
    passage: &Passage<'_>,
    written: &[Written],
    end: Moment,
    interval: Duration,
) -> Option<Breach> {
    let silence = |from: Moment, to: Moment| {
        let whole = to.at.saturating_sub(from.at);
        whole.saturating_sub(passage.blocked(from.at, to.at))
    };
    let latest = interval + LATE.time(run);
    let breach = |at, wanted: String, got: String| Some(Breach::new(at, &run.relay, wanted, got));
    for pair in written.windows(2) {
        let [before, next] = pair else { continue };
        let quiet = silence(before.at, next.at);
        if next.what == What::Heartbeat && before.what == What::Done {
            let got = format!("one {} after it", Time(quiet));
            return breach(next.at, "no heartbeat after the last event".to_owned(), got);
        }
        if next.what == What::Heartbeat && quiet + RESOLUTION < interval {
            let wanted = format!("no heartbeat before {} of silence", Time(interval));
            return breach(next.at, wanted, format!("one after {}", Time(quiet)));
        }
        if !matches!(before.what, What::Half | What::Done) && quiet > latest {
            let wanted = format!("a heartbeat after {} of silence", Time(interval));
            return breach(next.at, wanted, format!("none in {}", Time(quiet)));
        }
    }
    let last = written.last()?;
    let quiet = silence(last.at, end);
    if !matches!(last.what, What::Half | What::Done) && quiet > latest {
        let wanted = format!("a heartbeat after {} of silence", Time(interval));
        return breach(end, wanted, format!("none in the {} before the end", Time(quiet)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::Story, plan::RelayKind, scenario::Leave, trace::SocketFact,
        verdict::Verdict,
    };

    /// Heartbeats are on, every 15 s; a frame at 1 s, another at 40 s, then the end. In between the
    /// relay writes comments at these times.
    fn beats(times: &[u64]) -> Story {
        let mut story = Story::streaming();
        story.plan.switches.insert("heartbeat".to_owned(), "15s".to_owned());
        story.relays(1_000, "reader", "data: 1\n\n");
        for ms in times {
            story.passes(*ms, "reader", ": ping\n\n");
        }
        story.relays(40_000, "reader", "data: [DONE]\n\n");
        story.finishes(40_000, "reader");
        story
    }

    #[test]
    fn it_holds_where_each_interval_of_silence_has_its_heartbeat() {
        assert_eq!(beats(&[16_000, 31_010]).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_a_heartbeat_while_frames_flow() {
        let breach = beats(&[15_000, 30_000]).breach(&RULE);
        assert_eq!(breach.at.as_secs(), 15);
        assert_eq!(breach.wanted, ["no heartbeat before 15s of silence"]);
        assert_eq!(breach.got, "one after 14s");
    }

    #[test]
    fn it_breaks_where_silence_has_none() {
        let breach = beats(&[16_000]).breach(&RULE);
        assert_eq!(breach.at.as_secs(), 40);
        assert_eq!(breach.wanted, ["a heartbeat after 15s of silence"]);
        assert_eq!(breach.got, "none in 24s");
        let mut story = Story::streaming();
        story.plan.switches.insert("heartbeat".to_owned(), "15s".to_owned());
        story.relays(1_000, "reader", "data: 1\n\n");
        story.leaves(40_000, "reader", Leave::Fin);
        assert_eq!(story.breach(&RULE).got, "none in the 39s before the end");
    }

    #[test]
    fn silence_inside_an_event_has_none() {
        let mut story = Story::streaming();
        story.plan.switches.insert("heartbeat".to_owned(), "15s".to_owned());
        story.relays(1_000, "reader", "data:");
        story.relays(40_000, "reader", " 1\n\n");
        story.finishes(40_000, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_a_heartbeat_after_the_terminator() {
        let mut story = Story::streaming();
        story.plan.switches.insert("heartbeat".to_owned(), "15s".to_owned());
        story.relays(10_000, "reader", "data: [DONE]\n\n");
        story.passes(25_000, "reader", ": ping\n\n");
        story.finishes(26_000, "reader");
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_secs(), breach.got.as_str()), (25, "one 15s after it"));
    }

    #[test]
    fn streams_of_the_responses_api_have_an_interval_of_their_own() {
        let quiet = |switch: &str| {
            let mut story = Story::streaming().of_responses();
            story.plan.switches.insert(switch.to_owned(), "15s".to_owned());
            story.relays(1_000, "reader", "data: {\"type\":\"response.created\"}\n\n");
            story.passes(16_000, "reader", ": ping\n\n");
            story.relays(30_000, "reader", "data: {\"type\":\"response.completed\"}\n\n");
            story.passes(46_000, "reader", ": ping\n\n");
            story.finishes(46_000, "reader");
            story
        };
        let breach = quiet("heartbeat_responses").breach(&RULE);
        assert_eq!(breach.wanted, ["no heartbeat after the last event"]);
        assert_eq!(breach.got, "one 16s after it");
        let why = "no stream of a relay that has heartbeats on lasted for their interval";
        quiet("heartbeat").assert_not_applicable(&RULE, why);
    }

    #[test]
    fn it_does_not_apply_where_they_are_off_or_the_stream_is_short() {
        let mut story = beats(&[]);
        story.plan.switches.insert("heartbeat".to_owned(), "off".to_owned());
        story.assert_not_applicable(&RULE, "the relay has no heartbeats on");
        story.plan.switches.insert("heartbeat".to_owned(), "41s".to_owned());
        let why = "no stream of a relay that has heartbeats on lasted for their interval";
        story.assert_not_applicable(&RULE, why);
    }

    #[test]
    fn a_client_that_takes_nothing_needs_no_heartbeat() {
        let mut story = Story::streaming();
        story.plan.switches.insert("heartbeat".to_owned(), "15s".to_owned());
        story.relays(1_000, "reader", "data: 1\n\n");
        story.socket(2_000, "relay", "reader", 0, SocketFact::Blocked);
        story.socket(38_000, "relay", "reader", 0, SocketFact::Unblocked);
        story.relays(40_000, "reader", "data: [DONE]\n\n");
        story.finishes(40_000, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_a_heartbeat_while_a_relay_writes_events_in_its_own_way() {
        let beats = |kind: RelayKind, sent: &str| {
            let mut story = Story::streaming();
            story.plan.switches.insert("heartbeat".to_owned(), "15s".to_owned());
            story.plan.claims.kind = kind;
            story.provides(1_000, "reader", sent);
            story.passes(1_000, "reader", "data:1\n\n");
            story.passes(2_000, "reader", ": ping\n\n");
            story.relays(16_000, "reader", "data: [DONE]\n\n");
            story.finishes(16_000, "reader");
            story
        };
        for kind in [RelayKind::Reframing, RelayKind::Translating] {
            let got = beats(kind, "data: 1\n\n").breach(&RULE).got;
            assert_eq!(got, "one after 1s", "{kind:?}");
            // It may be the provider's.
            let own = beats(kind, "data: 1\n\n: alive\n\n").verdict(&RULE);
            assert_eq!(own, Verdict::Held, "{kind:?}");
        }
    }
}

//! A healthy stream lives, however long it is.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, limits::Limit, payload};
use crate::{
    exchange::{Answer, Moment, Run},
    plan::Number,
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const AGE: Limit = Limit {
    name: "no-total-deadline.age",
    default: Number::Time(Time(Duration::from_secs(30))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how old a stream must be to be judged",
    source: "the shortest total time-out that people put on HTTP clients and servers: Go's examples, AWS API Gateway's 29s rounded up",
};

/// Budgets for the first byte and for silence may end what is not healthy.
pub(super) const SILENCE: Limit = Limit {
    name: "no-total-deadline.silence",
    default: Number::Time(Time(Duration::from_secs(15))),
    least: Number::Time(Time(Duration::from_millis(1))),
    bounds: "the longest silence in a stream that is healthy",
    source: "HTML 9.2.7: a comment every 15 seconds or so",
};

/// A budget for the whole of a stream cuts the long answers that people wait for most.
pub(super) const RULE: Rule = Rule {
    id: "no-total-deadline",
    level: Level::Profile,
    citation: "RFC 9112 9.5",
    demand: "a stream of {no-total-deadline.age} or more in which something comes every {no-total-deadline.silence} is not ended for its age",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let (judged_from, longest) = (AGE.time(run), SILENCE.time(run));
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer) in payload::streams(run) {
        let Some(at) = run.at_relay(index) else { continue };
        let (Some(above), Some((head, _))) = (at.above_tcp, answer.head) else { continue };
        let saw_end = above.opener.saw_end;
        let by_itself =
            |left: &Moment| saw_end.is_none_or(|saw| *left < saw) && answer.open_at(*left);
        let left = above.opener.finished.filter(by_itself);
        let until = left.or_else(|| answer.ended.map(|(moment, _)| moment));
        let Some(until) = until else { continue };
        let age = until.at.saturating_sub(exchange.sent.at);
        let slow = at.felt_pressure() || longest_silence(answer, head, until) > longest;
        if age < judged_from
            || slow
            || exchange.left.is_some()
            || run.ended_from_outside(index, exchange)
        {
            continue;
        }
        inquiry.applies();
        let Some(left) = left else { continue };
        let wanted = "the provider's stream is read to its end".to_owned();
        let got = format!(
            "{} left it after {}, and {} got {}",
            run.relay,
            Time(age),
            exchange.client,
            exchange.ending()
        );
        let breach = Breach::new(left, &run.relay, wanted, got);
        inquiry.broke(breach.concerning(&exchange.client));
    }
    inquiry.verdict(&format!("no healthy stream was {} old", Time(judged_from)))
}

/// The longest time in which the provider sent nothing.
fn longest_silence(answer: &Answer, head: Moment, until: Moment) -> Duration {
    let sent = answer.body.marks.iter().map(|(_, moment)| moment.at);
    let times = sent.filter(|at| *at <= until.at).chain([until.at]);
    let gaps = times.scan(head.at, |last, at| {
        let gap = at.saturating_sub(*last);
        *last = at;
        Some(gap)
    });
    gaps.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::Story,
        scenario::Leave,
        trace::{BodyEnd, SocketFact},
        verdict::Verdict,
    };

    /// An event each so many seconds, for 30 s.
    fn thirty_seconds(every_s: u64) -> Story {
        let mut story = Story::streaming();
        for second in (0..30).step_by(usize::try_from(every_s).expect("a short story")) {
            story.relays(second * 1000, "reader", "data: 1\n\n");
        }
        story
    }

    fn relay_leaves(mut story: Story, ms: u64) -> Story {
        story.socket(ms, "relay", "reader", 1, SocketFact::Dropped);
        story.passes(ms, "reader", "data: {\"error\":{}}\n\n");
        story.closes(ms, "reader", BodyEnd::Truncated);
        story
    }

    #[test]
    fn it_holds_where_the_stream_is_read_to_its_end() {
        let mut story = thirty_seconds(15);
        story.finishes(30_000, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_relay_leaves_a_stream_that_goes_on() {
        let breach = relay_leaves(thirty_seconds(15), 30_000).breach(&RULE);
        assert_eq!(breach.at.as_secs(), 30);
        assert_eq!(breach.wanted, ["the provider's stream is read to its end"]);
        let got = "relay left it after 30s, and reader got status 200 and 3 frames, an error event \
                   among them, then FIN in mid-response";
        assert_eq!(breach.got, got);
    }

    #[test]
    fn it_does_not_apply_to_streams_that_are_young_silent_or_left() {
        let why = "no healthy stream was 30s old";
        relay_leaves(Story::streaming(), 29_999).assert_not_applicable(&RULE, why);
        relay_leaves(thirty_seconds(16), 32_001).assert_not_applicable(&RULE, why);
        let mut left = thirty_seconds(15);
        left.leaves(30_000, "reader", Leave::Fin);
        left.socket(30_000, "relay", "reader", 1, SocketFact::Dropped);
        left.over(30_000);
        left.assert_not_applicable(&RULE, why);
    }

    #[test]
    fn a_provider_that_breaks_off_is_not_the_relays_deadline() {
        let mut story = thirty_seconds(15);
        story.provider_ends(30_000, "reader", End::Reset);
        let error = std::io::ErrorKind::ConnectionReset;
        story.socket(30_000, "relay", "reader", 1, SocketFact::Failed { error });
        assert_eq!(relay_leaves(story, 30_000).verdict(&RULE), Verdict::Held);
    }
}

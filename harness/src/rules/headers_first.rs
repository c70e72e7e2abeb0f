//! The head goes on when it has come, and waits for nothing.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, limits::Limit};
use crate::{
    exchange::{Moment, Passage, Run, is_event_stream},
    plan::Number,
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const KEPT: Limit = Limit {
    name: "headers-first",
    default: Number::Time(Time(Duration::from_millis(10))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long a host may keep the head of a stream",
    source: "ours, as for `prompt-frames`",
};

/// An `EventSource` fires `open` at the head, and a client's budget for the first byte ends with it.
/// Judged where the body begins later than that, so that the head can be told to have waited for
/// it. Where a relay waits for the first content on purpose, a scenario excuses it.
pub(super) const RULE: Rule = Rule {
    id: "headers-first",
    level: Level::Profile,
    citation: "RFC 10036 3; RFC 9110 7.6",
    demand: "status and headers of a stream leave within {headers-first} of their arrival, before any byte of the body",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        for at in run.passages(index) {
            let Some((came, body)) = arrival(&at) else { continue };
            let allowed = KEPT.time(run) + run.plan.slow_by(at.host);
            let tcp = &at.below_tcp.acceptor;
            let ends = [tcp.finished, tcp.saw_end, exchange.over(), body];
            let until = ends.into_iter().flatten().min().unwrap_or_else(|| Moment::last(run.trace));
            if until.at.saturating_sub(came.at) <= allowed {
                continue;
            }
            inquiry.applies();
            let went = at.outgoing().and_then(|m| at.below_tcp.down.wrote.marks.when(m.start));
            let kept = went.map_or(until.at, |went| went.at).saturating_sub(came.at);
            if kept <= allowed {
                continue;
            }
            let host = at.host;
            let wanted = format!("the head leaves {host} within {} of its arrival", Time(allowed));
            let left = went.map_or_else(
                || format!("had not left it at {until}"),
                |went| format!("left it at {went}"),
            );
            let got = format!("the head came to {host} at {came} and {left}");
            let breach = Breach::new(went.unwrap_or(came), host, wanted, got);
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict("no head of a stream was seen to arrive well before its body")
}

/// When the head of a stream that succeeds came to a host, and when the first byte of its body did.
fn arrival(at: &Passage<'_>) -> Option<(Moment, Option<Moment>)> {
    let incoming = at.incoming().filter(|_| at.shows_arrival())?;
    let succeeds = (200..300).contains(&incoming.status);
    if !succeeds || !is_event_stream(&incoming.headers) {
        return None;
    }
    let head = at.above_tcp?.down.arrived.when(incoming.head_end.checked_sub(1)?)?;
    Some((head, (!incoming.body.is_empty()).then(|| at.arrived(0)).flatten()))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        scenario::Leave,
        verdict::Verdict,
    };

    /// The provider's head comes at once and its first event after 5 s; the relay's head goes then.
    fn head_at(ms: u64) -> Story {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(0, "reader", 200, STREAM);
        if ms <= 5_000 {
            story.replies(ms, "reader", 200, STREAM);
        }
        story.provides(5_000, "reader", "data: 1\n\n");
        story
    }

    #[test]
    fn it_holds_where_the_head_leaves_after_ten_milliseconds() {
        assert_eq!(head_at(10).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_head_comes_with_the_body() {
        let breach = head_at(5_000).breach(&RULE);
        assert_eq!(breach.at.as_secs(), 5);
        assert_eq!(breach.wanted, ["the head leaves relay within 10ms of its arrival"]);
        assert_eq!(breach.got, "the head came to relay at 0s and left it at 5s");
    }

    #[test]
    fn it_breaks_where_the_client_goes_before_it_had_any() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", 200, STREAM);
        story.leaves(4_000, "reader", Leave::Fin);
        assert_eq!(
            story.breach(&RULE).got,
            "the head came to relay at 1ms and had not left it at 4s"
        );
    }

    #[test]
    fn it_does_not_apply_where_the_body_follows_at_once_or_is_no_stream() {
        let why = "no head of a stream was seen to arrive well before its body";
        let mut at_once = Story::streaming();
        at_once.relays(5, "reader", "data: 1\n\n");
        at_once.assert_not_applicable(&RULE, why);
        let mut json = Story::new();
        json.asks(0, "reader");
        json.forwards(0, "reader");
        json.answers(0, "reader", 200, JSON);
        json.provides(500, "reader", "{}");
        json.assert_not_applicable(&RULE, why);
    }
}

//! A very long event passes, or an error says why not.

use mock_openai::quantity::Size;

use super::{Level, Rule, limits::Limit, payload};
use crate::{
    exchange::{Answer, Exchange, Frames, Passage, Run},
    plan::Number,
    trace::BodyEnd,
    verdict::{Breach, Inquiry, Verdict},
};

/// An image or a tool's arguments run over the limits of all readers by line.
pub(super) const EVENT: Limit = Limit {
    name: "long-line.event",
    default: Number::Size(Size(1 << 20)),
    least: Number::Size(Size(1)),
    bounds: "from which length on an event is long",
    source: "ours: over the limits of readers by line, 64KiB (Go's bufio.Scanner), 128KiB (aiohttp), 512KiB",
};

pub(super) const HALF: Limit = Limit {
    name: "long-line.half",
    default: Number::Size(Size(64 * 1024)),
    least: Number::Size(Size(1)),
    bounds: "from which length on half an event is long, where the relay leaves inside it",
    source: "Go's bufio.Scanner takes no longer line",
};

/// Silence is what breaks it: a body that ends well without the event, as if all had been said.
pub(super) const RULE: Rule = Rule {
    id: "long-line",
    level: Level::Profile,
    citation: "HTML 9.2.6",
    demand: "an event of {long-line.event} or more, or one that the relay leaves after {long-line.half}, passes, or the client is told of an error; never silence",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer) in payload::streams(run) {
        if !is_spoken_of(run, index, exchange, answer) {
            continue;
        }
        inquiry.applies();
        if let Some(breach) = breach(run, index, exchange, answer) {
            inquiry.broke(breach);
        }
    }
    let long = Size(EVENT.bytes(run) as u64);
    inquiry.verdict(&format!("no client was to get an event of {long}"))
}

/// An answer with a long event, to a client that stayed.
fn is_spoken_of(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer) -> bool {
    let long = long_events(run, &answer.body.bytes) > 0 || is_left_inside(run, answer);
    long && !run.ended_from_outside(index, exchange) && exchange.left.is_none()
}

/// How one exchange breaks the demand.
pub(super) fn breach(
    run: &Run<'_>,
    index: usize,
    exchange: &Exchange,
    answer: &Answer,
) -> Option<Breach> {
    let came = long_events(run, &exchange.body.bytes);
    let lost = came < long_events(run, &answer.body.bytes) || is_left_inside(run, answer);
    if !lost || is_told(exchange) || !is_spoken_of(run, index, exchange, answer) {
        return None;
    }
    let lacks_it = |at: &Passage<'_>| {
        at.outgoing().is_some_and(|message| long_events(run, &message.body) <= came)
    };
    let host = run.blame(index, lacks_it);
    let wanted = "the provider's long event";
    let breach = Breach::new(exchange.last_seen(), &host, wanted, exchange.ending());
    Some(breach.or("an error").concerning(&exchange.client))
}

fn long_events(run: &Run<'_>, body: &[u8]) -> usize {
    let least = EVENT.bytes(run);
    // Few bodies are as long as that: the others are not worth taking apart.
    if body.len() < least {
        return 0;
    }
    Frames::of(body).iter().filter(|(_, frame)| frame.0.len() >= least).count()
}

/// Whether the relay turned away from an answer inside a long event. One that has ended is left by
/// everybody, sooner or later.
fn is_left_inside(run: &Run<'_>, answer: &Answer) -> bool {
    answer.ended.is_none()
        && answer.peer_gone.is_some()
        && Frames::of(&answer.body.bytes).tail().len() >= HALF.bytes(run)
}

/// Whether a client can tell that something went wrong.
fn is_told(exchange: &Exchange) -> bool {
    let ended_well = matches!(exchange.ended, Some((_, BodyEnd::Complete)));
    !ended_well || exchange.frames().iter().any(|(_, frame)| frame.error().is_some())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, trace::BodyEnd, verdict::Verdict};

    /// The provider sends an event of so many bytes; the relay passes something, and ends so.
    fn sent(bytes: usize, passed: impl Fn(&str) -> String, end: BodyEnd) -> Story {
        let event = format!("data: {}\n\n", "x".repeat(bytes - 8));
        let mut story = Story::streaming();
        story.provides(1, "reader", &event);
        story.passes(2, "reader", &passed(&event));
        story.provider_ends(3, "reader", mock_openai::script::End::Clean);
        story.closes(3, "reader", end);
        story
    }

    #[test]
    fn it_holds_where_the_event_passes_or_an_error_is_told() {
        let whole = sent(1 << 20, str::to_owned, BodyEnd::Complete);
        assert_eq!(whole.verdict(&RULE), Verdict::Held);
        let error = |_: &str| "data: {\"error\":{}}\n\n".to_owned();
        assert_eq!(sent(1 << 20, error, BodyEnd::Complete).verdict(&RULE), Verdict::Held);
        let cut = sent(1 << 20, |event| event[..9].to_owned(), BodyEnd::Truncated);
        assert_eq!(cut.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_body_ends_as_if_all_had_been_said() {
        let breach = sent(1 << 20, |_| String::new(), BodyEnd::Complete).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 3);
        assert_eq!(breach.wanted, ["the provider's long event", "an error"]);
        assert_eq!(breach.got, "status 200 and 0 B, then a clean end of the body");
    }

    #[test]
    fn it_breaks_where_the_relay_leaves_inside_a_long_event_and_tells_nobody() {
        let left_at = |bytes: usize| {
            let mut story = Story::streaming();
            story.provides(1, "reader", &"x".repeat(bytes));
            story.provider_left(2, "reader");
            story.closes(2, "reader", BodyEnd::Complete);
            story
        };
        assert_eq!(left_at(64 * 1024).breach(&RULE).at.as_millis(), 2);
        let why = "no client was to get an event of 1MiB";
        left_at(64 * 1024 - 1).assert_not_applicable(&RULE, why);
    }

    #[test]
    fn it_does_not_apply_where_the_provider_itself_ends_inside_an_event() {
        let mut story = Story::streaming();
        story.provides(1, "reader", &"x".repeat(64 * 1024));
        story.passes(1, "reader", &"x".repeat(64 * 1024));
        story.provider_ends(2, "reader", mock_openai::script::End::NoTerminator);
        story.closes(2, "reader", BodyEnd::Complete);
        story.provider_left(3, "reader");
        story.assert_not_applicable(&RULE, "no client was to get an event of 1MiB");
    }

    #[test]
    fn it_does_not_apply_to_an_event_one_byte_shorter() {
        let short = sent((1 << 20) - 1, |_| String::new(), BodyEnd::Complete);
        short.assert_not_applicable(&RULE, "no client was to get an event of 1MiB");
    }

    #[test]
    fn each_long_event_must_come_and_not_the_first_one_alone() {
        let event = format!("data: {}\n\n", "x".repeat(1 << 20));
        let passed = |times: usize| {
            let mut story = Story::streaming();
            story.provides(1, "reader", &event.repeat(2));
            story.passes(2, "reader", &event.repeat(times));
            story.provider_ends(3, "reader", mock_openai::script::End::Clean);
            story.closes(3, "reader", BodyEnd::Complete);
            story.verdict(&RULE)
        };
        assert_eq!(passed(2), Verdict::Held);
        assert!(matches!(passed(1), Verdict::Broke(_)));
    }
}

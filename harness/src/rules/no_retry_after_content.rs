//! Once content has reached the client, nothing is asked again.

use super::{Level, Rule};
use crate::{
    exchange::{Exchange, Fate, Frames, Moment, Run},
    verdict::{Breach, Inquiry, Verdict},
};

/// A request that is asked again starts a new answer; its text would stand after the half of the
/// old one. A comment that the relay itself sent is not content.
pub(super) const RULE: Rule = Rule {
    id: "no-retry-after-content",
    level: Level::Must,
    citation: "RFC 9110 9.2.2",
    demand: "nothing is asked again once content has gone to the client",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let Some(content) = first_content(run, index, exchange) else { continue };
        let first = run.answers_to(index).find(|answer| !answer.body.bytes.is_empty());
        let cut = first.is_some_and(|answer| run.fate(index, answer) == Fate::Cut);
        if cut && exchange.left.is_none() {
            inquiry.applies();
        }
        let again = run.answers_to(index).find(|answer| {
            let asked = answer.turn.map_or(answer.received, |turn| run.turns[turn].asked);
            asked > content
        });
        if let Some(again) = again {
            let wanted = "no request to the provider after content has gone to the client";
            let got = format!("{} had content from {content}, asked again", exchange.client);
            let breach = Breach::new(again.received, &run.relay, wanted, got);
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict("no answer failed after its client had content")
}

/// When the first content went to the client: the relay's write where it is seen, else the client's
/// read.
fn first_content(run: &Run<'_>, index: usize, exchange: &Exchange) -> Option<Moment> {
    if !exchange.status().is_some_and(|status| (200..300).contains(&status)) {
        return None;
    }
    let seen = content_at(&exchange.body.bytes).map(|at| exchange.had(at + 1));
    let wrote = run
        .at_relay(index)
        .and_then(|passage| passage.left(content_at(&passage.outgoing()?.body)?));
    wrote.or(seen)
}

/// Where the first bytes stand that are no heartbeat.
fn content_at(body: &[u8]) -> Option<usize> {
    let frames = Frames::of(body);
    let event =
        frames.iter().find(|(_, frame)| !frame.is_heartbeat()).map(|(range, _)| range.start);
    let tail = frames.tail();
    event.or_else(|| (!tail.is_empty() && tail[0] != b':').then(|| frames.tail_start()))
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::{STREAM, Story},
        scenario::Leave,
        trace::BodyEnd,
        verdict::Verdict,
    };

    #[test]
    fn it_holds_where_a_failure_after_content_is_told_and_not_tried_again() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.provider_ends(2, "reader", End::Reset);
        story.closes(2, "reader", BodyEnd::Truncated);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_the_second_request() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.provider_ends(2, "reader", End::Reset);
        story.forwards(5, "reader");
        let again = story.trace.events.len() - 1;
        story.answers(6, "reader", 200, STREAM);
        story.relays(6, "reader", "data: 1\n\n");
        story.finishes(7, "reader");
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_millis(), breach.ordinal), (5, again));
        assert_eq!(
            breach.wanted,
            ["no request to the provider after content has gone to the client"]
        );
        assert_eq!(breach.got, "reader had content from 1ms, asked again");
    }

    #[test]
    fn a_heartbeat_is_no_content() {
        let mut story = Story::streaming();
        story.passes(1, "reader", ": waiting\n\n");
        story.provider_ends(2, "reader", End::Reset);
        story.forwards(5, "reader");
        story.answers(6, "reader", 200, STREAM);
        story.relays(6, "reader", "data: 1\n\n");
        story.finishes(7, "reader");
        let why = "no answer failed after its client had content";
        story.assert_not_applicable(&RULE, why);
        let mut left = Story::streaming();
        left.relays(1, "reader", "data: 1\n\n");
        left.leaves(2, "reader", Leave::Fin);
        left.provider_left(2, "reader");
        left.assert_not_applicable(&RULE, why);
    }
}

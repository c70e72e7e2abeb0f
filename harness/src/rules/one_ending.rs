//! There is one terminator, last, where the provider sent one, and none where it did not.

use super::{Level, Rule};
use crate::{
    exchange::{Answer, Exchange, Family, Fate, Frames, Run},
    verdict::{Breach, Inquiry, Verdict},
};

/// The terminator tells the client that the answer is whole: `[DONE]`, or the last event of a
/// response. It is the provider's to say: one that comes before the provider has sent it is a guess, or
/// that of another client's stream, from whose bytes it cannot be told.
pub(super) const RULE: Rule = Rule {
    id: "one-ending",
    level: Level::Profile,
    citation: "OpenAI API, chat completion streaming and Responses streaming",
    demand: "exactly one terminator, the provider's own and not before it, and nothing after it",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer) in run.answered().filter(|(_, e, _)| e.is_stream()) {
        inquiry.applies();
        let family = answer.family();
        let sent = Terminators::of(&Frames::of(&answer.body.bytes), family);
        let whole = run.fate(index, answer) == Fate::Whole;
        let stayed = !run.ended_from_outside(index, exchange);
        let got = Terminators::of(&exchange.frames(), family);
        let one = judge_one(run, exchange, (&sent, &got), whole && stayed);
        if let Some(mut breach) = one.or_else(|| too_soon(run, exchange, answer, (&sent, &got))) {
            breach.host = run.blame(index, |passage| {
                passage.outgoing().is_some_and(|message| {
                    let got = Terminators::of(&Frames::of(&message.body), family);
                    got.count != sent.count || got.followed != sent.followed
                })
            });
            inquiry.broke(breach);
        }
    }
    inquiry.verdict("no client got an event stream")
}

/// The terminators among some frames.
struct Terminators {
    family: Family,
    count: usize,
    /// Where each of them ends.
    ends: Vec<usize>,
    /// Where the first frame after a terminator ends, unless that is a terminator too.
    followed: Option<usize>,
}

impl Terminators {
    fn of(frames: &Frames<'_>, family: Family) -> Self {
        let mut found = Self { family, count: 0, ends: Vec::new(), followed: None };
        for (range, frame) in frames.iter() {
            if family.is_terminator(&frame) {
                found.count += 1;
                found.ends.push(range.end);
            } else if found.count > 0 {
                found.followed.get_or_insert(range.end);
            }
        }
        found
    }
}

fn judge_one(
    run: &Run<'_>,
    exchange: &Exchange,
    (sent, got): (&Terminators, &Terminators),
    must_have: bool,
) -> Option<Breach> {
    let terminator = sent.family.terminator();
    let client = &exchange.client;
    let ending = || exchange.ending();
    let breach = |moment, wanted: String, got: String| {
        Some(Breach::new(moment, &run.relay, wanted, got).concerning(&exchange.client))
    };
    let wanted = match sent.count {
        0 => format!("no {terminator}, since the provider sent none"),
        1 => format!("one {terminator}, as the provider sent it"),
        count => format!("{count} {terminator}, as the provider sent them"),
    };
    if let Some(extra) = got.ends.get(sent.count) {
        let text = match sent.count {
            0 => {
                format!("{client} got {terminator}, which the provider never sent, in {}", ending())
            }
            _ => format!(
                "{client} got {terminator} once more than the provider sent it, in {}",
                ending()
            ),
        };
        return breach(exchange.had(*extra), wanted, text);
    }
    if let (Some(end), None) = (got.followed, sent.followed) {
        let text = format!("{client} got a frame after {terminator}, in {}", ending());
        return breach(exchange.had(end), format!("nothing after {terminator}"), text);
    }
    if must_have && got.count < sent.count {
        let text = format!("{client} never got the provider's {terminator}: {}", ending());
        return breach(exchange.last_seen(), wanted, text);
    }
    None
}

/// The client had a terminator before the provider sent it.
fn too_soon(
    run: &Run<'_>,
    exchange: &Exchange,
    answer: &Answer,
    (sent, got): (&Terminators, &Terminators),
) -> Option<Breach> {
    let times = got.ends.iter().zip(&sent.ends).filter_map(|(got, sent)| {
        Some((exchange.had(*got), answer.body.marks.when(sent.checked_sub(1)?)?))
    });
    let (had, sent_at) = times.into_iter().find(|(had, sent)| had.at < sent.at)?;
    let (client, terminator) = (&exchange.client, sent.family.terminator());
    let wanted = format!("{terminator} once the provider has sent it");
    let got = format!("{client} got {terminator} at {had}, and the provider sent it at {sent_at}");
    Some(Breach::new(had, &run.relay, wanted, got).concerning(client))
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::{JSON, Story},
        scenario::Leave,
        trace::BodyEnd,
        verdict::Verdict,
    };

    #[test]
    fn it_holds_where_the_terminator_is_one_and_last() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.relays(1, "reader", "data: [DONE]\n\n");
        story.finishes(2, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_a_terminator_that_the_provider_did_not_send() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.provider_ends(2, "reader", End::Reset);
        let got = story.passes(3, "reader", "data: [DONE]\n\n");
        story.closes(3, "reader", BodyEnd::Complete);
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_millis(), breach.ordinal), (3, got));
        assert_eq!(breach.wanted, ["no `[DONE]`, since the provider sent none"]);
        assert_eq!(
            breach.got,
            "reader got `[DONE]`, which the provider never sent, in status 200 and 2 frames, then a \
             clean end of the body"
        );
    }

    #[test]
    fn it_breaks_at_a_second_terminator_at_a_frame_after_it_and_where_there_is_none() {
        let after = |passed: &[&str]| {
            let mut story = Story::streaming();
            story.provides(1, "reader", "data: [DONE]\n\n");
            for (ms, text) in (2..).zip(passed) {
                story.passes(ms, "reader", text);
            }
            story.finishes(9, "reader");
            let breach = story.breach(&RULE);
            (breach.at.as_millis(), breach.got)
        };
        let rest = "status 200 and 2 frames, then a clean end of the body";
        let done = "data: [DONE]\n\n";
        assert_eq!(
            after(&[done, done]),
            (3, format!("reader got `[DONE]` once more than the provider sent it, in {rest}"))
        );
        assert_eq!(
            after(&[done, ": ping\n\n"]),
            (3, format!("reader got a frame after `[DONE]`, in {rest}"))
        );
        assert_eq!(after(&[]).0, 9);
    }

    /// Two streams of the same words: the first has ended, and the relay gives its `[DONE]` to both. The
    /// bytes are right, and what is missing of the second comes too late for anybody to read.
    #[test]
    fn it_breaks_where_the_terminator_of_another_stream_comes() {
        let mut story = Story::streaming();
        story.client("other", crate::scenario::Kind::Raw);
        story.begins(0, "other");
        story.relays(1, "reader", "data: 1\n\n");
        story.relays(1, "other", "data: 1\n\n");
        story.relays(2, "reader", "data: [DONE]\n\n");
        let got = story.passes(2, "other", "data: [DONE]\n\n");
        story.finishes(2, "reader");
        story.provides(9, "other", "data: [DONE]\n\n");
        story.finishes(9, "other");
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_millis(), breach.ordinal), (2, got));
        assert_eq!(breach.wanted, ["`[DONE]` once the provider has sent it"]);
        assert_eq!(breach.got, "other got `[DONE]` at 2ms, and the provider sent it at 9ms");
        // Where the provider never comes to its own, it is one that it did not send.
        let mut cut = Story::streaming();
        cut.relays(1, "reader", "data: 1\n\n");
        cut.passes(2, "reader", "data: [DONE]\n\n");
        cut.provider_left(3, "reader");
        cut.closes(3, "reader", BodyEnd::Complete);
        assert_eq!(cut.breach(&RULE).wanted, ["no `[DONE]`, since the provider sent none"]);
    }

    #[test]
    fn a_client_that_left_needs_no_terminator() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.leaves(2, "reader", Leave::Fin);
        story.provides(3, "reader", "data: [DONE]\n\n");
        story.provider_ends(3, "reader", End::Clean);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_to_an_answer_that_is_no_stream() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(0, "reader", 200, JSON);
        story.replies(0, "reader", 200, JSON);
        story.relays(0, "reader", "{}");
        story.finishes(0, "reader");
        story.assert_not_applicable(&RULE, "no client got an event stream");
    }

    #[test]
    fn what_the_provider_itself_adds_after_its_terminator_is_not_the_relays() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: [DONE]\n\n");
        story.relays(1, "reader", ": bye\n\n");
        story.finishes(2, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn a_provider_that_fails_after_its_terminator_may_have_taken_it_along() {
        let mut story = Story::streaming();
        story.provides(1, "reader", "data: [DONE]\n\n");
        story.provider_ends(1, "reader", End::Reset);
        story.closes(2, "reader", BodyEnd::Truncated);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    const COMPLETED: &str =
        "event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n";

    #[test]
    fn a_response_ends_with_its_own_last_event_and_nothing_comes_after_it() {
        let after = |added: &str| {
            let mut story = Story::streaming().of_responses();
            story.relays(1, "reader", COMPLETED);
            if !added.is_empty() {
                story.passes(2, "reader", added);
            }
            story.finishes(3, "reader");
            story
        };
        assert_eq!(after("").verdict(&RULE), Verdict::Held);
        let breach = after("data: [DONE]\n\n").breach(&RULE);
        assert_eq!(
            (breach.at.as_millis(), breach.wanted[0].as_str()),
            (2, "one `response.completed`, as the provider sent it")
        );
        let twice = after(COMPLETED).breach(&RULE);
        assert!(twice.got.contains("once more than the provider sent it, in"), "{}", twice.got);
    }

    #[test]
    fn an_error_event_of_the_relays_own_is_no_terminator_of_a_response() {
        let mut story = Story::streaming().of_responses();
        story.relays(1, "reader", "event: response.created\ndata: {}\n\n");
        story.provider_ends(2, "reader", End::Reset);
        story.passes(3, "reader", "event: error\ndata: {\"type\":\"error\"}\n\n");
        story.closes(3, "reader", BodyEnd::Complete);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }
}

//! A client that comes back to a kept stream gets exactly what it has not had.

use std::collections::BTreeMap;

use super::{Level, Rule, quote::quote};
use crate::{
    exchange::{Answer, Exchange, Fate, Frame, Frames, Moment, Run, header},
    plan::LAST_EVENT_ID,
    trace::BodyEnd,
    verdict::{Breach, Inquiry, Verdict},
};

/// What came before a drop and what comes after it are put together by the client, who cannot see a
/// seam: an event that is missing is a hole in the text, one that comes twice a stutter.
pub(super) const RULE: Rule = Rule {
    id: "resume-exact",
    level: Level::Profile,
    citation: "HTML 9.2.4",
    demand: "after its last id a client gets the very next event, and all others once and in order; an \
             id that is not known is refused, or asked for anew",
    judge,
};

/// One event of what the provider answered: the answer's index, and the event's among those with data.
type Place = (usize, usize);

/// Where the events stand that bear an id.
type Places = BTreeMap<Vec<u8>, Place>;

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    if run.switch("resume") != Some("on") {
        return inquiry.verdict("the relay does not keep streams here");
    }
    let mut places = Places::new();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let own = run.answers.iter().rposition(|answer| answer.exchange == Some(index));
        if let Some(own) = own {
            name_events(&mut places, exchange, own);
            continue;
        }
        let wrong = match header(&exchange.headers, LAST_EVENT_ID) {
            None => continues(run, &mut places, exchange, None),
            Some(id) => {
                inquiry.applies();
                match places.get(id.as_bytes()).copied() {
                    Some((answer, event)) => {
                        continues(run, &mut places, exchange, Some((answer, event + 1)))
                    }
                    None => unknown(run, exchange, id),
                }
            }
        };
        if let Some(breach) = wrong {
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict("no client came back with an id")
}

/// Events with data, each with where it ends: an error that the relay tells is none of the stream's.
fn events(body: &[u8]) -> Vec<(usize, Frame<'_>)> {
    let frames = Frames::of(body);
    let whole = frames.iter().map(|(range, frame)| (range.end, frame));
    whole.filter(|(_, frame)| frame.data().is_some() && frame.error().is_none()).collect()
}

/// The ids that the first reader of a stream gets.
fn name_events(places: &mut Places, exchange: &Exchange, answer: usize) {
    for (event, (_, frame)) in events(&exchange.body.bytes).into_iter().enumerate() {
        if let Some(id) = frame.id() {
            places.insert(id, (answer, event));
        }
    }
}

/// Compares what an exchange got with the provider's events from a place on; without one, from the
/// place of the first event whose id is known.
fn continues(
    run: &Run<'_>,
    places: &mut Places,
    exchange: &Exchange,
    from: Option<Place>,
) -> Option<Breach> {
    let got = events(&exchange.body.bytes);
    let known = || got.iter().find_map(|(_, frame)| places.get(&frame.id()?).copied());
    let (index, first) = from.or_else(known)?;
    let answer = &run.answers[index];
    let sent = events(&answer.body.bytes);
    let breach = |moment: Moment, wanted: String, got: String| {
        Some(Breach::new(moment, &run.relay, wanted, got))
    };
    for (nth, (end, frame)) in got.iter().enumerate() {
        let wanted = sent.get(first + nth);
        let same = wanted.is_some_and(|(_, wanted)| wanted.data() == frame.data());
        if !same {
            return breach(exchange.had(*end), next(&sent, first + nth), which(&sent, *frame));
        }
        if let Some(id) = frame.id() {
            places.insert(id, (index, first + nth));
        }
    }
    let complete = matches!(exchange.ended, Some((_, BodyEnd::Complete)));
    let succeeds = exchange.status().is_some_and(|status| (200..300).contains(&status));
    let missing = first + got.len() < sent.len();
    if complete && succeeds && missing && is_whole(run, answer) {
        return breach(exchange.last_seen(), next(&sent, first + got.len()), exchange.ending());
    }
    None
}

/// Whether the provider sent all that it had, so that a clean end stands for all of it.
fn is_whole(run: &Run<'_>, answer: &Answer) -> bool {
    answer.exchange.is_some_and(|exchange| run.fate(exchange, answer) != Fate::Cut)
        || answer.ended.is_some()
}

/// The event that should have come.
fn next(sent: &[(usize, Frame<'_>)], event: usize) -> String {
    match sent.get(event) {
        Some((_, frame)) => format!("event {} of the stream: {}", event + 1, quote(frame.0)),
        None => format!("nothing after the stream's {} events", sent.len()),
    }
}

/// Which of the stream's events came.
fn which(sent: &[(usize, Frame<'_>)], frame: Frame<'_>) -> String {
    match sent.iter().position(|(_, event)| event.data() == frame.data()) {
        Some(event) => format!("event {} in its place", event + 1),
        None => format!("{} in its place", quote(frame.0)),
    }
}

/// What an id got that nobody was given, where the provider was not asked for anything new.
fn unknown(run: &Run<'_>, exchange: &Exchange, id: &str) -> Option<Breach> {
    let refuses = |status: u16| (400..500).contains(&status) || matches!(status, 204 | 503);
    if exchange.status().is_none_or(refuses) {
        return None;
    }
    let wanted = format!("a refusal of the id {}, which nobody was given", quote(id.as_bytes()));
    Some(
        Breach::new(exchange.answered_at(), &run.relay, wanted, exchange.ending())
            .or("an answer of the provider that is asked for anew"),
    )
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        scenario::{Kind, Leave},
        trace::BodyEnd,
        verdict::Verdict,
    };

    const ID: &str = "last-event-id";

    fn event(number: usize) -> String {
        format!("data: {number}\nid: s-{number}\n\n")
    }

    /// A stream of five events, of which the reader gets two before it leaves; the provider ends.
    fn dropped() -> Story {
        let mut story = Story::streaming();
        story.plan.switches.insert("resume".to_owned(), "on".to_owned());
        for number in 1..=2 {
            story.provides(number, "reader", &format!("data: {number}\n\n"));
            story.passes(number, "reader", &event(usize::try_from(number).unwrap()));
        }
        story.leaves(3, "reader", Leave::Rst);
        for number in 3..=5 {
            story.provides(number, "reader", &format!("data: {number}\n\n"));
        }
        story.provider_ends(6, "reader", End::Clean);
        story
    }

    /// Somebody comes back with an id, and gets these events.
    fn back(story: &mut Story, ms: u64, id: &str, events: impl IntoIterator<Item = usize>) {
        let name = format!("back-{ms}");
        story.client(&name, Kind::Raw);
        story.asks_with(ms, &name, "GET", &[(ID, id)], "");
        story.replies(ms, &name, 200, STREAM);
        for number in events {
            story.passes(ms, &name, &event(number));
        }
    }

    #[test]
    fn it_holds_over_any_number_of_drops() {
        let mut story = dropped();
        back(&mut story, 10, "s-2", [3]);
        story.leaves(10, "back-10", Leave::Rst);
        back(&mut story, 20, "s-3", []);
        story.leaves(20, "back-20", Leave::Rst);
        back(&mut story, 30, "s-3", [4, 5]);
        story.closes(30, "back-30", BodyEnd::Complete);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_an_event_that_comes_again() {
        let mut story = dropped();
        back(&mut story, 10, "s-2", [2, 3, 4, 5]);
        let breach = story.breach(&RULE);
        assert_eq!(breach.wanted, ["event 3 of the stream: `data: 3\\n\\n`"]);
        assert_eq!(breach.got, "event 2 in its place");
        assert_eq!(breach.client.as_deref(), Some("back-10"));
    }

    #[test]
    fn it_breaks_where_an_event_is_missing_between_or_at_the_end() {
        let mut between = dropped();
        back(&mut between, 10, "s-2", [3, 5]);
        assert_eq!(between.breach(&RULE).wanted, ["event 4 of the stream: `data: 4\\n\\n`"]);
        let mut at_the_end = dropped();
        back(&mut at_the_end, 10, "s-2", [3, 4]);
        // It may still come.
        assert_eq!(at_the_end.verdict(&RULE), Verdict::Held);
        at_the_end.closes(11, "back-10", BodyEnd::Complete);
        let breach = at_the_end.breach(&RULE);
        assert_eq!(breach.wanted, ["event 5 of the stream: `data: 5\\n\\n`"]);
        assert_eq!(breach.got, "status 200 and 2 frames, then a clean end of the body");
    }

    #[test]
    fn it_breaks_where_something_comes_after_the_last_event() {
        let mut story = dropped();
        back(&mut story, 10, "s-2", [3, 4, 5, 6]);
        let breach = story.breach(&RULE);
        assert_eq!(breach.wanted, ["nothing after the stream's 5 events"]);
        assert_eq!(breach.got, "`data: 6\\nid: s-6\\n\\n` in its place");
    }

    #[test]
    fn an_id_that_nobody_was_given_is_refused() {
        for (status, holds) in [(404, true), (410, true), (204, true), (200, false), (500, false)] {
            let mut story = dropped();
            story.client("other", Kind::Raw);
            story.asks_with(10, "other", "GET", &[(ID, "s-9")], "");
            story.replies(10, "other", status, JSON);
            story.closes(10, "other", BodyEnd::Complete);
            let held = story.verdict(&RULE) == Verdict::Held;
            assert_eq!(held, holds, "{status}");
        }
    }

    #[test]
    fn what_the_relay_tells_of_its_own_is_no_event_of_the_stream() {
        let mut story = dropped();
        back(&mut story, 10, "s-2", [3]);
        story.passes(11, "back-10", ": ping\n\ndata: {\"error\":{\"message\":\"x\"}}\n\n");
        story.closes(11, "back-10", BodyEnd::Truncated);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_where_nothing_is_kept_or_nobody_comes_back() {
        let mut off = dropped();
        back(&mut off, 10, "s-2", [5]);
        off.plan.switches.clear();
        off.assert_not_applicable(&RULE, "the relay does not keep streams here");
        dropped().assert_not_applicable(&RULE, "no client came back with an id");
    }
}

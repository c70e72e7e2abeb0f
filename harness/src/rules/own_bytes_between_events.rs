//! What the relay adds stands between whole events.

use super::{Level, Rule, alignment::align, payload, quote::quote};
use crate::{
    exchange::{Frame, Frames, Run},
    verdict::{Breach, Inquiry, Verdict},
};

/// A comment inside an event ends it early if a blank line follows, or becomes part of a line.
pub(super) const RULE: Rule = Rule {
    id: "own-bytes-between-events",
    level: Level::Must,
    citation: "HTML 9.2.6",
    demand: "heartbeats and errors of the relay's own stand only between whole events",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    // Where events are written anew nobody can tell whose their bytes are.
    if let Some(why) = payload::by_claim(run.plan.claims.kind) {
        return Verdict::NotApplicable { why: why.to_owned() };
    }
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer) in run.answered().filter(|(_, e, _)| e.is_stream()) {
        let provider = &answer.body.bytes;
        let found = align(provider, &exchange.body.bytes, true);
        if !found.own.is_empty() {
            inquiry.applies();
        }
        if let Some(place) = inside_an_event(provider, &exchange.body.bytes) {
            let moment = exchange.had(place.at + 1);
            let wanted = "bytes of the relay's own before or after an event, not inside one";
            let event = quote(&provider[place.event..]);
            let own = quote(&exchange.body.bytes[place.at..place.end]);
            let got = format!("{own} inside the event {event}");
            let host = run.blame(index, |passage| {
                let outgoing = passage.outgoing();
                outgoing.is_some_and(|message| inside_an_event(provider, &message.body).is_some())
            });
            inquiry.broke(Breach::new(moment, &host, wanted, got).concerning(&exchange.client));
        }
    }
    inquiry.verdict("the relay added nothing of its own")
}

/// Bytes that stand inside an event.
struct Place {
    /// Where they begin in the body.
    at: usize,
    /// Where they end in the body.
    end: usize,
    /// Where the event begins that they stand in, in the provider's body.
    event: usize,
}

/// Whether bytes are what a relay writes by itself: heartbeats, or an error event.
fn is_own(bytes: &[u8]) -> bool {
    let frame = Frame::amid(bytes);
    bytes.ends_with(b"\n") && (frame.is_heartbeat() || frame.error().is_some())
}

/// Finds the first frame that is a provider's event with something in it that begins as a comment
/// or as an event: the event goes on after that as it was sent.
fn inside_an_event(provider: &[u8], body: &[u8]) -> Option<Place> {
    let found = align(provider, body, false);
    let sent = Frames::of(provider);
    if let Some((event, line)) = found.commented.first() {
        let event = sent.ranges[*event].start;
        return Some(Place { at: line.start, end: line.end, event });
    }
    let start = found.strange?;
    let event_range = match sent.ranges.get(found.passed.len()) {
        Some(range) => range.clone(),
        None => sent.tail_start()..provider.len(),
    };
    let event = &provider[event_range.clone()];
    let common = event.iter().zip(&body[start..]).take_while(|(a, b)| a == b).count();
    // What is common may reach into the foreign bytes by accident: try each shorter beginning too.
    (1..=common.min(event.len().saturating_sub(1))).rev().find_map(|len| {
        let at = start + len;
        let rest = &event[len..];
        let foreign = &body[at..];
        if !foreign.starts_with(b":") && !foreign.starts_with(b"data:") {
            return None;
        }
        let goes_on = foreign.windows(rest.len()).position(|window| window == rest)?;
        let end = at + goes_on;
        is_own(&body[at..end]).then_some(Place { at, end, event: event_range.start })
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, plan::RelayKind, verdict::Verdict};

    /// The provider sends one event in two pieces, and the relay writes these.
    fn pieces(written: &[&str]) -> Story {
        let mut story = Story::streaming();
        story.provides(1, "reader", "event: x\ndata");
        for (ms, text) in (2..).zip(written) {
            story.passes(ms, "reader", text);
        }
        story.provides(9, "reader", ": 1\n\n");
        story.passes(9, "reader", ": 1\n\n");
        story.finishes(9, "reader");
        story
    }

    #[test]
    fn it_holds_where_a_heartbeat_stands_before_the_event() {
        let story = pieces(&[": ping\n\n", "event: x\ndata"]);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_a_heartbeat_stands_inside_the_event() {
        for own in [": ping\n\n", ": ping\n"] {
            let breach = pieces(&["event: x\ndata", own]).breach(&RULE);
            assert_eq!(breach.at.as_millis(), 3);
            let own = own.escape_default();
            let event = "`event: x\\ndata: 1\\n\\n`";
            assert_eq!(breach.got, format!("`{own}` inside the event {event}"));
        }
    }

    #[test]
    fn it_breaks_where_a_comment_stands_between_two_lines_of_the_event_and_every_byte_is_there() {
        let mut story = Story::streaming();
        story.provides(1, "reader", "event: x\ndata: 1\n\n");
        story.passes(2, "reader", "event: x\n");
        story.passes(3, "reader", ": ping\n");
        story.passes(4, "reader", "data: 1\n\n");
        story.finishes(4, "reader");
        let breach = story.breach(&RULE);
        assert_eq!(breach.at.as_millis(), 3);
        assert_eq!(breach.got, "`: ping\\n` inside the event `event: x\\ndata: 1\\n\\n`");
        assert_eq!(story.verdict(&crate::rules::payload_intact::RULE), Verdict::Held);
    }

    #[test]
    fn a_comment_that_is_the_providers_own_is_not_the_relays() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "event: x\n: its own\ndata: 1\n\n");
        story.finishes(2, "reader");
        story.assert_not_applicable(&RULE, "the relay added nothing of its own");
    }

    #[test]
    fn it_does_not_apply_where_nothing_is_added() {
        let story = pieces(&["event: x\ndata"]);
        story.assert_not_applicable(&RULE, "the relay added nothing of its own");
    }

    #[test]
    fn another_answer_that_begins_alike_is_not_inside_an_event() {
        let mut story = Story::streaming();
        story.provides(1, "reader", "data: {\"id\":2}\n\n");
        story.passes(1, "reader", "data: {\"id\":1}\n\ndata: {\"id\":2}\n\n");
        story.finishes(2, "reader");
        story.assert_not_applicable(&RULE, "the relay added nothing of its own");
    }

    #[test]
    fn it_does_not_speak_of_a_relay_that_writes_events_anew() {
        let mut story = Story::streaming();
        story.provides(1, "reader", "data: 1\n\ndata: 2\n\n");
        story.passes(1, "reader", "data:1\n\n: ping\n\ndata:2\n\n");
        story.finishes(2, "reader");
        for (kind, verb) in
            [(RelayKind::Reframing, "reframes"), (RelayKind::Translating, "translates")]
        {
            story.plan.claims.kind = kind;
            let why = format!("the relay says that it {verb} what the provider sends");
            story.assert_not_applicable(&RULE, &why);
        }
    }
}

//! A half event at the end of a stream stays half.

use super::{Level, Rule, alignment::align, quote::quote};
use crate::{
    exchange::{Exchange, Frames, Run},
    verdict::{Breach, Inquiry, Verdict},
};

/// A parser discards what no blank line has ended (HTML 9.2.6). A relay that adds the blank line
/// makes half a message a message. Before an error event of the relay's own it must, since that has
/// to stand alone.
pub(super) const RULE: Rule = Rule {
    id: "unfinished-stays-unfinished",
    level: Level::Must,
    citation: "HTML 9.2.6",
    demand: "a half event at the end of the stream is not completed by a blank line",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer) in run.answered().filter(|(_, e, _)| e.is_stream()) {
        let provider = &answer.body.bytes;
        let over = exchange.ended.is_some() && exchange.left.is_none();
        if Frames::of(provider).tail().is_empty() || !over {
            continue;
        }
        inquiry.applies();
        if let Some(end) = completed(provider, &exchange.body.bytes) {
            inquiry.broke(breach(run, index, exchange, provider, end));
        }
    }
    inquiry.verdict("no answer of the provider ended inside an event")
}

/// Where the frame ends that is the provider's half event with a blank line after it, unless an
/// error event follows.
fn completed(provider: &[u8], body: &[u8]) -> Option<usize> {
    let frames = Frames::of(body);
    let found = align(provider, body, true);
    let own = || found.own.iter().filter_map(|own| Some((*own, frames.get(*own)?)));
    let (half, _) = own().find(|(_, frame)| {
        !frame.is_heartbeat() && !frame.is_blank() && !frame.is_done() && frame.error().is_none()
    })?;
    let error_follows = own().any(|(index, frame)| index > half && frame.error().is_some());
    (!error_follows).then(|| frames.ranges[half].end)
}

fn breach(run: &Run<'_>, index: usize, exchange: &Exchange, provider: &[u8], end: usize) -> Breach {
    let host = run.blame(index, |passage| {
        passage.outgoing().is_some_and(|message| completed(provider, &message.body).is_some())
    });
    let tail = Frames::of(provider).tail();
    let wanted = format!("the half event {} without a blank line", quote(tail));
    let got = "a blank line after it, and no error event".to_owned();
    Breach::new(exchange.had(end), &host, wanted, got)
        .or("nothing of it")
        .or("an error event after the blank line")
        .concerning(&exchange.client)
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{exchange::testing::Story, scenario::Leave, trace::BodyEnd, verdict::Verdict};

    fn half(relay: &str) -> Story {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.provides(2, "reader", "data: {\"ha");
        story.provider_ends(3, "reader", End::Fin);
        story.passes(4, "reader", relay);
        story.closes(5, "reader", BodyEnd::Complete);
        story
    }

    #[test]
    fn it_holds_where_the_half_event_stays_half_or_an_error_follows() {
        for relay in [
            "",
            "data: {\"ha",
            "data: {\"ha\n\ndata: {\"error\":{}}\n\n",
            "\n\ndata: {\"error\":{}}\n\n",
        ] {
            assert_eq!(half(relay).verdict(&RULE), Verdict::Held, "{relay}");
        }
    }

    #[test]
    fn it_breaks_where_a_blank_line_completes_it() {
        let breach = half("data: {\"ha\n\n").breach(&RULE);
        assert_eq!(breach.at.as_millis(), 4);
        assert_eq!(breach.wanted[0], "the half event `data: {\"ha` without a blank line");
        assert_eq!(breach.got, "a blank line after it, and no error event");
    }

    #[test]
    fn it_does_not_apply_where_the_last_event_is_whole() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.finishes(2, "reader");
        let why = "no answer of the provider ended inside an event";
        story.assert_not_applicable(&RULE, why);
        let mut left = Story::streaming();
        left.relays(1, "reader", "data: 1");
        left.leaves(2, "reader", Leave::Fin);
        left.assert_not_applicable(&RULE, why);
    }
}

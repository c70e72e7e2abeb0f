//! An event stream holds nothing but events, and comes to nobody who did not ask for one.

use super::{Level, Rule, quote::quote};
use crate::{
    exchange::{Exchange, Frames, Run, is_event_stream},
    verdict::{Breach, Inquiry, Verdict},
};

/// A framework's helper for errors writes its JSON or its page into whatever answer is open. To a
/// parser that is a line without a known field, which it skips: the error is never seen.
pub(super) const RULE: Rule = Rule {
    id: "no-body-mixing",
    level: Level::Profile,
    citation: "HTML 9.2.6; RFC 9110 8.3",
    demand: "no bare JSON or HTML inside an event stream, and no event stream for a request without `stream: true`",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        if exchange.is_stream() {
            inquiry.applies();
            let by_provider =
                run.answers_to(index).any(|answer| is_event_stream(&answer.answer_headers));
            if !wants_stream(exchange) && !by_provider {
                let wanted = "an answer that is no event stream, as it was asked for";
                let got = exchange.ending();
                let breach = Breach::new(exchange.answered_at(), &run.relay, wanted, got);
                inquiry.broke(breach.concerning(&exchange.client));
            }
            if let Some(breach) = mixed(run, index, exchange) {
                inquiry.broke(breach);
            }
        } else if exchange.head.is_some() && !wants_stream(exchange) && !exchange.asks.is_empty() {
            inquiry.applies();
        }
    }
    inquiry.verdict("nobody got an event stream, or asked for anything else")
}

/// Whether a request asks for a stream; one without a JSON body, such as a GET, may get any.
fn wants_stream(exchange: &Exchange) -> bool {
    let Ok(asks) = serde_json::from_slice::<serde_json::Value>(&exchange.asks) else { return true };
    asks.get("stream") == Some(&true.into())
}

/// A line that is JSON or a page, and was not the provider's.
fn mixed(run: &Run<'_>, index: usize, exchange: &Exchange) -> Option<Breach> {
    let of_provider = |line: &[u8]| {
        run.answers_to(index).any(|answer| bare(&answer.body.bytes).any(|(other, _)| other == line))
    };
    let (line, end) = bare(&exchange.body.bytes).find(|(line, _)| !of_provider(line))?;
    let holds = |body: &[u8]| bare(body).any(|(other, _)| other == line);
    let host = run.blame(index, |at| at.outgoing().is_some_and(|message| holds(&message.body)));
    let got = format!("{} in the stream of {}", quote(line), exchange.client);
    let wanted = "an error as an event: `data: ...`";
    let breach = Breach::new(exchange.had(end), &host, wanted, got);
    Some(breach.or("a body that breaks off").concerning(&exchange.client))
}

/// The lines of a body that begin as JSON or HTML do, with where they end or their frame does.
fn bare(body: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let frames = Frames::of(body);
    let whole: Vec<_> = frames
        .iter()
        .flat_map(|(range, frame)| frame.lines().map(move |line| (line, range.end)))
        .collect();
    let tail = frames.tail().split(|byte| matches!(byte, b'\n' | b'\r'));
    let lines = whole.into_iter().chain(tail.map(|line| (line, body.len())));
    lines.filter(|(line, _)| matches!(line.trim_ascii_start().first(), Some(b'{' | b'<')))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        verdict::Verdict,
    };

    /// The provider breaks off after an event; the relay writes this.
    fn after_a_failure(text: &str) -> Story {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.provider_ends(2, "reader", mock_openai::script::End::Reset);
        story.passes(3, "reader", text);
        story
    }

    #[test]
    fn it_holds_where_the_error_is_an_event() {
        let story = after_a_failure("data: {\"error\":{}}\n\n");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_bare_json_and_at_a_page() {
        for (text, shown) in [
            ("{\"error\":{}}", "`{\"error\":{}}` in the stream of reader"),
            ("\n<html>502</html>\n\n", "`<html>502</html>` in the stream of reader"),
        ] {
            let breach = after_a_failure(text).breach(&RULE);
            assert_eq!((breach.at.as_millis(), breach.got.as_str()), (3, shown));
            assert_eq!(
                breach.wanted,
                ["an error as an event: `data: ...`", "a body that breaks off"]
            );
        }
    }

    #[test]
    fn what_the_provider_says_barely_is_not_the_relays() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "{\"error\":{}}\n\n");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_nobody_asked_for_a_stream() {
        let answered = |provider: &[(&str, &str)], client: &[(&str, &str)]| {
            let mut story = Story::new();
            story.asks_with(0, "reader", "POST", &[], "{\"user\":\"reader\"}");
            story.forwards(0, "reader");
            story.answers(1, "reader", 200, provider);
            story.replies(2, "reader", 200, client);
            story
        };
        let breach = answered(JSON, STREAM).breach(&RULE);
        assert_eq!(breach.wanted, ["an answer that is no event stream, as it was asked for"]);
        assert_eq!(answered(JSON, JSON).verdict(&RULE), Verdict::Held);
        // The provider's own doing.
        assert_eq!(answered(STREAM, STREAM).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_where_a_stream_was_refused() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.replies(0, "reader", 502, JSON);
        let why = "nobody got an event stream, or asked for anything else";
        story.assert_not_applicable(&RULE, why);
    }
}

//! An error event of the relay's own can be read as one.

use super::{Level, Rule, alignment::align, quote::quote};
use crate::{
    exchange::{Exchange, Frames, Run},
    trace::BodyEnd,
    verdict::{Breach, Inquiry, Verdict},
};

/// It is the only word of a failure that all SDKs can hear after the head. It stands alone, is an
/// object with `error.message`, and only the terminator may follow. An error that the provider
/// itself sent is the provider's.
pub(super) const RULE: Rule = Rule {
    id: "error-event-well-formed",
    level: Level::Must,
    citation: "HTML 9.2.6; OpenAI API, errors",
    demand: "an error event stands alone, has error.message, and nothing but the terminator follows",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer) in run.answered().filter(|(_, e, _)| e.is_stream()) {
        let provider = &answer.body.bytes;
        let body = &exchange.body.bytes;
        // Before HTTP/1.1 the close is the end of the body, also where the client shut its side first.
        let complete = matches!(exchange.ended, Some((_, BodyEnd::Complete)))
            && !run.taken_for_gone(index, exchange);
        match own_error(provider, body, complete) {
            Own::None => {}
            Own::Good => inquiry.applies(),
            Own::Bad { end, wanted } => {
                let host = run.blame(index, |passage| {
                    passage.outgoing().is_some_and(|message| {
                        let ended = message.end.is_some();
                        matches!(own_error(provider, &message.body, ended), Own::Bad { .. })
                    })
                });
                inquiry.broke(breach(exchange, &host, end, wanted));
            }
        }
    }
    inquiry.verdict("the relay sent no error event")
}

fn breach(exchange: &Exchange, host: &crate::trace::Name, end: usize, wanted: &str) -> Breach {
    let body = &exchange.body.bytes;
    let frames = Frames::of(body);
    let range = frames.ranges.iter().find(|range| range.end == end).cloned();
    let shown = quote(&body[range.unwrap_or_else(|| frames.tail_start()..body.len())]);
    let got = format!("{} got {shown}, which is no error event", exchange.client);
    Breach::new(exchange.had(end), host, wanted, got).concerning(&exchange.client)
}

/// What a body says of a failure that the provider did not say.
enum Own {
    None,
    Good,
    Bad { end: usize, wanted: &'static str },
}

fn own_error(provider: &[u8], body: &[u8], complete: bool) -> Own {
    let frames = Frames::of(body);
    let passed = align(provider, body, true).passed;
    let mut found = Own::None;
    for (index, (range, frame)) in frames.iter().enumerate() {
        let bad = |wanted| Own::Bad { end: range.end, wanted };
        if passed.contains(&index) {
            continue;
        }
        if matches!(found, Own::Good) && !frame.is_done() && !frame.is_blank() {
            return bad("nothing but the terminator after the error event");
        }
        match frame.error() {
            Some(value) if has_message(&value) => found = Own::Good,
            Some(_) => return bad("an object with a text at `error.message`"),
            None if speaks_of_error(frame.0) => {
                return bad("an error event that stands alone, a blank line before it");
            }
            None => {}
        }
    }
    let tail = frames.tail();
    if complete && speaks_of_error(tail) && !speaks_of_error(Frames::of(provider).tail()) {
        let wanted = "an error event with a blank line after it";
        return Own::Bad { end: body.len(), wanted };
    }
    found
}

/// The shape of the chat dialect, or the flat one of a Responses stream.
fn has_message(value: &serde_json::Value) -> bool {
    let nested = value.pointer("/error/message").or_else(|| value.get("message"));
    nested.is_some_and(serde_json::Value::is_string)
}

fn speaks_of_error(bytes: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"{\"error\"";
    bytes.windows(BEGINNING.len()).any(|window| window == BEGINNING)
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{exchange::testing::Story, trace::BodyEnd, verdict::Verdict};

    /// The provider dies inside an event that has gone on to the client; then the relay writes this.
    fn failed(relay: &str) -> Story {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\ndata: {\"ha");
        story.provider_ends(3, "reader", End::Reset);
        story.passes(4, "reader", relay);
        story.closes(5, "reader", BodyEnd::Complete);
        story
    }

    const ERROR: &str = "data: {\"error\":{\"message\":\"cut\"}}\n\n";

    #[test]
    fn it_holds_where_the_event_stands_alone_and_last() {
        assert_eq!(failed(&format!("\n\n{ERROR}")).verdict(&RULE), Verdict::Held);
        assert_eq!(failed(&format!("\n\n{ERROR}data: [DONE]\n\n")).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_event_is_spliced_misshapen_followed_or_unfinished() {
        let alone = "an error event that stands alone, a blank line before it";
        let shape = "an object with a text at `error.message`";
        for (relay, wanted) in [
            (ERROR.to_owned(), alone),
            (format!("\n{ERROR}"), alone),
            ("\n\ndata: {\"error\":\"cut\"}\n\n".to_owned(), shape),
            (format!("\n\n{ERROR}: ping\n\n"), "nothing but the terminator after the error event"),
            (format!("\n\n{}", ERROR.trim_end()), "an error event with a blank line after it"),
        ] {
            let breach = failed(&relay).breach(&RULE);
            assert_eq!(breach.at.as_millis(), 4);
            assert_eq!(breach.wanted, [wanted], "{relay}");
        }
        let spliced = failed(ERROR).breach(&RULE);
        assert!(
            spliced.got.starts_with("reader got `data: {\"hadata: {\"error"),
            "{}",
            spliced.got
        );
    }

    #[test]
    fn an_event_in_whose_midst_the_client_shut_its_sending_side_is_cut_and_not_misshapen() {
        let mut story = Story::half_closed_inside_an_error_event();
        story.assert_not_applicable(&RULE, "the relay sent no error event");
        story.plan.switches.insert("half_close".to_owned(), "tolerate".to_owned());
        assert_eq!(story.breach(&RULE).wanted, ["an error event with a blank line after it"]);
    }

    #[test]
    fn it_does_not_apply_to_an_error_of_the_provider_or_to_one_that_was_cut() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: {\"error\":1}\n\n");
        story.relays(2, "reader", "data: [DONE]\n\n");
        story.finishes(3, "reader");
        let why = "the relay sent no error event";
        story.assert_not_applicable(&RULE, why);
        let mut cut = Story::streaming();
        cut.provider_ends(3, "reader", End::Reset);
        cut.passes(4, "reader", ERROR.trim_end());
        cut.closes(5, "reader", BodyEnd::Truncated);
        cut.assert_not_applicable(&RULE, why);
    }
}

//! A client can tell that its provider did not finish.

use super::{Level, Rule, long_line};
use crate::{
    exchange::{Answer, Exchange, Fate, Frames, Passage, Run},
    trace::BodyEnd,
    verdict::{Breach, Inquiry, Verdict},
};

/// An answer that was cut must not look whole: a chunked body without its last chunk is incomplete,
/// and what forwards it must not hide that (RFC 9112 8, 7.1; RFC 9110 6.1). An answer that ended in
/// good form but without its terminator may end in the same way.
pub(super) const RULE: Rule = Rule {
    id: "honest-ending",
    level: Level::Must,
    citation: "RFC 9112 8; RFC 9110 6.1; RFC 9113 8.1",
    demand: "an abnormal end of the provider shows at the client: an error event or broken framing, never a clean finish",
    judge,
};

/// The code of a stream that is given up without an error (RFC 9113 7).
const NO_ERROR: u32 = 0;

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    let mut taken_for_gone = false;
    for (index, exchange, answer) in run.answered().filter(|(.., answer)| answer.succeeds()) {
        let fate = run.fate(index, answer);
        // A provider that only fell silent has not ended; what the relay makes of that is its own
        // ending, and it must be honest too.
        if fate == Fate::Whole || client_first(run, index, exchange, answer) {
            continue;
        }
        if run.taken_for_gone(index, exchange) {
            taken_for_gone = true;
            continue;
        }
        inquiry.applies();
        // What became of a long event is `long-line`'s to tell.
        let told = || long_line::breach(run, index, exchange, answer).is_some();
        if is_dishonest(exchange, answer, fate) && !told() {
            inquiry.broke(breach(run, index, exchange, answer, fate));
        }
    }
    inquiry.verdict(if taken_for_gone {
        "the client shut its sending side first, and the relay is not told to tolerate that"
    } else {
        "no answer of the provider ended abnormally while its client waited"
    })
}

/// Whether the client went, or never came to an end, before the answer was cut.
fn client_first(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer) -> bool {
    let ended = answer.ended.map(|(moment, _)| moment);
    let left = exchange.left.map(|(moment, _)| moment);
    let went_first = left.is_some_and(|left| ended.is_none_or(|ended| left < ended));
    went_first || (ended.is_none() && run.ended_from_outside(index, exchange))
}

fn is_dishonest(exchange: &Exchange, answer: &Answer, fate: Fate) -> bool {
    // A client may take a reset without an error for the end of an answer that was whole: so it is
    // used after one (RFC 9113 8.1).
    let complete =
        matches!(exchange.ended, Some((_, BodyEnd::Complete | BodyEnd::StreamReset(NO_ERROR))));
    let fails = exchange.status().is_some_and(|status| status >= 400);
    complete && !fails && looks_whole(&exchange.body.bytes, answer, fate)
}

/// Whether a body that ended in good form hides how the provider's ended.
fn looks_whole(body: &[u8], answer: &Answer, fate: Fate) -> bool {
    let frames = Frames::of(body);
    let error = frames.iter().any(|(_, frame)| frame.error().is_some());
    let family = answer.family();
    let done = |frames: &Frames<'_>| frames.iter().any(|(_, frame)| family.is_terminator(&frame));
    // With the terminator all has come, whatever is left to be cut behind it.
    if done(&frames) { !done(&Frames::of(&answer.body.bytes)) } else { !error && fate == Fate::Cut }
}

fn breach(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer, fate: Fate) -> Breach {
    let hides = |passage: &Passage<'_>| {
        passage.outgoing().is_some_and(|message| {
            let ended = message.end.is_some() || (message.ends_by_close && let_go(passage));
            ended && looks_whole(&message.body, answer, fate)
        })
    };
    let host = run.blame(index, hides);
    let wanted = "an error event before the end of the body";
    let failed = match fate {
        Fate::Unterminated => "the provider ended without its terminator",
        Fate::Whole | Fate::Cut => "the provider's answer was cut",
    };
    let got = format!("{failed}, and {} got {}", exchange.client, exchange.ending());
    let breach = Breach::new(exchange.last_seen(), &host, wanted, got)
        .or("broken framing: FIN without the last chunk, or RST")
        .concerning(&exchange.client);
    match fate {
        Fate::Unterminated => {
            let terminator = answer.family().terminator();
            breach.or(format!("a clean end of the body without {terminator}"))
        }
        Fate::Whole | Fate::Cut => breach,
    }
}

/// Whether a host closed toward the client by itself, and not since that end was gone.
fn let_go(passage: &Passage<'_>) -> bool {
    let end = &passage.below_tcp.acceptor;
    end.finished.is_some_and(|finished| end.saw_end.is_none_or(|saw| finished < saw))
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        scenario::Leave,
        trace::{BodyEnd, SocketFact},
        verdict::Verdict,
    };

    /// The provider ends after one frame; the relay writes more, and the client sees this end.
    fn after(provider: End, relay: &str, client: BodyEnd) -> Story {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.provider_ends(2, "reader", provider);
        story.passes(3, "reader", relay);
        story.closes(4, "reader", client);
        story
    }

    const ERROR: &str = "data: {\"error\":{\"message\":\"cut\"}}\n\n";

    #[test]
    fn it_holds_where_the_client_sees_an_error_event_or_broken_framing() {
        for end in [End::Truncated, End::Fin, End::Reset, End::NoTerminator] {
            assert_eq!(after(end, ERROR, BodyEnd::Complete).verdict(&RULE), Verdict::Held);
            assert_eq!(after(end, "", BodyEnd::Truncated).verdict(&RULE), Verdict::Held);
            assert_eq!(after(end, "", BodyEnd::Reset).verdict(&RULE), Verdict::Held);
            // INTERNAL_ERROR and CANCEL of RFC 9113 7.
            for code in [2, 8] {
                let told = after(end, "", BodyEnd::StreamReset(code));
                assert_eq!(told.verdict(&RULE), Verdict::Held);
            }
        }
        let same = after(End::NoTerminator, "", BodyEnd::Complete);
        assert_eq!(same.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_body_ends_cleanly() {
        for end in [End::Truncated, End::Fin, End::Reset] {
            let story = after(end, "", BodyEnd::Complete);
            let breach = story.breach(&RULE);
            assert_eq!(breach.at.as_millis(), 4);
            assert_eq!(breach.ordinal, story.trace.events.len() - 1);
            assert_eq!(
                breach.wanted,
                [
                    "an error event before the end of the body",
                    "broken framing: FIN without the last chunk, or RST"
                ]
            );
            let got = "the provider's answer was cut, and reader got status 200 and 1 frame, then a clean end of the body";
            assert_eq!(breach.got, got);
        }
    }

    #[test]
    fn a_stream_that_is_reset_without_an_error_looks_whole() {
        // NO_ERROR of RFC 9113 7.
        let breach = after(End::Reset, "", BodyEnd::StreamReset(0)).breach(&RULE);
        assert_eq!(
            breach.got,
            "the provider's answer was cut, and reader got status 200 and 1 frame, then RST_STREAM, NO_ERROR"
        );
        let told = after(End::Reset, ERROR, BodyEnd::StreamReset(0));
        assert_eq!(told.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn an_invented_terminator_is_dishonest_even_where_the_framing_was_whole() {
        let breach = after(End::NoTerminator, "data: [DONE]\n\n", BodyEnd::Complete).breach(&RULE);
        assert_eq!(breach.wanted[2], "a clean end of the body without `[DONE]`");
        let both = format!("{ERROR}data: [DONE]\n\n");
        after(End::Reset, &both, BodyEnd::Complete).breach(&RULE);
    }

    #[test]
    fn with_the_terminator_nothing_is_missing_whatever_is_cut_behind_it() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\ndata: [DONE]\n\n");
        story.provider_ends(2, "reader", End::Reset);
        story.closes(4, "reader", BodyEnd::Complete);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_where_the_provider_finishes_or_the_client_goes_first() {
        let why = "no answer of the provider ended abnormally while its client waited";
        after(End::Clean, "", BodyEnd::Complete).assert_not_applicable(&RULE, why);
        let mut story = Story::streaming();
        story.leaves(1, "reader", Leave::Fin);
        story.provider_ends(2, "reader", End::Reset);
        story.assert_not_applicable(&RULE, why);
    }

    #[test]
    fn an_error_status_is_honest_too() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(0, "reader", 200, STREAM);
        story.provider_ends(1, "reader", End::Reset);
        story.replies(2, "reader", 502, JSON);
        story.passes(2, "reader", "{}");
        story.closes(2, "reader", BodyEnd::Complete);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn a_response_is_whole_with_its_own_last_event_and_lacks_one_otherwise() {
        let after = |provider: &str, relay: &str| {
            let mut story = Story::streaming().of_responses();
            story.relays(1, "reader", provider);
            story.provider_ends(2, "reader", End::Clean);
            if !relay.is_empty() {
                story.passes(3, "reader", relay);
            }
            story.closes(4, "reader", BodyEnd::Complete);
            story
        };
        let why = "no answer of the provider ended abnormally while its client waited";
        for last in ["completed", "incomplete", "failed"] {
            let whole = format!("event: response.{last}\ndata: {{}}\n\n");
            after(&whole, "").assert_not_applicable(&RULE, why);
        }
        let error = "event: error\ndata: {\"type\":\"error\",\"message\":\"x\"}\n\n";
        after(error, "").assert_not_applicable(&RULE, why);
        let half = "event: response.created\ndata: {}\n\n";
        assert_eq!(after(half, "").verdict(&RULE), Verdict::Held);
        let breach = after(half, "data: [DONE]\n\n").breach(&RULE);
        assert_eq!(breach.wanted[2], "a clean end of the body without `response.completed`");
        after(half, "event: response.completed\ndata: {}\n\n").breach(&RULE);
    }

    #[test]
    fn a_relay_that_takes_a_shut_sending_side_for_a_departure_hides_nothing() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.leaves(2, "reader", Leave::HalfClose);
        story.socket(2, "relay", "reader", 0, SocketFact::ReadEnd);
        story.provider_left(3, "reader");
        story.socket(3, "relay", "reader", 0, SocketFact::Dropped);
        story.closes(3, "reader", BodyEnd::Truncated);
        let why = "no answer of the provider ended abnormally while its client waited";
        story.assert_not_applicable(&RULE, why);
        // One that goes on must be as honest as to anybody else.
        let mut goes_on = Story::streaming();
        goes_on.leaves(1, "reader", Leave::HalfClose);
        goes_on.socket(1, "relay", "reader", 0, SocketFact::ReadEnd);
        goes_on.relays(2, "reader", "data: 1\n\n");
        goes_on.provider_ends(3, "reader", End::Reset);
        goes_on.closes(4, "reader", BodyEnd::Complete);
        goes_on.breach(&RULE);
    }

    #[test]
    fn what_became_of_a_long_event_is_left_to_long_line() {
        let left_after = |bytes: usize| {
            let mut story = Story::streaming();
            story.provides(1, "reader", &"x".repeat(bytes));
            story.provider_left(2, "reader");
            story.closes(2, "reader", BodyEnd::Complete);
            story
        };
        assert_eq!(left_after(64 * 1024).verdict(&RULE), Verdict::Held);
        assert_eq!(left_after(64 * 1024 - 1).breach(&RULE).at.as_millis(), 2);
    }

    /// To a client of HTTP/1.0 the close is the end of the body: a half error event looks whole.
    #[test]
    fn a_relay_that_stops_in_its_own_error_event_since_the_client_shut_its_sending_side_hides_nothing()
     {
        let mut story = Story::half_closed_inside_an_error_event();
        let why =
            "the client shut its sending side first, and the relay is not told to tolerate that";
        story.assert_not_applicable(&RULE, why);
        story.plan.switches.insert("half_close".to_owned(), "tolerate".to_owned());
        story.breach(&RULE);
    }
}

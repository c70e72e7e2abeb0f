//! The client's body is the provider's body.

use super::{
    Level, Rule,
    payload::{self, Sent},
};
use crate::{exchange::Run, verdict::Verdict};

/// The provider's bytes reach the client, all of them, unchanged and in order. Comments that the
/// relay adds, and an error event after the provider failed, are not the provider's bytes. The body
/// may stop early where the client left or the provider's answer was cut. One mistake is told once, by
/// the rule that knows most of it: bytes that are cut on their way are `any-cut`'s to judge, bytes with
/// a CR `any-line-end`'s, what is lost beside the data `fields-survive`'s, and usage that was asked for
/// `usage-honest`'s.
pub(super) const RULE: Rule = Rule {
    id: "payload-intact",
    level: Level::Profile,
    citation: "HTML 9.2.6; RFC 9110 7.6",
    demand: "the client gets the provider's bytes, all of them, unchanged and in order",
    judge,
};

/// Why it does not apply.
const NONE: &str = "no client got a body that the provider sent plainly: bytes that its script cuts are any-cut's \
                    to judge, those with a CR any-line-end's";

fn judge(run: &Run<'_>) -> Verdict {
    payload::judge(run, Sent::Plainly, NONE)
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::{super::fields_survive, NONE, RULE};
    use crate::{
        exchange::testing::{STREAM, Story},
        scenario::Leave,
        trace::{BodyEnd, SocketFact},
        verdict::Verdict,
    };

    #[test]
    fn it_holds_where_every_frame_arrives_and_the_relay_adds_a_comment() {
        let mut story = Story::streaming();
        story.provides(1, "reader", "data: 1\n\n");
        story.passes(1, "reader", "data: 1\n\n");
        story.passes(2, "reader", ": ping\n\n");
        story.provides(3, "reader", "data: [DONE]\n\n");
        story.passes(3, "reader", "data: [DONE]\n\n");
        story.finishes(3, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_the_first_frame_that_is_not_the_next_one_of_the_provider() {
        let mut story = Story::streaming();
        story.provides(1, "reader", "data: 1\n\ndata: 2\n\ndata: 3\n\n");
        story.passes(1, "reader", "data: 1\n\n");
        let got = story.passes(7, "reader", "data: 3\n\n");
        story.finishes(8, "reader");
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_millis(), breach.ordinal), (7, got));
        assert_eq!(&*breach.host, "relay");
        assert_eq!(breach.wanted, ["frame 2 of the provider as it was sent: `data: 2\\n\\n`"]);
        assert_eq!(breach.got, "reader got `data: 3\\n\\n` in place of the provider's frame 2");
    }

    #[test]
    fn it_breaks_where_the_last_frames_are_missing_from_a_body_that_ends_cleanly() {
        let mut story = Story::streaming();
        story.provides(1, "reader", "data: 1\n\ndata: 2\n\n");
        story.passes(1, "reader", "data: 1\n\n");
        let closed = story.finishes(2, "reader");
        let breach = story.breach(&RULE);
        assert_eq!(breach.ordinal, closed);
        assert_eq!(breach.wanted, ["frame 2 of the provider: `data: 2\\n\\n`"]);
        assert_eq!(
            breach.got,
            "reader never got the provider's frame 2: status 200 and 1 frame, then a clean end of the body"
        );
    }

    #[test]
    fn it_names_the_middlebox_that_changes_a_frame() {
        let mut story = Story::new().behind("edge");
        story.asks(0, "reader");
        story.hands_on(0, "reader");
        story.forwards(0, "reader");
        story.answers(0, "reader", 200, STREAM);
        story.replies(0, "reader", 200, STREAM);
        story.box_replies(0, "reader", 200, STREAM);
        story.provides(1, "reader", "data: 1\n\n");
        story.writes(1, "reader", "data: 1\n\n");
        story.box_passes(1, "reader", "data: X\n\n");
        assert_eq!(&*story.breach(&RULE).host, "edge");
    }

    #[test]
    fn a_client_that_left_and_a_provider_that_failed_excuse_what_is_missing() {
        let mut story = Story::streaming();
        story.provides(1, "reader", "data: 1\n\ndata: 2\n\n");
        story.passes(1, "reader", "data: 1\n\n");
        story.leaves(2, "reader", Leave::Fin);
        assert_eq!(story.verdict(&RULE), Verdict::Held);

        let mut story = Story::streaming();
        story.provides(1, "reader", "data: 1\n\ndata: {\"ha");
        story.passes(1, "reader", "data: 1\n\ndata: {\"ha");
        story.provider_ends(2, "reader", End::Reset);
        story.passes(2, "reader", "\n\ndata: {\"error\":{}}\n\ndata: [DONE]\n\n");
        story.closes(2, "reader", BodyEnd::Complete);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn a_half_event_has_arrived_also_where_a_blank_line_ends_it_before_an_error() {
        let unterminated = |relay: &str| {
            let mut story = Story::streaming();
            story.provides(1, "reader", "data: 1\n\ndata: ");
            story.provider_ends(2, "reader", End::NoTerminator);
            story.passes(2, "reader", relay);
            story.closes(2, "reader", BodyEnd::Complete);
            story
        };
        let error = "data: {\"error\":{}}\n\n";
        let whole = unterminated(&format!("data: 1\n\ndata: \n\n{error}"));
        assert_eq!(whole.verdict(&RULE), Verdict::Held);
        // The error event begins as the half event does, and is not it.
        let without = unterminated(&format!("data: 1\n\n{error}"));
        let wanted = "the provider's last bytes, which end no frame";
        assert_eq!(without.breach(&RULE).wanted, [wanted]);
    }

    #[test]
    fn it_does_not_apply_where_no_answer_succeeds() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.replies(0, "reader", 502, &[]);
        story.closes(0, "reader", BodyEnd::Complete);
        story.assert_not_applicable(&RULE, NONE);
    }

    #[test]
    fn it_breaks_at_bytes_after_the_last_frame_that_the_provider_did_not_send() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.passes(2, "reader", "data: 2");
        story.finishes(3, "reader");
        let breach = story.breach(&RULE);
        assert_eq!(breach.at.as_millis(), 2);
        assert_eq!(breach.wanted, ["nothing after the provider's 1 frames"]);
        assert_eq!(breach.got, "reader got `data: 2`, which the provider never sent");
    }

    #[test]
    fn a_network_that_cuts_the_client_off_is_not_the_relays_fault() {
        let cut_off = |by_network: bool| {
            let mut story = Story::streaming();
            story.relays(1, "reader", "data: 1\n\n");
            if by_network {
                let error = std::io::ErrorKind::ConnectionReset;
                story.socket(2, "relay", "reader", 0, SocketFact::Failed { error });
            }
            story.provides(3, "reader", "data: 2\n\n");
            story.provider_ends(3, "reader", End::Clean);
            story.closes(4, "reader", BodyEnd::Reset);
            story.verdict(&RULE)
        };
        assert_eq!(cut_off(true), Verdict::Held);
        assert!(matches!(cut_off(false), Verdict::Broke(_)));
    }

    #[test]
    fn a_terminator_too_many_is_left_to_the_rules_about_endings() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.passes(2, "reader", "data: [DONE]\n\n");
        story.finishes(3, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn what_is_lost_beside_the_data_is_left_to_fields_survive() {
        let without = |passed: &str| {
            let mut story = Story::streaming();
            story.provides(1, "reader", "id: 7\ndata: 1\n\ndata: 2\n\n");
            story.passes(1, "reader", passed);
            story.finishes(2, "reader");
            story
        };
        let id_lost = without("data: 1\n\ndata: 2\n\n");
        assert_eq!(id_lost.verdict(&RULE), Verdict::Held);
        assert!(matches!(id_lost.verdict(&fields_survive::RULE), Verdict::Broke(_)));
        // With the data a rule about the rest would say too little; of a space it says nothing.
        for passed in ["data: 2\n\n", "id: 7\ndata:1\n\ndata: 2\n\n"] {
            assert!(matches!(without(passed).verdict(&RULE), Verdict::Broke(_)), "{passed}");
        }
    }

    #[test]
    fn usage_that_was_asked_for_is_left_to_usage_honest() {
        const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
        let (silent, asks) = (
            "{\"user\":\"reader\"}",
            "{\"user\":\"reader\",\"stream_options\":{\"include_usage\":true}}",
        );
        let passed = |client: &str, relay: &str, passed: &str| {
            let mut story = Story::new();
            story.asks_with(0, "reader", "POST", &[], client);
            story.forwards(0, "reader");
            story.was_asked_instead(relay);
            story.answers(0, "reader", 200, STREAM);
            story.replies(0, "reader", 200, STREAM);
            story.provides(1, "reader", &format!("data: 1\n\n{USAGE}data: [DONE]\n\n"));
            story.passes(1, "reader", passed);
            story.finishes(2, "reader");
            story.verdict(&RULE)
        };
        let without = "data: 1\n\ndata: [DONE]\n\n";
        // Lost, and asked for by the relay alone.
        assert_eq!(passed(asks, asks, without), Verdict::Held);
        assert_eq!(passed(silent, asks, without), Verdict::Held);
        let twice = format!("data: 1\n\n{USAGE}{USAGE}data: [DONE]\n\n");
        for (client, relay, text) in
            [(silent, silent, without), (asks, asks, "data: [DONE]\n\n"), (asks, asks, &twice)]
        {
            assert!(matches!(passed(client, relay, text), Verdict::Broke(_)), "{text}");
        }
    }
}

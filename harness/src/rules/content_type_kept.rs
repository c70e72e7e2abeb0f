//! An event stream is still called an event stream.

use super::{Level, Rule, headers};
use crate::{
    exchange::{Run, is_event_stream},
    verdict::{Inquiry, Verdict},
};

/// An `EventSource` fails for good on any other type (HTML 9.2.3). Parameters have no effect there,
/// so they may differ.
pub(super) const RULE: Rule = Rule {
    id: "content-type-kept",
    level: Level::Profile,
    citation: "HTML 9.2.3",
    demand: "a stream keeps its content type, text/event-stream",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer, head) in headers::forwarded(run) {
        let succeeds = (200..300).contains(&head.status) && answer.succeeds();
        if !succeeds || !is_event_stream(&answer.answer_headers) {
            continue;
        }
        inquiry.applies();
        if !is_event_stream(&head.headers) {
            let got = headers::shown(&headers::values(&head.headers, "content-type"));
            let at = (index, exchange, head);
            let shows = |_, headers: &[_]| !is_event_stream(headers);
            let wanted = "content type text/event-stream".to_owned();
            inquiry.broke(headers::breach(run, at, wanted, format!("content type {got}"), shows));
        }
    }
    inquiry.verdict("no client got an answer that the provider called an event stream")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        verdict::Verdict,
    };

    fn called(provider: &[(&str, &str)], client: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", 200, provider);
        story.replies(2, "reader", 200, client);
        story
    }

    #[test]
    fn it_holds_whatever_the_parameters_and_the_case() {
        let same = [("Content-Type", "Text/Event-Stream; charset=utf-8")];
        assert_eq!(called(STREAM, &same).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_type_is_another_or_none() {
        let octets = [("content-type", "application/octet-stream")];
        let breach = called(STREAM, &octets).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 2);
        assert_eq!(breach.wanted, ["content type text/event-stream"]);
        assert_eq!(breach.got, "content type application/octet-stream");
        assert_eq!(called(STREAM, &[]).breach(&RULE).got, "content type absent");
    }

    #[test]
    fn it_does_not_apply_to_an_answer_in_json() {
        let why = "no client got an answer that the provider called an event stream";
        called(JSON, STREAM).assert_not_applicable(&RULE, why);
        let mut failed = Story::new();
        failed.asks(0, "reader");
        failed.forwards(0, "reader");
        failed.answers(1, "reader", 200, STREAM);
        failed.replies(2, "reader", 504, JSON);
        failed.assert_not_applicable(&RULE, why);
    }
}

//! A response never claims a length that it has not.

use super::{Level, Rule, headers};
use crate::{
    exchange::{Answer, Exchange, Head, Run},
    trace::BodyEnd,
    verdict::{Breach, Inquiry, Verdict},
};

/// A sender must not send a length beside a transfer coding (RFC 9112 6.2), nor a wrong one (RFC
/// 9110 8.6); and the length of a stream is not known when it begins. A length that is the
/// provider's own is the provider's to answer for, as long as the body is the provider's too.
pub(super) const RULE: Rule = Rule {
    id: "no-false-length",
    level: Level::Must,
    citation: "RFC 9112 6.2; RFC 9110 8.6",
    demand: "no Content-Length on a stream, none beside a transfer coding, never a wrong one",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let Some(head) = exchange.head.as_ref().filter(|_| exchange.method != "HEAD") else {
            continue;
        };
        inquiry.applies();
        let answer = run.answers_to(index).next_back();
        if let Some((wanted, got)) = is_false(exchange, head, answer) {
            let shows = |_, all: &[(String, String)]| {
                headers::values(all, "content-length")
                    == headers::values(&head.headers, "content-length")
            };
            let at = (index, exchange, head);
            let breach: Breach = headers::breach(run, at, wanted.to_owned(), got, shows);
            inquiry.broke(breach);
        }
    }
    inquiry.verdict("no client got a response")
}

/// What is wrong with the length, where something is: wanted, got.
fn is_false(
    exchange: &Exchange,
    head: &Head,
    answer: Option<&Answer>,
) -> Option<(&'static str, String)> {
    let length = exchange.header("content-length")?;
    let got = format!("Content-Length: {length}");
    if let Some(coding) = exchange.header("transfer-encoding") {
        let got = format!("{got} beside Transfer-Encoding: {coding}");
        return Some(("no Content-Length beside a transfer coding", got));
    }
    if head.status == 304 {
        return None;
    }
    if let Some(answer) = answer.filter(|answer| answer.header("content-length") == Some(length)) {
        let is_another = !answer.body.bytes.starts_with(&exchange.body.bytes);
        let got = format!("{got} of the provider's body, and another body");
        return is_another.then_some(("no length of another body", got));
    }
    if exchange.is_stream() {
        return Some(("no Content-Length on a stream", got));
    }
    let (end, how) = exchange.ended?;
    let received = exchange.body.bytes.len();
    let cut = how == BodyEnd::Truncated && end > head.moment;
    let wrong = cut && length.trim().parse() != Ok(received);
    wrong.then(|| ("the body's true length", format!("{got} and a body of {received} B")))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{JSON, Story},
        trace::BodyEnd,
        verdict::Verdict,
    };

    const LENGTH_7: (&str, &str) = ("content-length", "7");

    fn said(headers: &[(&str, &str)], body: &str, how: BodyEnd) -> Story {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.replies(2, "reader", 200, headers);
        story.gets(3, "reader", body);
        story.closes(4, "reader", how);
        story
    }

    #[test]
    fn it_holds_where_the_length_is_true_or_not_told() {
        let json = said(&[JSON[0], LENGTH_7], "{\"a\":1}", BodyEnd::Complete);
        assert_eq!(json.verdict(&RULE), Verdict::Held);
        assert_eq!(Story::streaming().verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_on_a_stream_beside_a_coding_and_where_it_is_wrong() {
        let stream = [("content-type", "text/event-stream"), LENGTH_7];
        let breach = said(&stream, "data: 1", BodyEnd::Complete).breach(&RULE);
        assert_eq!((breach.at.as_millis(), breach.got.as_str()), (2, "Content-Length: 7"));
        assert_eq!(breach.wanted, ["no Content-Length on a stream"]);
        let both = [LENGTH_7, ("transfer-encoding", "chunked")];
        assert_eq!(
            said(&both, "1234567", BodyEnd::Complete).breach(&RULE).got,
            "Content-Length: 7 beside Transfer-Encoding: chunked"
        );
        let short = said(&[JSON[0], LENGTH_7], "{}", BodyEnd::Truncated).breach(&RULE);
        assert_eq!(short.got, "Content-Length: 7 and a body of 2 B");
    }

    #[test]
    fn a_length_that_the_provider_told_is_not_the_relays() {
        let headers = [("content-type", "text/event-stream"), LENGTH_7];
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", 200, &headers);
        story.replies(2, "reader", 200, &headers);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn the_providers_length_is_false_on_another_body() {
        let headers = [("content-type", "text/event-stream"), LENGTH_7];
        for body in ["data: 1", "data"] {
            assert_eq!(under_the_providers_length(&headers, body).verdict(&RULE), Verdict::Held);
        }
        let breach = under_the_providers_length(&headers, ": ping\n").breach(&RULE);
        assert_eq!(breach.wanted, ["no length of another body"]);
        assert_eq!(breach.got, "Content-Length: 7 of the provider's body, and another body");
    }

    /// The provider sends `data: 1` with these headers, and the client gets them with this body.
    fn under_the_providers_length(headers: &[(&str, &str)], body: &str) -> Story {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", 200, headers);
        story.replies(2, "reader", 200, headers);
        story.provides(3, "reader", "data: 1");
        story.passes(4, "reader", body);
        story.closes(5, "reader", BodyEnd::Complete);
        story
    }

    #[test]
    fn it_does_not_apply_without_a_response_or_to_head() {
        let why = "no client got a response";
        Story::new().assert_not_applicable(&RULE, why);
        let mut head = Story::new();
        head.asks_with(0, "reader", "HEAD", &[], "");
        head.replies(1, "reader", 200, &[("content-type", "text/event-stream"), LENGTH_7]);
        head.assert_not_applicable(&RULE, why);
    }
}

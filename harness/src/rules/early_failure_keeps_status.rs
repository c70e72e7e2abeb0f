//! A failure before the answer began is told by a status, not inside a 200.

use mock_openai::script::End;

use super::{Level, Rule};
use crate::{
    exchange::{Answer, Moment, Run, essence, header},
    verdict::{Breach, Inquiry, Verdict},
};

/// SDKs retry by status and `Retry-After`; an error inside a 200 is an empty success to most of them
/// (measured: openai-python, openai-node, Vercel AI SDK, go-openai, async-openai).
pub(super) const RULE: Rule = Rule {
    id: "early-failure-keeps-status",
    level: Level::Profile,
    citation: "RFC 9110 15, 10.2.3",
    demand: "a failure before the provider's first content is a 4xx or 5xx in JSON, with the provider's Retry-After",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let answer = run.answers_to(index).next_back();
        let failed = match answer {
            Some(answer) => failed_early(answer),
            None => refused(run, index),
        };
        let Some(failed) = failed else { continue };
        if exchange.left.is_some() || (exchange.head.is_none() && exchange.ended.is_none()) {
            continue;
        }
        inquiry.applies();
        if let Some(breach) = judge_one(run, index, answer, &failed) {
            inquiry.broke(breach);
        }
    }
    inquiry.verdict("no request failed before the provider's first content")
}

/// How an answer failed before any content, in words.
fn failed_early(answer: &Answer) -> Option<String> {
    match (answer.status(), answer.ended) {
        (Some(status), _) if status >= 400 => Some(format!("answered {status}")),
        (None, Some((_, End::Truncated | End::Fin | End::Reset | End::HalfClose))) => {
            Some("closed the connection before its head".to_owned())
        }
        _ => None,
    }
}

/// Whether the provider could not be reached for an exchange that needs it. No connect says for whom it
/// was; a request for an answer that the provider was never asked for failed all the same.
fn refused(run: &Run<'_>, index: usize) -> Option<String> {
    let exchange = &run.exchanges[index];
    let comes_back = header(&exchange.headers, "last-event-id").is_some();
    if exchange.method != "POST" || comes_back {
        return None;
    }
    let relay = run.relay_of(index);
    let open = exchange.sent..=exchange.over().unwrap_or_else(|| Moment::last(run.trace));
    let mut failed = run.connections.failed.iter();
    let refused = failed.find(|one| one.from == relay && open.contains(&one.moment))?;
    Some(format!("could not be reached ({:?})", refused.error))
}

fn judge_one(run: &Run<'_>, index: usize, answer: Option<&Answer>, failed: &str) -> Option<Breach> {
    let exchange = &run.exchanges[index];
    let breach = |moment, wanted: &str, got: String| {
        let got = format!("the provider {failed}, the client got {got}");
        let host = run.head_by(index, &["content-type", "retry-after"]);
        Some(Breach::new(moment, &host, wanted, got).concerning(&exchange.client))
    };
    let Some(head) = &exchange.head else {
        return breach(exchange.last_seen(), "a status of 4xx or 5xx", exchange.ending());
    };
    if head.status < 400 {
        return breach(head.moment, "a status of 4xx or 5xx", format!("status {}", head.status));
    }
    let media_type = essence(&head.headers);
    // What the provider told in another form may pass as it is.
    let as_told = answer.filter(|answer| answer.status() == Some(head.status));
    let is_as_told = as_told.is_some_and(|answer| essence(&answer.answer_headers) == media_type);
    let media_type = media_type.unwrap_or_else(|| "none".to_owned());
    if media_type != "application/json" && !is_as_told {
        let got = format!("status {} with content type {media_type}", head.status);
        return breach(head.moment, "content type application/json", got);
    }
    let sent = answer.and_then(|answer| answer.header("retry-after"))?;
    let got = exchange.header("retry-after");
    if got == Some(sent) {
        return None;
    }
    let got = got.map_or_else(|| "no Retry-After".to_owned(), |got| format!("Retry-After: {got}"));
    breach(head.moment, &format!("Retry-After: {sent}"), got)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        scenario::Leave,
        trace::{BodyEnd, Connection, Fact, Name, SocketFact},
        verdict::Verdict,
    };

    const LIMITED: &[(&str, &str)] = &[("content-type", "application/json"), ("Retry-After", "2")];

    /// The provider answers 429 with `Retry-After: 2`, and the client gets this.
    fn limited(status: u16, headers: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", 429, LIMITED);
        story.provides(1, "reader", "{}");
        story.provider_ends(1, "reader", End::Clean);
        story.replies(3, "reader", status, headers);
        story.closes(4, "reader", BodyEnd::Complete);
        story
    }

    #[test]
    fn it_holds_where_status_type_and_retry_after_reach_the_client() {
        assert_eq!(limited(429, LIMITED).verdict(&RULE), Verdict::Held);
        let parameter =
            &[("content-type", "Application/JSON; charset=utf-8"), ("retry-after", "2")];
        assert_eq!(limited(503, parameter).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_a_success_another_type_or_another_retry_after() {
        for (status, headers, wanted, got) in [
            (200, STREAM, "a status of 4xx or 5xx", "status 200"),
            (
                429,
                &[("content-type", "text/plain")][..],
                "content type application/json",
                "status 429 with content type text/plain",
            ),
            (429, JSON, "Retry-After: 2", "no Retry-After"),
            (
                429,
                &[("content-type", "application/json"), ("retry-after", "9")],
                "Retry-After: 2",
                "Retry-After: 9",
            ),
        ] {
            let breach = limited(status, headers).breach(&RULE);
            assert_eq!(breach.at.as_millis(), 3);
            assert_eq!(breach.wanted, [wanted]);
            assert_eq!(breach.got, format!("the provider answered 429, the client got {got}"));
        }
    }

    #[test]
    fn what_the_provider_told_in_another_form_may_pass_as_it_is() {
        let told = |provider: &[(&str, &str)], status, client: &[(&str, &str)]| {
            let mut story = Story::new();
            story.asks(0, "reader");
            story.forwards(0, "reader");
            story.answers(1, "reader", 502, provider);
            story.provider_ends(1, "reader", End::Clean);
            story.replies(3, "reader", status, client);
            story.closes(4, "reader", BodyEnd::Complete);
            story
        };
        let page = &[("content-type", "text/html")];
        assert_eq!(told(page, 502, page).verdict(&RULE), Verdict::Held);
        assert_eq!(told(page, 502, JSON).verdict(&RULE), Verdict::Held);
        assert_eq!(told(&[], 502, &[]).verdict(&RULE), Verdict::Held);
        for wrong in [told(page, 503, page), told(JSON, 502, page), told(page, 502, &[])] {
            assert_eq!(wrong.breach(&RULE).wanted, ["content type application/json"]);
        }
    }

    #[test]
    fn a_provider_that_refuses_or_closes_before_its_head_is_a_failure_too() {
        let mut refused = Story::new();
        refused.asks(0, "reader");
        let (error, to) = (ErrorKind::ConnectionRefused, Name::from("upstream"));
        let fact = SocketFact::ConnectFailed { error, to };
        refused.fact(1, "relay", Fact::Socket(Connection(u64::MAX), fact));
        refused.replies(2, "reader", 200, STREAM);
        assert_eq!(
            refused.breach(&RULE).got,
            "the provider could not be reached (ConnectionRefused), the client got status 200"
        );

        let mut closed = Story::new();
        closed.asks(0, "reader");
        closed.forwards(0, "reader");
        closed.provider_ends(1, "reader", End::Reset);
        let end = closed.closes(2, "reader", BodyEnd::Truncated);
        let breach = closed.breach(&RULE);
        assert_eq!(breach.ordinal, end);
        assert_eq!(
            breach.got,
            "the provider closed the connection before its head, the client got no response, then FIN in mid-response"
        );
    }

    /// Who comes back to a kept stream, or asks how the relay is, has no use for the provider.
    #[test]
    fn a_connect_that_failed_is_not_laid_to_who_needs_no_provider() {
        let beside = |method: &str, headers: &[(&str, &str)]| {
            let mut story = Story::new();
            story.asks_with(0, "reader", method, headers, "{\"user\":\"reader\"}");
            let (error, to) = (ErrorKind::ConnectionRefused, Name::from("upstream"));
            let fact = SocketFact::ConnectFailed { error, to };
            story.fact(1, "relay", Fact::Socket(Connection(u64::MAX), fact));
            story.replies(2, "reader", 200, STREAM);
            story
        };
        let why = "no request failed before the provider's first content";
        beside("GET", &[]).assert_not_applicable(&RULE, why);
        beside("POST", &[("Last-Event-ID", "s-1")]).assert_not_applicable(&RULE, why);
        assert_eq!(beside("POST", &[]).breach(&RULE).wanted, ["a status of 4xx or 5xx"]);
    }

    #[test]
    fn it_does_not_apply_where_the_provider_succeeds() {
        let why = "no request failed before the provider's first content";
        Story::streaming().assert_not_applicable(&RULE, why);
        let mut left = Story::new();
        left.asks(0, "reader");
        left.forwards(0, "reader");
        left.answers(1, "reader", 429, LIMITED);
        left.leaves(2, "reader", Leave::Fin);
        left.assert_not_applicable(&RULE, why);
    }
}

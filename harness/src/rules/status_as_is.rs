//! The provider's status is the client's status.

use super::{Level, Rule, headers};
use crate::{
    exchange::Run,
    verdict::{Inquiry, Verdict},
};

/// 204 stops an `EventSource`, 304 has no body, 4xx and 5xx decide what an SDK does next: a gateway
/// that answers 200 instead takes that away. Where the relay asks several times, its last answer
/// counts.
pub(super) const RULE: Rule = Rule {
    id: "status-as-is",
    level: Level::Must,
    citation: "RFC 9110 15; RFC 9112 6.3",
    demand: "204, 304, 4xx and 5xx of the provider reach the client as they are",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer, head) in headers::forwarded(run) {
        let Some(status) = answer.status().filter(|status| *status != 200) else { continue };
        inquiry.applies();
        let wanted = format!("status {status}");
        if head.status != status {
            let (client, got) = (&exchange.client, head.status);
            let got = format!("the provider answered {status}, {client} got status {got}");
            let at = (index, exchange, head);
            inquiry.broke(headers::breach(run, at, wanted, got, |other, _| other != status));
        } else if matches!(status, 204 | 304) && !exchange.body.bytes.is_empty() {
            let wanted = format!("{wanted} without a body");
            let got = format!("{} B of body", exchange.body.bytes.len());
            inquiry.broke(headers::breach(run, (index, exchange, head), wanted, got, |_, _| false));
        }
    }
    inquiry.verdict("the provider answered nothing but 200")
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::{JSON, Story},
        verdict::Verdict,
    };

    fn answered(provider: u16, client: u16) -> Story {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", provider, JSON);
        story.replies(2, "reader", client, JSON);
        story
    }

    #[test]
    fn it_holds_where_the_status_passes() {
        for status in [204, 304, 404, 529] {
            assert_eq!(answered(status, status).verdict(&RULE), Verdict::Held);
        }
        let mut body = answered(404, 404);
        body.gets(3, "reader", "{}");
        assert_eq!(body.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_another_status_or_a_body_takes_its_place() {
        let breach = answered(204, 200).breach(&RULE);
        assert_eq!((breach.at.as_millis(), &*breach.host), (2, "relay"));
        assert_eq!(
            (breach.wanted, breach.got),
            (
                vec!["status 204".to_owned()],
                "the provider answered 204, reader got status 200".to_owned()
            )
        );
        let mut body = answered(204, 204);
        body.gets(3, "reader", "null");
        assert_eq!(body.breach(&RULE).got, "4 B of body");
    }

    #[test]
    fn what_became_of_an_attempt_before_the_last_is_not_told() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", 503, JSON);
        story.provider_ends(1, "reader", End::Clean);
        story.forwards(2, "reader");
        story.provider_ends(3, "reader", End::Reset);
        story.replies(4, "reader", 502, JSON);
        story.assert_not_applicable(&RULE, "the provider answered nothing but 200");
    }

    #[test]
    fn it_does_not_apply_to_a_success() {
        answered(200, 500).assert_not_applicable(&RULE, "the provider answered nothing but 200");
    }
}

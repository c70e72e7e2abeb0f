//! What the provider says of its limits reaches the client.

use super::{Level, Rule, headers};
use crate::{
    exchange::Run,
    verdict::{Inquiry, Verdict},
};

/// SDKs time their retries by these, and support asks for the request id.
pub(super) const RULE: Rule = Rule {
    id: "limits-pass",
    level: Level::Profile,
    citation: "RFC 6585 4; RFC 9110 10.2.3",
    demand: "Retry-After, retry-after-ms, x-ratelimit-* and x-request-id reach the client under their own names",
    judge,
};

pub(super) fn is_limit(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "retry-after" | "retry-after-ms" | "x-request-id")
        || name.starts_with("x-ratelimit-")
}

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer, head) in headers::forwarded(run) {
        // A status of the relay's own has limits of its own.
        if answer.status() != Some(head.status) {
            continue;
        }
        for (name, value) in answer.answer_headers.iter().filter(|(name, _)| is_limit(name)) {
            inquiry.applies();
            let got = headers::values(&head.headers, name);
            if !got.contains(&value.as_str()) {
                let at = (index, exchange, head);
                let (wanted, got) =
                    (format!("{name}: {value}"), format!("{name}: {}", headers::shown(&got)));
                let shows = |_, all: &[_]| !headers::values(all, name).contains(&value.as_str());
                inquiry.broke(headers::breach(run, at, wanted, got, shows));
            }
        }
    }
    inquiry.verdict("the provider told no limits")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, verdict::Verdict};

    fn told(client: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        let limits = [("x-request-id", "r1"), ("X-RateLimit-Reset-Tokens", "6m0s"), ("via", "x")];
        story.answers(1, "reader", 200, &limits);
        story.replies(2, "reader", 200, client);
        story
    }

    #[test]
    fn it_holds_where_they_pass_whatever_their_case() {
        let same = [("X-Request-Id", "r1"), ("x-ratelimit-reset-tokens", "6m0s")];
        assert_eq!(told(&same).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_one_is_missing_or_changed() {
        let breach = told(&[("x-request-id", "r1")]).breach(&RULE);
        assert_eq!(breach.wanted, ["X-RateLimit-Reset-Tokens: 6m0s"]);
        assert_eq!(breach.got, "X-RateLimit-Reset-Tokens: absent");
        let changed = told(&[("x-request-id", "mine"), ("x-ratelimit-reset-tokens", "6m0s")]);
        assert_eq!(changed.breach(&RULE).got, "x-request-id: mine");
    }

    #[test]
    fn it_does_not_apply_where_the_provider_tells_none_or_the_relay_answers_itself() {
        Story::streaming().assert_not_applicable(&RULE, "the provider told no limits");
        let mut own = Story::new();
        own.asks(0, "reader");
        own.forwards(0, "reader");
        own.answers(1, "reader", 200, &[("x-request-id", "r1")]);
        own.replies(2, "reader", 504, &[]);
        own.assert_not_applicable(&RULE, "the provider told no limits");
    }

    #[test]
    fn an_answer_that_came_after_the_head_has_no_say_in_it() {
        let mut story = told(&[("x-request-id", "r1"), ("x-ratelimit-reset-tokens", "6m0s")]);
        story.forwards(3, "reader");
        story.answers(4, "reader", 200, &[("x-request-id", "r2")]);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }
}

//! A wish to have the answer piece by piece is honoured and handed on.

use super::{Level, Rule, headers};
use crate::{
    exchange::Run,
    verdict::{Breach, Inquiry, Verdict},
};

/// RFC 10036 3: an intermediary that gets `Incremental: ?1` forwards as data arrives, or answers with
/// an error. That it forwards at once is what `prompt-frames` judges; here, that the next hop hears
/// of the wish, and the client of the provider's answer to it.
pub(super) const RULE: Rule = Rule {
    id: "incremental",
    level: Level::Should,
    citation: "RFC 10036 3",
    demand: "Incremental: ?1 is handed on in both directions, or refused with an error",
    judge,
};

const NAME: &str = "incremental";

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for answer in &run.answers {
        let Some(exchange) = answer.exchange.map(|index| &run.exchanges[index]) else { continue };
        let wish = headers::values(&exchange.headers, NAME);
        if wish.is_empty() {
            continue;
        }
        inquiry.applies();
        let got = headers::values(&answer.headers, NAME);
        if got != wish {
            let wanted = format!("{NAME}: {} at the provider", wish.join(", "));
            let got = format!("{NAME}: {}", headers::shown(&got));
            let breach = Breach::new(answer.received, &run.relay, wanted, got);
            inquiry.broke(breach.or("an error of the relay").concerning(&exchange.client));
        }
    }
    for (index, exchange, answer, head) in headers::forwarded(run) {
        let sent = headers::values(&answer.answer_headers, NAME);
        if sent.is_empty() || answer.status() != Some(head.status) {
            continue;
        }
        inquiry.applies();
        let got = headers::values(&head.headers, NAME);
        if got != sent {
            let wanted = format!("{NAME}: {}", sent.join(", "));
            let got = format!("{NAME}: {}", headers::shown(&got));
            let shows = |_, all: &[(String, String)]| headers::values(all, NAME) != sent;
            inquiry.broke(headers::breach(run, (index, exchange, head), wanted, got, shows));
        }
    }
    inquiry.verdict("nobody wished for an answer piece by piece")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{STREAM, Story},
        verdict::Verdict,
    };

    const WISH: &[(&str, &str)] = &[("Incremental", "?1")];

    fn wished(
        sent_on: &[(&str, &str)],
        provider: &[(&str, &str)],
        client: &[(&str, &str)],
    ) -> Story {
        let mut story = Story::new();
        story.asks_with(0, "reader", "POST", WISH, "{\"user\":\"reader\"}");
        story.forwards_with(1, "reader", "POST", sent_on);
        story.answers(2, "reader", 200, provider);
        story.replies(3, "reader", 200, client);
        story
    }

    #[test]
    fn it_holds_where_the_wish_is_handed_on() {
        assert_eq!(wished(WISH, STREAM, STREAM).verdict(&RULE), Verdict::Held);
        assert_eq!(wished(WISH, WISH, WISH).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_it_is_kept_back() {
        let up = wished(&[], STREAM, STREAM).breach(&RULE);
        assert_eq!((up.at.as_millis(), up.got.as_str()), (1, "incremental: absent"));
        assert_eq!(up.wanted, ["incremental: ?1 at the provider", "an error of the relay"]);
        let down = wished(WISH, WISH, &[]).breach(&RULE);
        assert_eq!((down.at.as_millis(), down.wanted), (3, vec!["incremental: ?1".to_owned()]));
    }

    #[test]
    fn it_does_not_apply_where_nobody_wishes_or_the_relay_refuses() {
        let why = "nobody wished for an answer piece by piece";
        Story::streaming().assert_not_applicable(&RULE, why);
        let mut refused = Story::new();
        refused.asks_with(0, "reader", "POST", WISH, "{\"user\":\"reader\"}");
        refused.replies(1, "reader", 501, &[]);
        refused.assert_not_applicable(&RULE, why);
    }
}

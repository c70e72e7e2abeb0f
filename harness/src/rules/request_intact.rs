//! The provider is asked what the client asked.

use super::{Level, Rule, quote::quote};
use crate::{
    exchange::{Run, header},
    verdict::{Breach, Inquiry, Verdict},
};

/// A body that is read and written anew loses what its type does not know: keys, the form of
/// numbers, the order that a cached prompt hangs on. Where the relay has a key of its own
/// (`provider_key`), the client's stays with the relay.
pub(super) const RULE: Rule = Rule {
    id: "request-intact",
    level: Level::Profile,
    citation: "RFC 9110 7.6",
    demand: "the request's body arrives byte for byte, and the client's key goes no further where the relay has its own",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for answer in &run.answers {
        let Some(exchange) = answer.exchange.map(|index| &run.exchanges[index]) else { continue };
        inquiry.applies();
        let mut broke = |wanted: String, got: String| {
            let breach = Breach::new(answer.received, &run.relay, wanted, got);
            inquiry.broke(breach.concerning(&exchange.client));
        };
        if answer.asks != exchange.asks {
            let same = answer.asks.iter().zip(&exchange.asks).take_while(|(a, b)| a == b).count();
            let asked = quote(&exchange.asks[same..]);
            let came = quote(&answer.asks[same..]);
            let wanted = format!(
                "the body of {} as it was sent: from byte {same} on {asked}",
                exchange.client
            );
            broke(wanted, format!("{came} at the provider"));
        }
        let key = header(&exchange.headers, "authorization");
        let leaked = key.is_some() && header(&answer.headers, "authorization") == key;
        if leaked && run.switch("provider_key").is_some_and(|own| own != "off") {
            let wanted = "the relay's own key at the provider".to_owned();
            broke(wanted, format!("that of {}", exchange.client));
        }
    }
    inquiry.verdict("the provider was asked nothing for a client")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, verdict::Verdict};

    const KEY: &[(&str, &str)] = &[("authorization", "Bearer sk-client")];

    /// The relay sends on what a story's relay always sends.
    fn asked(body: &str, sent_on: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.asks_with(0, "reader", "POST", KEY, body);
        story.forwards_with(1, "reader", "POST", sent_on);
        story
    }

    const SAME: &str = "{\"user\":\"reader\",\"stream\":true}";

    #[test]
    fn it_holds_where_the_same_bytes_arrive() {
        assert_eq!(asked(SAME, KEY).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_the_first_byte_that_differs() {
        let breach = asked("{\"user\":\"reader\", \"stream\":true}", KEY).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 1);
        assert_eq!(
            breach.wanted,
            ["the body of reader as it was sent: from byte 17 on ` \"stream\":true}`"]
        );
        assert_eq!(breach.got, "`\"stream\":true}` at the provider");
    }

    #[test]
    fn it_breaks_where_the_clients_key_goes_on_beside_the_relays_own() {
        let with_own = |sent_on| {
            let mut story = asked(SAME, sent_on);
            story.plan.switches.insert("provider_key".to_owned(), "sk-own".to_owned());
            story
        };
        assert_eq!(with_own(KEY).breach(&RULE).got, "that of reader");
        assert_eq!(with_own(&[("authorization", "Bearer sk-own")]).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_where_the_relay_answers_itself() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.assert_not_applicable(&RULE, "the provider was asked nothing for a client");
    }
}

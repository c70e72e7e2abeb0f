//! What a client says of the last event that it saw reaches the provider.

use super::{Level, Rule};
use crate::{
    exchange::{Run, header},
    verdict::{Breach, Inquiry, Verdict},
};

/// A browser sends the id back as it got it, encoded as UTF-8 (HTML 9.2.3, reestablish the
/// connection): any characters but NUL, CR and LF, of any length. Where the relay resumes by itself
/// the id is its own.
pub(super) const RULE: Rule = Rule {
    id: "last-event-id-passes",
    level: Level::Profile,
    citation: "HTML 9.2.3; HTML 9.2.4",
    demand: "Last-Event-ID reaches the provider as the client sent it, whatever its characters and length",
    judge,
};

const FIELD: &str = "last-event-id";

/// A refusal by which nothing is said of this field: of the caller, the route, or the time.
const ANOTHER_REASON: [u16; 5] = [401, 403, 404, 405, 429];

fn judge(run: &Run<'_>) -> Verdict {
    if run.switch("resume") == Some("on") {
        return Verdict::NotApplicable { why: "the relay resumes streams by itself".to_owned() };
    }
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let Some(said) = header(&exchange.headers, FIELD) else { continue };
        inquiry.applies();
        let wanted = format!("{FIELD}: {said} at the provider");
        let broke = |moment, got: String| {
            let breach = Breach::new(moment, &run.relay, wanted.clone(), got);
            breach.concerning(&exchange.client)
        };
        for answer in run.answers_to(index) {
            let came = header(&answer.headers, FIELD);
            if came != Some(said) {
                let got = came.map_or_else(|| "none".to_owned(), |came| format!("{FIELD}: {came}"));
                inquiry.broke(broke(answer.received, got));
            }
        }
        if let (None, Some(head)) = (run.answers_to(index).next(), &exchange.head)
            && (400..500).contains(&head.status)
            && !ANOTHER_REASON.contains(&head.status)
        {
            inquiry.broke(broke(
                head.moment,
                format!("{} was refused: {}", exchange.client, head.status),
            ));
        }
    }
    inquiry.verdict("no client sent a Last-Event-ID")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        verdict::Verdict,
    };

    /// The client says one id, and another comes to the provider.
    fn says(said: &str, comes: Option<&str>) -> Story {
        let mut story = Story::new();
        let body = "{\"user\":\"reader\",\"stream\":true}";
        story.asks_with(0, "reader", "POST", &[("last-event-id", said)], body);
        let comes: Vec<_> = comes.map(|comes| ("Last-Event-ID", comes)).into_iter().collect();
        story.forwards_with(1, "reader", "POST", &comes);
        story.answers(1, "reader", 200, STREAM);
        story.replies(1, "reader", 200, STREAM);
        story
    }

    #[test]
    fn it_holds_where_the_id_comes_as_it_was_sent() {
        let long = "x".repeat(300);
        for id in ["7", "größe 日本", long.as_str(), ""] {
            assert_eq!(says(id, Some(id)).verdict(&RULE), Verdict::Held, "{id}");
        }
    }

    #[test]
    fn it_breaks_where_the_id_is_lost_or_changed() {
        let breach = says("größe", None).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 1);
        assert_eq!(breach.wanted, ["last-event-id: größe at the provider"]);
        assert_eq!(breach.got, "none");
        let short = says(&"x".repeat(256), Some(&"x".repeat(255))).breach(&RULE);
        assert_eq!(short.got, format!("last-event-id: {}", "x".repeat(255)));
    }

    #[test]
    fn it_breaks_where_the_relay_refuses_the_id() {
        let mut story = Story::new();
        story.asks_with(0, "reader", "POST", &[("last-event-id", "größe")], "{}");
        story.replies(3, "reader", 400, JSON);
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_millis(), breach.got.as_str()), (3, "reader was refused: 400"));
    }

    #[test]
    fn who_is_refused_for_another_reason_is_not_refused_for_the_id() {
        for status in [401, 403, 404, 405, 429] {
            let mut story = Story::new();
            story.asks_with(0, "reader", "POST", &[("last-event-id", "7")], "{}");
            story.replies(3, "reader", status, JSON);
            assert_eq!(story.verdict(&RULE), Verdict::Held, "{status}");
        }
    }

    #[test]
    fn it_does_not_apply_to_a_relay_that_resumes_or_without_an_id() {
        Story::streaming().assert_not_applicable(&RULE, "no client sent a Last-Event-ID");
        let mut resumes = says("7", None);
        resumes.plan.switches.insert("resume".to_owned(), "on".to_owned());
        resumes.assert_not_applicable(&RULE, "the relay resumes streams by itself");
    }
}

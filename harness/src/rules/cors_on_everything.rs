//! A page may read every response, errors too.

use super::{
    Level, Rule,
    origin::{self, Origin},
};
use crate::{
    exchange::Run,
    verdict::{Breach, Inquiry, Verdict},
};

/// Without the header a browser keeps the response from the page, and a 429 looks like a network
/// failure (Fetch, "CORS check").
pub(super) const RULE: Rule = Rule {
    id: "cors-on-everything",
    level: Level::Must,
    citation: "Fetch, CORS check",
    demand: "every response to an allowed origin carries Access-Control-Allow-Origin, errors too",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in origin::of_browsers(run).filter(|(_, e)| !e.is_preflight()) {
        let (Origin::Allowed(origin), Some(head)) = (origin::of(run, exchange), &exchange.head)
        else {
            continue;
        };
        inquiry.applies();
        if !origin::is_granted(exchange, origin) {
            let value = exchange.header("access-control-allow-origin").unwrap_or("absent");
            let got = format!("status {} with Access-Control-Allow-Origin: {value}", head.status);
            let wanted = format!("Access-Control-Allow-Origin: {origin}");
            let host = run.head_by(index, &["access-control-allow-origin"]);
            let breach = Breach::new(head.moment, &host, wanted, got);
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict("no page of an origin that the relay was told to allow got a response")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, scenario::Kind, trace::BodyEnd, verdict::Verdict};

    fn page(origin: &str, headers: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.client("page", Kind::Browser);
        story.plan.switches.insert("origins".to_owned(), "https://app.example".to_owned());
        story.asks_with(0, "page", "POST", &[("Origin", origin)], "{\"user\":\"page\"}");
        story.replies(1, "page", 429, headers);
        story.closes(1, "page", BodyEnd::Complete);
        story
    }

    #[test]
    fn it_holds_where_an_error_names_the_origin() {
        let named = [("Access-Control-Allow-Origin", "https://app.example")];
        assert_eq!(page("https://app.example", &named).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_an_error_does_not() {
        let breach = page("https://app.example", &[]).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 1);
        assert_eq!(breach.wanted, ["Access-Control-Allow-Origin: https://app.example"]);
        assert_eq!(breach.got, "status 429 with Access-Control-Allow-Origin: absent");
    }

    #[test]
    fn a_box_that_answers_by_itself_is_named() {
        let mut story = Story::new().behind("edge");
        story.client("page", Kind::Browser);
        story.plan.switches.insert("origins".to_owned(), "https://app.example".to_owned());
        let origin = [("Origin", "https://app.example")];
        story.asks_with(0, "page", "POST", &origin, "{\"user\":\"page\"}");
        story.box_replies(1, "page", 503, &[]);
        assert_eq!(&*story.breach(&RULE).host, "edge");
    }

    #[test]
    fn it_does_not_apply_to_a_foreign_page_or_to_no_page() {
        let why = "no page of an origin that the relay was told to allow got a response";
        page("https://evil.example", &[]).assert_not_applicable(&RULE, why);
        Story::streaming().assert_not_applicable(&RULE, why);
    }
}

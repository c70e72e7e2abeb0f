//! A preflight is answered by the relay itself, without a key, and names what a page must send.

use super::{
    Level, Rule,
    origin::{self, Origin},
};
use crate::{
    exchange::{Exchange, Head, Run, header},
    verdict::{Breach, Inquiry, Verdict},
};

/// A browser asks before it sends `authorization` or JSON across origins, and it asks without
/// credentials. `*` never covers `authorization` (Fetch, "CORS protocol"), and nothing for a page that
/// sends credentials. A foreign origin is not
/// granted anything, whatever the status.
pub(super) const RULE: Rule = Rule {
    id: "preflight-without-auth",
    level: Level::Must,
    citation: "Fetch, CORS-preflight fetch",
    demand: "a preflight is answered 2xx without a key, not by the provider, and names the headers that were asked for",
    judge,
};

/// What of an answer this rule reads.
const ANSWERED: [&str; 2] = ["access-control-allow-origin", "access-control-allow-headers"];

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in origin::of_browsers(run).filter(|(_, e)| e.is_preflight()) {
        inquiry.applies();
        if let Some(answer) = run.answers_to(index).next() {
            let wanted = "the relay answers the preflight itself";
            let got = format!("{} {} at the provider", answer.method, answer.target);
            let breach = Breach::new(answer.received, &run.relay, wanted, got);
            inquiry.broke(breach.concerning(&exchange.client));
        }
        if let Some(breach) = judge_one(run, index, exchange) {
            inquiry.broke(breach);
        }
    }
    inquiry.verdict("no browser sent a preflight")
}

fn judge_one(run: &Run<'_>, index: usize, exchange: &Exchange) -> Option<Breach> {
    let breach = |moment, wanted: String, got: String| {
        let host = run.head_by(index, &ANSWERED);
        Some(Breach::new(moment, &host, wanted, got).concerning(&exchange.client))
    };
    let Some(head) = &exchange.head else {
        exchange.ended?;
        return breach(exchange.last_seen(), "an answer of 2xx".to_owned(), exchange.ending());
    };
    let status = format!("status {}", head.status);
    let origin = match origin::of(run, exchange) {
        Origin::Allowed(origin) => origin,
        Origin::Foreign(origin) if origin::is_granted(exchange, origin) => {
            let wanted = format!("no Access-Control-Allow-Origin for {origin}");
            return breach(head.moment, wanted, granted(exchange));
        }
        Origin::Unknown if matches!(head.status, 401 | 403) => {
            return breach(head.moment, "an answer that needs no key".to_owned(), status);
        }
        Origin::Foreign(_) | Origin::Unknown => return None,
    };
    if !(200..300).contains(&head.status) {
        return breach(head.moment, "an answer of 2xx".to_owned(), status);
    }
    if !origin::is_granted(exchange, origin) {
        let wanted = format!("Access-Control-Allow-Origin: {origin}");
        return breach(head.moment, wanted, granted(exchange));
    }
    let missing = missing(run, exchange, head)?;
    let named = exchange.header("access-control-allow-headers").unwrap_or("nothing");
    let wanted = format!("Access-Control-Allow-Headers with {missing}");
    breach(head.moment, wanted, format!("Access-Control-Allow-Headers: {named}"))
}

fn granted(exchange: &Exchange) -> String {
    let granted = exchange.header("access-control-allow-origin");
    format!("Access-Control-Allow-Origin: {}", granted.unwrap_or("absent"))
}

/// The first header that the page asked for and the answer does not name.
fn missing(run: &Run<'_>, exchange: &Exchange, head: &Head) -> Option<String> {
    let asked = header(&exchange.headers, "access-control-request-headers")?;
    let names = |list: &str| -> Vec<String> {
        let names = list.split(',').map(|name| name.trim().to_ascii_lowercase());
        names.filter(|name| !name.is_empty()).collect()
    };
    let allowed: Vec<String> = head
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("access-control-allow-headers"))
        .flat_map(|(_, list)| names(list))
        .collect();
    let star = !origin::sends_credentials(run, exchange) && allowed.iter().any(|one| one == "*");
    let covers = |name: &String| allowed.contains(name) || (star && name != "authorization");
    names(asked).into_iter().find(|name| !covers(name))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, scenario::Kind, trace::BodyEnd, verdict::Verdict};

    const PAGE: &str = "https://app.example";

    /// A page's preflight from an origin, and its answer.
    fn preflight(origin: &str, status: u16, headers: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.client("page", Kind::Browser);
        let allowed = "https://other.example, https://app.example".to_owned();
        story.plan.switches.insert("origins".to_owned(), allowed);
        let asked =
            [("origin", origin), ("access-control-request-headers", "authorization,content-type")];
        story.asks_with(0, "page", "OPTIONS", &asked, "");
        story.replies(1, "page", status, headers);
        story.closes(1, "page", BodyEnd::Complete);
        story
    }

    fn allow<'a>(origin: &'a str, names: &'a str) -> [(&'static str, &'a str); 2] {
        [("access-control-allow-origin", origin), ("Access-Control-Allow-Headers", names)]
    }

    #[test]
    fn it_holds_where_the_preflight_is_granted_and_a_foreign_one_is_not() {
        let headers = allow(PAGE, "Content-Type, Authorization, x-more");
        assert_eq!(preflight(PAGE, 204, &headers).verdict(&RULE), Verdict::Held);
        assert_eq!(preflight("https://evil.example", 403, &[]).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_answer_does_not_grant_what_the_page_needs() {
        for (status, headers, wanted, got) in [
            (401, allow(PAGE, "*"), "an answer of 2xx", "status 401"),
            (
                200,
                allow("https://other.example", "*"),
                "Access-Control-Allow-Origin: https://app.example",
                "Access-Control-Allow-Origin: https://other.example",
            ),
            (
                200,
                allow("*", "*"),
                "Access-Control-Allow-Headers with authorization",
                "Access-Control-Allow-Headers: *",
            ),
            (
                200,
                allow(PAGE, "authorization"),
                "Access-Control-Allow-Headers with content-type",
                "Access-Control-Allow-Headers: authorization",
            ),
        ] {
            let breach = preflight(PAGE, status, &headers).breach(&RULE);
            assert_eq!(breach.at.as_millis(), 1);
            assert_eq!(&**breach.client.as_ref().unwrap(), "page");
            assert_eq!((breach.wanted, breach.got), (vec![wanted.to_owned()], got.to_owned()));
        }
    }

    #[test]
    fn a_star_names_nothing_for_a_page_that_sends_credentials() {
        let with = |credentials| {
            let mut story = preflight(PAGE, 204, &allow(PAGE, "authorization, *"));
            story.plan.clients.iter_mut().for_each(|client| client.credentials = credentials);
            story
        };
        assert_eq!(with(false).verdict(&RULE), Verdict::Held);
        let wanted = "Access-Control-Allow-Headers with content-type";
        assert_eq!(with(true).breach(&RULE).wanted, [wanted]);
    }

    #[test]
    fn it_breaks_where_a_foreign_page_is_let_in() {
        let breach = preflight("https://evil.example", 204, &allow("*", "*")).breach(&RULE);
        assert_eq!(breach.wanted, ["no Access-Control-Allow-Origin for https://evil.example"]);
        assert_eq!(breach.got, "Access-Control-Allow-Origin: *");
    }

    #[test]
    fn it_breaks_where_the_provider_sees_the_preflight() {
        let mut story = Story::new();
        story.client("page", Kind::Browser);
        story.asks_with(0, "page", "OPTIONS", &[("origin", PAGE)], "{\"user\":\"page\"}");
        story.forwards_with(3, "page", "OPTIONS", &[]);
        let breach = story.breach(&RULE);
        assert_eq!(breach.at.as_millis(), 3);
        assert_eq!(breach.got, "OPTIONS / at the provider");
    }

    #[test]
    fn without_the_switch_only_a_demand_for_a_key_breaks_it() {
        let mut story = preflight(PAGE, 403, &[]);
        story.plan.switches.clear();
        assert_eq!(story.breach(&RULE).wanted, ["an answer that needs no key"]);
        let mut story = preflight(PAGE, 204, &[]);
        story.plan.switches.clear();
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_where_no_browser_asks() {
        Story::streaming().assert_not_applicable(&RULE, "no browser sent a preflight");
    }
}

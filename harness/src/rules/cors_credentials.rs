//! With credentials a relay names the one origin that it means.

use super::{Level, Rule, headers, origin};
use crate::{
    exchange::{Exchange, Run, header},
    verdict::{Breach, Inquiry, Verdict},
};

/// A browser refuses `*` beside credentials, and two values always. Where the answer depends on who
/// asks, caches have to know it. A relay that allows one origin, and says so to everybody, need not vary.
pub(super) const RULE: Rule = Rule {
    id: "cors-credentials",
    level: Level::Must,
    citation: "Fetch, CORS protocol and credentials; Fetch, CORS protocol and HTTP caches",
    demand: "with credentials the origin is echoed and never `*`; Vary: Origin where the answer depends on it; never two values",
    judge,
};

const ALLOW: &str = "access-control-allow-origin";

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    let depends = !allows_one(run);
    for (_, exchange) in origin::of_browsers(run) {
        let Some(head) = &exchange.head else { continue };
        let allowed = headers::values(&head.headers, ALLOW);
        let Some(first) = allowed.first() else { continue };
        inquiry.applies();
        let credentials = headers::values(&head.headers, "access-control-allow-credentials");
        let with_credentials = credentials.contains(&"true");
        let varies = headers::values(&head.headers, "vary")
            .iter()
            .flat_map(|list| list.split(','))
            .any(|name| matches!(name.trim().to_ascii_lowercase().as_str(), "origin" | "*"));
        let shown = || format!("{ALLOW}: {}", headers::shown(&allowed));
        let wrong = if allowed.len() > 1 || first.contains(',') {
            Some(("one value of Access-Control-Allow-Origin", shown()))
        } else if *first == "*" && with_credentials {
            Some(("the page's origin, and not `*`, beside credentials", shown()))
        } else if depends && *first != "*" && !varies {
            let vary = headers::values(&head.headers, "vary");
            Some(("vary: Origin", format!("{} and vary: {}", shown(), headers::shown(&vary))))
        } else {
            None
        };
        if let Some((wanted, got)) = wrong {
            let breach = Breach::new(head.moment, &run.relay, wanted, got);
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict("no page was told that it may read a response")
}

/// Whether the relay was told to allow one origin, and names it to that page and to others.
fn allows_one(run: &Run<'_>) -> bool {
    let one = run.switch("origins").map(str::trim).filter(|all| !all.contains([',', ' ', '*']));
    let Some(one) = one else { return false };
    let answered = || origin::of_browsers(run).filter(|(_, exchange)| exchange.head.is_some());
    let is_named = |exchange: &Exchange| {
        let head = exchange.head.as_ref();
        head.is_some_and(|head| headers::values(&head.headers, ALLOW) == [one])
    };
    let is_other = |exchange: &Exchange| header(&exchange.headers, "origin") != Some(one);
    answered().all(|(_, exchange)| is_named(exchange))
        && answered().any(|(_, exchange)| is_other(exchange))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, scenario::Kind, verdict::Verdict};

    const PAGE: &str = "https://app.example";
    const CREDENTIALS: (&str, &str) = ("Access-Control-Allow-Credentials", "true");
    const VARY: (&str, &str) = ("Vary", "Accept-Encoding, origin");

    fn allowed(headers: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.client("page", Kind::Browser);
        story.asks_with(0, "page", "POST", &[("Origin", PAGE)], "{\"user\":\"page\"}");
        story.replies(1, "page", 200, headers);
        story
    }

    #[test]
    fn it_holds_where_the_origin_is_echoed_or_anybody_may_read_without_credentials() {
        assert_eq!(
            allowed(&[(super::ALLOW, PAGE), CREDENTIALS, VARY]).verdict(&RULE),
            Verdict::Held
        );
        assert_eq!(allowed(&[(super::ALLOW, "*")]).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_a_star_beside_credentials_two_values_and_a_silent_dependence() {
        let echo = (super::ALLOW, PAGE);
        let cases: [(&[(&str, &str)], &str); 4] = [
            (
                &[(super::ALLOW, "*"), CREDENTIALS],
                "the page's origin, and not `*`, beside credentials",
            ),
            (&[echo, (super::ALLOW, "*"), VARY], "one value of Access-Control-Allow-Origin"),
            (
                &[(super::ALLOW, "https://app.example, *"), VARY],
                "one value of Access-Control-Allow-Origin",
            ),
            (&[echo, CREDENTIALS], "vary: Origin"),
        ];
        for (headers, wanted) in cases {
            let breach = allowed(headers).breach(&RULE);
            assert_eq!((breach.at.as_millis(), breach.wanted), (1, vec![wanted.to_owned()]));
        }
    }

    #[test]
    fn an_answer_that_is_the_same_for_everybody_need_not_vary() {
        let story = |others: &[(&str, &str)]| {
            let mut story = allowed(&[(super::ALLOW, PAGE), CREDENTIALS]);
            story.plan.switches.insert("origins".to_owned(), PAGE.to_owned());
            story.client("other", Kind::Browser);
            let origin = [("Origin", "https://other.example")];
            story.asks_with(2, "other", "POST", &origin, "{\"user\":\"other\"}");
            story.replies(3, "other", 403, others);
            story
        };
        assert_eq!(story(&[(super::ALLOW, PAGE)]).verdict(&RULE), Verdict::Held);
        assert_eq!(story(&[]).breach(&RULE).wanted, ["vary: Origin"]);
    }

    #[test]
    fn it_does_not_apply_where_no_page_may_read() {
        allowed(&[]).assert_not_applicable(&RULE, "no page was told that it may read a response");
    }
}

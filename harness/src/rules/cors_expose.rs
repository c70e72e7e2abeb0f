//! A page's script may read what a client needs to know.

use super::{Level, Rule, headers, limits_pass::is_limit, origin};
use crate::{
    exchange::Run,
    verdict::{Breach, Inquiry, Verdict},
};

/// Without `Access-Control-Expose-Headers` a script sees the safelisted headers alone, and a retry
/// has nothing to go by. `*` exposes nothing beside credentials (Fetch, CORS-exposed header names).
pub(super) const RULE: Rule = Rule {
    id: "cors-expose",
    level: Level::Profile,
    citation: "Fetch, CORS protocol: Access-Control-Expose-Headers",
    demand: "Retry-After, retry-after-ms, x-request-id and x-ratelimit-* of a response are exposed to the page that may read it",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in origin::of_browsers(run).filter(|(_, e)| !e.is_preflight()) {
        let Some(head) = &exchange.head else { continue };
        let may_read = !headers::values(&head.headers, "access-control-allow-origin").is_empty();
        let limits = head.headers.iter().filter(|(name, _)| is_limit(name));
        let credentials = headers::values(&head.headers, "access-control-allow-credentials");
        let exposed: Vec<String> = headers::values(&head.headers, "access-control-expose-headers")
            .iter()
            .flat_map(|list| list.split(','))
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        let all = credentials.is_empty() && exposed.iter().any(|name| name == "*");
        for (name, _) in limits.filter(|_| may_read) {
            inquiry.applies();
            if !all && !exposed.contains(&name.to_ascii_lowercase()) {
                let wanted = format!("Access-Control-Expose-Headers with {name}");
                let got = if exposed.is_empty() { "none".to_owned() } else { exposed.join(", ") };
                let host = run.head_by(index, &["access-control-expose-headers"]);
                let breach = Breach::new(head.moment, &host, wanted, got);
                inquiry.broke(breach.concerning(&exchange.client));
            }
        }
    }
    inquiry.verdict("no page may read a response that tells limits")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, scenario::Kind, verdict::Verdict};

    const MAY: (&str, &str) = ("access-control-allow-origin", "https://app.example");
    const TELLS: (&str, &str) = ("Retry-After", "2");

    fn page(headers: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.client("page", Kind::Browser);
        story.asks_with(0, "page", "POST", &[("origin", MAY.1)], "{\"user\":\"page\"}");
        story.replies(1, "page", 429, headers);
        story
    }

    #[test]
    fn it_holds_where_each_is_named_or_all_are() {
        let named = ("Access-Control-Expose-Headers", "x-request-id, retry-after");
        assert_eq!(page(&[MAY, TELLS, named]).verdict(&RULE), Verdict::Held);
        let all = ("Access-Control-Expose-Headers", "*");
        assert_eq!(page(&[MAY, TELLS, all]).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_one_is_not() {
        let breach = page(&[MAY, TELLS]).breach(&RULE);
        assert_eq!(breach.wanted, ["Access-Control-Expose-Headers with Retry-After"]);
        assert_eq!(breach.got, "none");
        let all = ("access-control-expose-headers", "*");
        let credentials = ("access-control-allow-credentials", "true");
        assert_eq!(page(&[MAY, TELLS, all, credentials]).breach(&RULE).got, "*");
    }

    #[test]
    fn it_does_not_apply_where_nothing_is_told_or_nobody_may_read() {
        let why = "no page may read a response that tells limits";
        page(&[MAY]).assert_not_applicable(&RULE, why);
        page(&[TELLS]).assert_not_applicable(&RULE, why);
    }
}

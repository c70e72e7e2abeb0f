//! A method that a path does not have is refused by name, and HEAD brings a head alone.

use super::{Level, Rule};
use crate::{
    exchange::{Exchange, Run},
    verdict::{Breach, Inquiry, Verdict},
};

/// The two paths on which answers stream are for POST. A provider that was asked all the same may
/// answer as it likes; a relay's own answer is 405 and says what is allowed (RFC 9110 15.5.6).
pub(super) const RULE: Rule = Rule {
    id: "head-and-options",
    level: Level::Must,
    citation: "RFC 9110 9.3.2, 15.5.6",
    demand: "HEAD is answered without a body and hangs nobody, and a wrong method gets 405 with Allow",
    judge,
};

const FOR_POST: [&str; 2] = ["/v1/chat/completions", "/v1/responses"];

/// Who may not ask at all, or not now, need not be told what could be asked.
const BEFORE_ROUTES: [u16; 4] = [401, 403, 429, 503];

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let path = exchange.target.split('?').next().unwrap_or_default();
        let is_head = exchange.method == "HEAD";
        let is_wrong = exchange.method != "POST"
            && !exchange.is_preflight()
            && FOR_POST.contains(&path)
            && !exchange.status().is_some_and(|status| BEFORE_ROUTES.contains(&status))
            && run.answers_to(index).next().is_none();
        if !is_head && !is_wrong {
            continue;
        }
        inquiry.applies();
        let wrong = if is_head { head(exchange) } else { None };
        if let Some((wanted, got)) = wrong.or_else(|| is_wrong.then(|| method(exchange)).flatten())
        {
            let breach = Breach::new(exchange.answered_at(), &run.relay, wanted, got);
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict("every method was one that its path has")
}

/// What is wanted, and what was got.
type Wrong = Option<(String, String)>;

fn head(exchange: &Exchange) -> Wrong {
    let bytes = exchange.body.bytes.len();
    let wanted = "an answer to HEAD that ends with its head".to_owned();
    (exchange.ended.is_none() || bytes > 0).then(|| (wanted, exchange.ending()))
}

fn method(exchange: &Exchange) -> Wrong {
    let status = exchange.status();
    let allow = exchange.header("allow");
    // OPTIONS may be answered with what is allowed (RFC 9110 9.3.7).
    let options = exchange.method == "OPTIONS" && matches!(status, Some(200..300));
    if allow.is_some() && (status == Some(405) || options) {
        return None;
    }
    let wanted = format!("405 with Allow for {} {}", exchange.method, exchange.target);
    let status = status.map_or_else(|| "no answer".to_owned(), |status| format!("status {status}"));
    Some((wanted, format!("{status} with allow: {}", allow.unwrap_or("absent"))))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{JSON, Story},
        trace::BodyEnd,
        verdict::Verdict,
    };

    fn asked(method: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Story {
        let mut story = Story::new();
        story.asks_with(0, "reader", method, &[], "");
        story.replies(1, "reader", status, headers);
        if !body.is_empty() {
            story.gets(1, "reader", body);
        }
        story.closes(2, "reader", BodyEnd::Complete);
        story
    }

    const ALLOW: &[(&str, &str)] = &[("Allow", "POST")];

    #[test]
    fn it_holds_where_a_wrong_method_is_refused_by_name() {
        assert_eq!(asked("DELETE", 405, ALLOW, "{}").verdict(&RULE), Verdict::Held);
        assert_eq!(asked("HEAD", 405, ALLOW, "").verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_another_status_or_without_allow() {
        let breach = asked("GET", 404, JSON, "{}").breach(&RULE);
        assert_eq!(breach.at.as_millis(), 1);
        assert_eq!(breach.wanted, ["405 with Allow for GET /v1/chat/completions"]);
        assert_eq!(breach.got, "status 404 with allow: absent");
        assert_eq!(asked("GET", 405, &[], "").breach(&RULE).got, "status 405 with allow: absent");
    }

    #[test]
    fn who_may_not_ask_at_all_is_not_told_what_could_be_asked() {
        for status in [401, 403, 429, 503] {
            let why = "every method was one that its path has";
            asked("GET", status, JSON, "{}").assert_not_applicable(&RULE, why);
        }
    }

    #[test]
    fn it_breaks_where_head_has_a_body_or_no_end() {
        let wanted = ["an answer to HEAD that ends with its head"];
        assert_eq!(asked("HEAD", 405, ALLOW, "{}").breach(&RULE).wanted, wanted);
        let mut hangs = Story::new();
        hangs.asks_with(0, "reader", "HEAD", &[], "");
        hangs.replies(1, "reader", 405, ALLOW);
        assert_eq!(hangs.breach(&RULE).wanted, wanted);
    }

    #[test]
    fn a_provider_that_was_asked_answers_as_it_likes() {
        let mut story = Story::new();
        story.asks_with(0, "reader", "GET", &[], "{\"user\":\"reader\"}");
        story.forwards_with(0, "reader", "GET", &[]);
        story.answers(1, "reader", 404, JSON);
        story.replies(1, "reader", 404, JSON);
        story.assert_not_applicable(&RULE, "every method was one that its path has");
    }
}

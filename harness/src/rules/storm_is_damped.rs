//! A relay does not make a storm of 429 and 503 worse.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, limits::Limit};
use crate::{
    exchange::{Answer, Exchange, Run, header},
    plan::Number,
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const ATTEMPTS: Limit = Limit {
    name: "storm-is-damped",
    default: Number::Count(3),
    least: Number::Count(1),
    bounds: "how often one request of a client may be asked at one upstream",
    source: "what the official SDKs do: one attempt and two retries",
};

/// Attempts are bounded, each waits as long as the provider asked, and the client gets an answer or
/// the provider's own refusal. A `Retry-After` that is a date is not judged: the simulated provider
/// has no calendar.
pub(super) const RULE: Rule = Rule {
    id: "storm-is-damped",
    level: Level::Profile,
    citation: "RFC 9110 10.2.3; RFC 6585 4",
    demand: "under 429 and 503 attempts at an upstream are at most {storm-is-damped}, wait as Retry-After says, and end in an answer or the real refusal",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let answers: Vec<&Answer> = run.answers_to(index).collect();
        if !answers.iter().any(|answer| refuses(answer)) {
            continue;
        }
        inquiry.applies();
        let breaches = [too_many(run, exchange, &answers), masked(run, index, &answers)];
        breaches.into_iter().flatten().for_each(|breach| inquiry.broke(breach));
        for refusal in answers.iter().filter(|answer| refuses(answer)) {
            if let Some(breach) = too_soon(run, exchange, refusal) {
                inquiry.broke(breach);
            }
        }
    }
    inquiry.verdict("the provider answered neither 429 nor 503")
}

fn refuses(answer: &Answer) -> bool {
    matches!(answer.status(), Some(429 | 503))
}

/// Upstreams of a relay may be accounts at one host, or hosts that one provider plays: a refusal is that
/// of an account, and says nothing of another.
fn same_upstream(one: &Answer, other: &Answer) -> bool {
    let is_same = |name| header(&one.headers, name) == header(&other.headers, name);
    one.target == other.target && is_same("host") && is_same("authorization")
}

fn too_many(run: &Run<'_>, exchange: &Exchange, answers: &[&Answer]) -> Option<Breach> {
    let most = ATTEMPTS.count(run);
    let one_too_many = answers.iter().enumerate().find_map(|(index, answer)| {
        let before = answers[..index].iter().filter(|before| same_upstream(before, answer));
        (before.count() >= most).then_some(answer)
    })?;
    let attempts = answers.iter().filter(|answer| same_upstream(answer, one_too_many)).count();
    let noun = if most == 1 { "attempt" } else { "attempts" };
    let wanted = format!("at most {most} {noun} at an upstream for one request of a client");
    let got = format!("{attempts} attempts at one for one request of {}", exchange.client);
    let breach = Breach::new(one_too_many.received, &run.relay, wanted, got);
    Some(breach.concerning(&exchange.client))
}

/// How long a refusal asks to wait. A date counts from the `Date` of the same answer.
fn asked_wait(refusal: &Answer) -> Option<Duration> {
    let number = |name| refusal.header(name).and_then(|text| text.trim().parse::<f64>().ok());
    let millis = number("retry-after-ms").map(|millis| millis / 1000.0);
    if let Some(seconds) = millis.or_else(|| number("retry-after")) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |name| httpdate::parse_http_date(refusal.header(name)?.trim()).ok();
    date("retry-after")?.duration_since(date("date")?).ok()
}

/// The next request of the same client, by the relay to the same upstream or by a client that honours
/// the header, came before its time.
fn too_soon(run: &Run<'_>, exchange: &Exchange, refusal: &Answer) -> Option<Breach> {
    let asked = asked_wait(refusal)?;
    let (refused, _) = refusal.head?;
    let honours = run
        .plan
        .clients
        .iter()
        .find(|client| *client.name == *exchange.client)
        .and_then(|client| client.retries.as_ref())
        .is_some_and(|retries| retries.honours_retry_after);
    let next = run.answers.iter().find(|answer| {
        let of_client =
            answer.exchange.is_some_and(|of| run.exchanges[of].client == exchange.client);
        let elsewhere = answer.exchange == refusal.exchange && !same_upstream(answer, refusal);
        of_client && !elsewhere && answer.received > refused
    })?;
    // Who was not told cannot honour it.
    let told = ["retry-after", "retry-after-ms"].iter().any(|name| exchange.header(name).is_some());
    let by_relay = next.exchange == refusal.exchange;
    let waited = next.received.at.saturating_sub(refused.at);
    let bound = by_relay || (honours && told);
    if waited >= asked || !bound {
        return None;
    }
    let who = if by_relay { &run.relay } else { &exchange.client };
    let demand = format!("the next attempt at least {} after the refusal", Time(asked));
    let got = format!("{who} asked again for {} after {}", exchange.client, Time(waited));
    Some(Breach::new(next.received, &run.relay, demand, got).concerning(&exchange.client))
}

/// The provider refused to the last, and the client got something else.
fn masked(run: &Run<'_>, index: usize, answers: &[&Answer]) -> Option<Breach> {
    let exchange = &run.exchanges[index];
    let last = answers.last().filter(|answer| refuses(answer))?;
    let head = exchange.head.as_ref()?;
    let wait = last.header("retry-after");
    let status = last.status()?;
    if head.status == status && (wait.is_none() || exchange.header("retry-after") == wait) {
        return None;
    }
    let with = |wait: Option<&str>| {
        wait.map_or_else(|| "without Retry-After".to_owned(), |w| format!("with Retry-After: {w}"))
    };
    let wanted = format!("the provider's {status} {}", with(wait));
    let got = with(exchange.header("retry-after"));
    let got = format!(
        "the provider refused with {status} to the last, {} got status {} {got}",
        exchange.client, head.status
    );
    let host = run.head_by(index, &["retry-after"]);
    let breach = Breach::new(head.moment, &host, wanted, got).or("an answer of the provider");
    Some(breach.concerning(&exchange.client))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::Story,
        scenario::{Backoff, Retries},
        trace::BodyEnd,
        verdict::Verdict,
    };

    const WAIT: &[(&str, &str)] = &[("content-type", "application/json"), ("retry-after", "2")];

    /// The relay asks at these times, each time answered 429 with `Retry-After: 2`; then the client
    /// gets this.
    fn refused_at(times: &[u64], status: u16, headers: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.asks(0, "reader");
        for ms in times {
            story.forwards(*ms, "reader");
            story.answers(*ms, "reader", 429, WAIT);
            story.provider_ends(*ms, "reader", mock_openai::script::End::Clean);
        }
        story.replies(60_000, "reader", status, headers);
        story.closes(60_000, "reader", BodyEnd::Complete);
        story
    }

    #[test]
    fn it_holds_where_attempts_are_three_and_wait_as_they_are_told() {
        assert_eq!(refused_at(&[0, 2_000, 4_500], 429, WAIT).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_the_attempt_that_comes_too_soon() {
        let story = refused_at(&[0, 1_999], 429, WAIT);
        let breach = story.breach(&RULE);
        assert_eq!(breach.at.as_millis(), 1_999);
        assert_eq!(breach.wanted, ["the next attempt at least 2s after the refusal"]);
        assert_eq!(breach.got, "relay asked again for reader after 1999ms");
    }

    #[test]
    fn milliseconds_take_precedence_over_seconds() {
        let mut story = Story::new();
        story.asks(0, "reader");
        for ms in [0, 700] {
            story.forwards(ms, "reader");
            story.answers(ms, "reader", 503, &[("retry-after", "9"), ("retry-after-ms", "700")]);
        }
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn a_date_is_as_far_away_as_it_is_from_the_answers_own() {
        let dated = |again: u64, date: &[(&str, &str)]| {
            let mut story = Story::new();
            story.asks(0, "reader");
            for ms in [0, again] {
                story.forwards(ms, "reader");
                story.answers(ms, "reader", 503, date);
            }
            story
        };
        let later = ("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT");
        let both = &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), later];
        assert_eq!(dated(3_000, both).verdict(&RULE), Verdict::Held);
        let breach = dated(2_999, both).breach(&RULE);
        assert_eq!(breach.wanted, ["the next attempt at least 3s after the refusal"]);
        // Without `Date` nobody knows by which clock.
        assert_eq!(dated(1, &[later]).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_the_fourth_attempt() {
        let breach = refused_at(&[0, 2_000, 4_000, 6_000], 429, WAIT).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 6_000);
        assert_eq!(
            breach.wanted,
            ["at most 3 attempts at an upstream for one request of a client"]
        );
        assert_eq!(breach.got, "4 attempts at one for one request of reader");
    }

    /// A relay passes over two upstreams, an account each, of which both ask to wait for 2 s.
    #[test]
    fn each_upstream_has_its_own_attempts_and_its_own_wait() {
        let passes = |times: &[u64], differ: &'static str| {
            let mut story = Story::new();
            story.asks(0, "reader");
            for ms in times {
                for value in ["one", "two"] {
                    story.forwards_with(*ms, "reader", "POST", &[(differ, value)]);
                    story.answers(*ms, "reader", 429, WAIT);
                    story.provider_ends(*ms, "reader", mock_openai::script::End::Clean);
                }
            }
            story.replies(60_000, "reader", 429, WAIT);
            story.closes(60_000, "reader", BodyEnd::Complete);
            story
        };
        for differ in ["host", "authorization"] {
            assert_eq!(passes(&[0, 2_000, 4_000], differ).verdict(&RULE), Verdict::Held);
            let soon = passes(&[0, 1_999], differ).breach(&RULE);
            assert_eq!(soon.got, "relay asked again for reader after 1999ms");
            let often = passes(&[0, 2_000, 4_000, 6_000], differ).breach(&RULE);
            assert_eq!(often.got, "4 attempts at one for one request of reader");
        }
        let one = passes(&[0], "x-request-id").breach(&RULE);
        assert_eq!(one.got, "relay asked again for reader after 0s");
    }

    #[test]
    fn it_breaks_where_the_client_gets_another_refusal_than_the_providers() {
        let breach = refused_at(&[0], 500, &[]).breach(&RULE);
        assert_eq!(breach.at.as_secs(), 60);
        assert_eq!(
            breach.wanted,
            ["the provider's 429 with Retry-After: 2", "an answer of the provider"]
        );
        assert_eq!(
            breach.got,
            "the provider refused with 429 to the last, reader got status 500 without Retry-After"
        );
        let bare = refused_at(&[0], 429, &[]).breach(&RULE);
        assert_eq!(
            bare.got,
            "the provider refused with 429 to the last, reader got status 429 without Retry-After"
        );
    }

    #[test]
    fn a_client_that_ignores_the_header_is_not_the_relays_fault() {
        let again = |honours: bool| {
            let mut story = refused_at(&[0], 429, WAIT);
            story.plan.clients[0].retries = Some(Retries {
                max: 1,
                on: vec![429],
                backoff: Backoff::default(),
                honours_retry_after: honours,
            });
            story.trace.events.retain(|event| event.at.as_secs() < 60);
            story.replies(1, "reader", 429, WAIT);
            story.closes(1, "reader", BodyEnd::Complete);
            story.begins(500, "reader");
            story.relays(501, "reader", "data: 1\n\n");
            story.finishes(502, "reader");
            story.verdict(&RULE)
        };
        assert_eq!(again(false), Verdict::Held);
        assert!(matches!(again(true), Verdict::Broke(_)));
    }

    #[test]
    fn it_does_not_apply_to_other_answers() {
        Story::streaming()
            .assert_not_applicable(&RULE, "the provider answered neither 429 nor 503");
    }
}

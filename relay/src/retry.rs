//! Whether an attempt that failed is made again, and when: bounded, jittered, and as the provider asks.
//!
//! Own code, not backon: that would draw the jitter and double the wait, three lines here, and has
//! no place for several upstreams, the provider's wishes and their bounds, which are the rest.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, Method, StatusCode, header};
use tokio::time::Instant;

use crate::{breaker::Verdict, config::Config, errors::Failure, reached::reached};

/// First wait where the provider asks for none, and the cap of its doubling (openai-python and
/// openai-node: 0.5 s times 2 to the n, at most 8 s, less up to a quarter).
const BASE: Duration = Duration::from_millis(500);
const CAP: Duration = Duration::from_secs(8);

/// The attempts of one request.
#[derive(Debug)]
pub(crate) struct Retries<'a> {
    config: &'a Config,
    /// Which request this is: each draws its own jitter.
    ordinal: u64,
    resend: Resend,
    /// Passes that are over.
    made: u32,
    waited: Duration,
    /// The next upstream of this pass.
    next: usize,
    /// Who failed in this pass, and the time that it asks for.
    failed: Vec<(usize, Option<Duration>)>,
    /// From when on an upstream that failed before may be asked again; never where it asks for too much.
    ready: BTreeMap<usize, Option<Instant>>,
}

/// Whether a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resend {
    /// Whatever became of it, as long as no content reached the client.
    Always,
    /// Only if it was never sent: doing it twice may do harm (RFC 9110 9.2.2).
    Unsent,
    /// Not at all: its body is passed on as it comes.
    Never,
}

/// What an attempt came to, as far as a retry depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome<'a> {
    /// The provider was never reached, or says that it has not begun.
    Unreachable,
    /// It took the request, and gave no head, or not in time.
    Unanswered,
    /// It answered that a quota is used up, whatever the status.
    UsedUp,
    /// It answered.
    Answer(StatusCode, &'a HeaderMap),
}

impl Resend {
    /// Idempotent methods may be sent again (RFC 9110 9.2.2), and what names itself by an
    /// `Idempotency-Key`. `repeatable` routes may: their completions change nothing at the
    /// provider, and every official client repeats them by itself.
    pub(crate) fn of(repeatable: bool, method: &Method, headers: &HeaderMap) -> Self {
        if repeatable || method.is_idempotent() || headers.contains_key("idempotency-key") {
            Self::Always
        } else {
            Self::Unsent
        }
    }

    /// Whether the provider never began with a request that failed so, and it may be sent again at
    /// once. That it met a connection just closed is likely and not certain.
    pub(crate) fn at_once(self, failure: &Failure) -> bool {
        let unread = *failure == Failure::TurnedAway && self != Self::Never;
        let again = unread || (*failure == Failure::Lapsed && self == Self::Always);
        if again {
            reached!("a request that the provider never began with is sent again");
        }
        again
    }
}

impl Outcome<'_> {
    /// What it says about the provider.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Unreachable | Self::Unanswered => Verdict::Bad,
            Self::UsedUp => Verdict::Good,
            Self::Answer(status, _) => verdict(*status),
        }
    }
}

/// What a status says about the provider. 501 and 505 speak of the request, not of its state.
pub(crate) fn verdict(status: StatusCode) -> Verdict {
    if status.is_server_error() && is_transient(status) { Verdict::Bad } else { Verdict::Good }
}

impl<'a> Retries<'a> {
    pub(crate) fn new(config: &'a Config, ordinal: u64, resend: Resend) -> Self {
        Self {
            config,
            ordinal,
            resend,
            made: 0,
            waited: Duration::ZERO,
            next: 0,
            failed: Vec::new(),
            ready: BTreeMap::new(),
        }
    }

    /// Whether this upstream's turn is still to come in this pass, and it may be asked.
    pub(crate) fn may_ask(&self, upstream: usize, now: Instant) -> bool {
        let ready = self.ready.get(&upstream);
        upstream >= self.next && ready.is_none_or(|at| at.is_some_and(|at| at <= now))
    }

    /// Whether the request may be sent again after this outcome: to the next upstream at once, or
    /// in the next pass.
    pub(crate) fn again(
        &mut self,
        upstream: usize,
        outcome: Outcome<'_>,
        wall_clock: Option<SystemTime>,
    ) -> bool {
        let asked = match outcome {
            _ if self.resend == Resend::Never => return false,
            Outcome::Unreachable => None,
            _ if self.resend == Resend::Unsent => return false,
            // It may still be at work on it, to be paid for: the client decides, whose library asks
            // again by itself.
            Outcome::Unanswered => return false,
            // Another upstream may have one; this one is not asked again.
            Outcome::UsedUp => Some(Duration::MAX),
            Outcome::Answer(status, headers) if !should_retry(status, headers) => return false,
            Outcome::Answer(_, headers) => retry_after(headers, wall_clock),
        };
        self.failed.push((upstream, asked));
        self.next = upstream + 1;
        true
    }

    /// The pass is over: how long to wait before the next one; `None` if there is none.
    pub(crate) fn pass(&mut self, now: Instant) -> Option<Duration> {
        if self.made >= self.config.retries {
            reached!("all passes are made");
            return None;
        }
        // One draw and one moment for all, so that they stay together in one pass.
        let draw = draw(self.config.seed, self.ordinal, u64::from(self.made));
        for (upstream, asked) in std::mem::take(&mut self.failed) {
            let wait = match asked {
                Some(asked) if asked > self.config.retry_wait => {
                    reached!("a provider asks for too long a wait");
                    None
                }
                Some(asked) => asked.checked_add(spread(asked, draw)),
                None => Some(self.backoff(draw)),
            };
            self.ready.insert(upstream, wait.and_then(|wait| now.checked_add(wait)));
        }
        let wait = self.ready.values().flatten().min()?.saturating_duration_since(now);
        let total = self.waited.checked_add(wait)?;
        if total > self.config.retry_total {
            reached!("the waits of a request add up to too much");
            return None;
        }
        // Who is ready by then is like one that was never asked.
        let then = now.checked_add(wait)?;
        self.ready.retain(|_, at| at.is_none_or(|at| at > then));
        self.made += 1;
        self.waited = total;
        self.next = 0;
        Some(wait)
    }

    fn backoff(&self, draw: u64) -> Duration {
        let full = BASE.saturating_mul(1 << self.made.min(8)).min(CAP).min(self.config.retry_wait);
        full.saturating_sub(part(full / 4, draw))
    }
}

/// Spreads those who were asked to come back at the same moment, never before it.
fn spread(asked: Duration, draw: u64) -> Duration {
    part((asked / 4).min(Duration::from_secs(1)), draw)
}

/// The share of a time that was drawn, in whole milliseconds.
fn part(below: Duration, draw: u64) -> Duration {
    let millis = u64::try_from(below.as_millis()).unwrap_or(u64::MAX);
    let wide = u128::from(draw) * u128::from(millis);
    Duration::from_millis(u64::try_from(wide >> 64).unwrap_or(0))
}

/// Whether a failed answer is worth another attempt. The provider's own word wins
/// (`x-should-retry`, as in the official clients), never over a bound or over [`Resend`]. Without
/// it 409 is not: the same request meets the same conflict (RFC 9110 15.5.10).
fn should_retry(status: StatusCode, headers: &HeaderMap) -> bool {
    let failed = status.is_client_error() || status.is_server_error();
    match headers.get("x-should-retry").map(http::HeaderValue::as_bytes) {
        Some(b"true") => failed,
        Some(b"false") => false,
        _ => is_transient(status),
    }
}

/// Whether the same request may fare better a moment later. 501 and 505 name what the provider
/// will never do (RFC 9110 15.6).
fn is_transient(status: StatusCode) -> bool {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => false,
        _ => status.is_server_error(),
    }
}

/// What the provider asks for: `retry-after-ms`, else `Retry-After` in seconds or as a date
/// (RFC 9110 10.2.3). A date is compared with the answer's own `Date`, since both are by the provider's
/// clock, else with the relay's clock, which may go wrong.
fn retry_after(headers: &HeaderMap, now: Option<SystemTime>) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let number = |text: &str| text.trim().parse::<f64>().ok();
    if let Some(millis) = text("retry-after-ms").and_then(number) {
        return Duration::try_from_secs_f64(millis / 1_000.0).ok();
    }
    let asked = text(header::RETRY_AFTER.as_str())?;
    if let Some(seconds) = number(asked) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let now = text(header::DATE.as_str()).and_then(date).or(now)?;
    // A date that has passed asks for nothing.
    Some(date(asked)?.duration_since(now).unwrap_or_default())
}

/// A number that depends on its arguments alone (the finaliser of `SplitMix64`, three rounds).
pub(crate) fn draw(seed: u64, request: u64, attempt: u64) -> u64 {
    [seed, request, attempt].into_iter().fold(0, |state: u64, word| {
        let mut mixed = (state ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn config() -> Config {
        Config::new("http://127.0.0.1:9000/v1".parse().unwrap())
    }

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    fn first(status: u16, headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let status = StatusCode::from_u16(status).unwrap();
        let config = config();
        next(&mut always(&config, 0), Outcome::Answer(status, &map(headers)))
    }

    fn always(config: &Config, ordinal: u64) -> Retries<'_> {
        Retries::new(config, ordinal, Resend::Always)
    }

    /// The wait where there is one upstream.
    fn next(retries: &mut Retries<'_>, outcome: Outcome<'_>) -> Option<Duration> {
        let now = Instant::now();
        retries.again(0, outcome, None).then(|| retries.pass(now)).flatten()
    }

    #[test]
    fn attempts_are_bounded_and_back_off() {
        let config = config();
        for ordinal in 0..100 {
            let mut retries = always(&config, ordinal);
            let first = next(&mut retries, Outcome::Unreachable).unwrap();
            let second = next(&mut retries, Outcome::Unreachable).unwrap();
            assert!((375..=500).contains(&first.as_millis()), "{first:?}");
            assert!((750..=1_000).contains(&second.as_millis()), "{second:?}");
            assert_eq!(next(&mut retries, Outcome::Unreachable), None);
        }
    }

    #[test]
    fn waits_of_different_requests_differ_and_of_the_same_agree() {
        let config = config();
        let wait = |ordinal| next(&mut always(&config, ordinal), Outcome::Unreachable);
        assert_eq!(wait(1), wait(1));
        let distinct: std::collections::BTreeSet<_> = (0..100).map(wait).collect();
        assert!(distinct.len() > 40, "{}", distinct.len());
    }

    #[test]
    fn only_passing_failures_are_tried_again() {
        for status in [408, 429, 500, 502, 503, 504, 529] {
            assert!(first(status, &[]).is_some(), "{status}");
        }
        for status in [200, 204, 304, 400, 401, 403, 404, 409, 501, 505] {
            assert_eq!(first(status, &[]), None, "{status}");
        }
    }

    #[test]
    fn the_providers_own_word_wins_over_the_status_but_not_over_a_bound() {
        assert!(first(409, &[("x-should-retry", "true")]).is_some());
        assert_eq!(first(503, &[("x-should-retry", "false")]), None);
        assert!(first(503, &[("x-should-retry", "maybe")]).is_some(), "not a word for it");
        assert_eq!(first(200, &[("x-should-retry", "true")]), None, "nothing failed");
        let long = [("x-should-retry", "true"), ("retry-after", "11")];
        assert_eq!(first(429, &long), None);
        let config = Config { retries: 0, ..config() };
        let headers = map(&[("x-should-retry", "true")]);
        let outcome = Outcome::Answer(StatusCode::CONFLICT, &headers);
        assert_eq!(next(&mut always(&config, 0), outcome), None);
    }

    #[test]
    fn only_what_does_no_harm_twice_is_sent_twice() {
        let none = HeaderMap::new();
        let named = map(&[("idempotency-key", "k")]);
        assert_eq!(Resend::of(true, &Method::POST, &none), Resend::Always);
        assert_eq!(Resend::of(false, &Method::DELETE, &none), Resend::Always);
        assert_eq!(Resend::of(false, &Method::POST, &named), Resend::Always);
        assert_eq!(Resend::of(false, &Method::POST, &none), Resend::Unsent);

        let config = config();
        let word = map(&[("x-should-retry", "true")]);
        let outcome = Outcome::Answer(StatusCode::SERVICE_UNAVAILABLE, &word);
        let mut unsent = Retries::new(&config, 0, Resend::Unsent);
        assert_eq!(next(&mut unsent, outcome), None);
        assert!(next(&mut unsent, Outcome::Unreachable).is_some(), "it was never sent");
        assert_eq!(next(&mut always(&config, 0), Outcome::Unanswered), None);
        let mut never = Retries::new(&config, 0, Resend::Never);
        assert_eq!(next(&mut never, Outcome::Unreachable), None, "its body is gone");
    }

    #[test]
    fn a_limit_or_a_wrong_request_is_not_the_providers_failure() {
        let none = HeaderMap::new();
        let verdict =
            |status| Outcome::Answer(StatusCode::from_u16(status).unwrap(), &none).verdict();
        for good in [200, 204, 400, 401, 404, 408, 429, 501, 505] {
            assert_eq!(verdict(good), Verdict::Good, "{good}");
        }
        for bad in [500, 502, 503, 504, 529] {
            assert_eq!(verdict(bad), Verdict::Bad, "{bad}");
        }
        assert_eq!(Outcome::Unreachable.verdict(), Verdict::Bad);
        assert_eq!(Outcome::Unanswered.verdict(), Verdict::Bad);
    }

    #[test]
    fn a_wait_is_never_shorter_than_asked() {
        let wait = first(429, &[("retry-after", "3")]).unwrap();
        assert!((3_000..=3_750).contains(&wait.as_millis()), "{wait:?}");
        let wait = first(429, &[("retry-after", "3"), ("retry-after-ms", "700")]).unwrap();
        assert!((700..=875).contains(&wait.as_millis()), "{wait:?}");
        assert_eq!(first(429, &[("retry-after", "0")]), Some(Duration::ZERO));
    }

    #[test]
    fn who_asks_for_more_than_the_budget_gets_no_retry() {
        assert_eq!(first(429, &[("retry-after", "11")]), None);
        assert_eq!(first(429, &[("retry-after", "1e300")]), first(429, &[]));
        let config = Config { retry_total: Duration::from_secs(5), ..config() };
        let mut retries = always(&config, 0);
        let headers = map(&[("retry-after", "3")]);
        let outcome = Outcome::Answer(StatusCode::TOO_MANY_REQUESTS, &headers);
        assert!(next(&mut retries, outcome).is_some());
        assert_eq!(next(&mut retries, outcome), None, "6 s are more than 5 s");
    }

    #[test]
    fn a_date_is_compared_with_the_clock_that_is_known() {
        // RFC 9110 5.6.7 has the first date as its example; it is 784,111,777 s after 1970.
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let later = ("retry-after", "Sun, 06 Nov 1994 08:49:41 GMT");
        let known = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 + 1);
        let seconds = Duration::from_secs;
        assert_eq!(retry_after(&map(&[later]), Some(known)), Some(seconds(3)));
        assert_eq!(retry_after(&map(&[later, date]), None), Some(seconds(4)));
        // Both are by one clock: that of the relay does not matter.
        for wrong in [known + seconds(300), known - seconds(300)] {
            assert_eq!(retry_after(&map(&[later, date]), Some(wrong)), Some(seconds(4)));
        }
        assert_eq!(retry_after(&map(&[later]), None), None);
        assert_eq!(retry_after(&map(&[later]), Some(known + seconds(9))), Some(seconds(0)));
    }
}

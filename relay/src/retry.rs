//! Whether an attempt that failed is made again, and when: bounded, jittered, and as the provider asks.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};

use crate::config::Config;

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
    made: u32,
    waited: Duration,
}

/// What an attempt came to, as far as a retry depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome<'a> {
    /// The provider was never reached.
    Unreachable,
    /// It answered.
    Answer(StatusCode, &'a HeaderMap),
}

impl<'a> Retries<'a> {
    pub(crate) fn new(config: &'a Config, ordinal: u64) -> Self {
        Self { config, ordinal, made: 0, waited: Duration::ZERO }
    }

    /// How long to wait before the next attempt; `None` if there is none.
    pub(crate) fn next(
        &mut self,
        outcome: Outcome<'_>,
        now: Option<SystemTime>,
    ) -> Option<Duration> {
        if self.made >= self.config.retries {
            return None;
        }
        let asked = match outcome {
            Outcome::Unreachable => None,
            Outcome::Answer(status, _) if !is_transient(status) => return None,
            Outcome::Answer(_, headers) => retry_after(headers, now),
        };
        let least = asked.unwrap_or(Duration::ZERO);
        let wait = asked.map_or_else(|| self.backoff(), |asked| asked + self.spread(asked));
        let total = self.waited.checked_add(wait)?;
        if least > self.config.retry_wait || total > self.config.retry_total {
            return None;
        }
        self.made += 1;
        self.waited = total;
        Some(wait)
    }

    fn backoff(&self) -> Duration {
        let full = BASE.saturating_mul(1 << self.made.min(8)).min(CAP).min(self.config.retry_wait);
        full.saturating_sub(self.jitter(full / 4))
    }

    /// Spreads those who were asked to come back at the same moment, never before it.
    fn spread(&self, asked: Duration) -> Duration {
        self.jitter((asked / 4).min(Duration::from_secs(1)))
    }

    fn jitter(&self, below: Duration) -> Duration {
        let millis = u64::try_from(below.as_millis()).unwrap_or(u64::MAX);
        let drawn = draw(self.config.seed, self.ordinal, u64::from(self.made));
        let wide = u128::from(drawn) * u128::from(millis);
        Duration::from_millis(u64::try_from(wide >> 64).unwrap_or(0))
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
/// (RFC 9110 10.2.3). A date is compared with the relay's clock, else with the answer's `Date`.
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
    let now = now.or_else(|| text(header::DATE.as_str()).and_then(date))?;
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
        Retries::new(&config, 0).next(Outcome::Answer(status, &map(headers)), None)
    }

    #[test]
    fn attempts_are_bounded_and_back_off() {
        let config = config();
        for ordinal in 0..100 {
            let mut retries = Retries::new(&config, ordinal);
            let first = retries.next(Outcome::Unreachable, None).unwrap();
            let second = retries.next(Outcome::Unreachable, None).unwrap();
            assert!((375..=500).contains(&first.as_millis()), "{first:?}");
            assert!((750..=1_000).contains(&second.as_millis()), "{second:?}");
            assert_eq!(retries.next(Outcome::Unreachable, None), None);
        }
    }

    #[test]
    fn waits_of_different_requests_differ_and_of_the_same_agree() {
        let config = config();
        let wait = |ordinal| Retries::new(&config, ordinal).next(Outcome::Unreachable, None);
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
        let mut retries = Retries::new(&config, 0);
        let headers = map(&[("retry-after", "3")]);
        let outcome = Outcome::Answer(StatusCode::TOO_MANY_REQUESTS, &headers);
        assert!(retries.next(outcome, None).is_some());
        assert_eq!(retries.next(outcome, None), None, "6 s are more than 5 s");
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
        assert_eq!(retry_after(&map(&[later]), None), None);
        assert_eq!(retry_after(&map(&[later]), Some(known + seconds(9))), Some(seconds(0)));
    }
}

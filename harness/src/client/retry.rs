//! Whether a client tries again, and after how long.

use std::time::{Duration, SystemTime};

use mock_openai::draw::draw_below;

use crate::{
    http1::{ResponseHead, header},
    scenario::{Backoff, Retries},
};

/// A wait before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) time: Duration,
    /// `retry-after-ms`, `retry-after` or `backoff`.
    pub(super) because: &'static str,
}

/// How long the client called `name` waits after its attempt number `attempt`, counted from 0.
///
/// `retry-after-ms` comes first, as the official SDKs have it (openai-python 3.54, openai-node
/// 6.49), then `Retry-After` (RFC 9110 10.2.3), then the back-off.
pub(super) fn wait(
    policy: &Retries,
    head: &ResponseHead,
    seed: u64,
    name: &str,
    attempt: u64,
) -> Wait {
    let told = policy.honours_retry_after.then(|| told(head)).flatten();
    told.unwrap_or_else(|| Wait {
        time: backoff(policy.backoff, seed, name, attempt),
        because: "backoff",
    })
}

fn told(head: &ResponseHead) -> Option<Wait> {
    if let Some(time) = header(&head.headers, "retry-after-ms").and_then(|ms| number(&ms, 1e-3)) {
        return Some(Wait { time, because: "retry-after-ms" });
    }
    let value = header(&head.headers, "retry-after")?;
    let time = number(&value, 1.0).or_else(|| until(&value, head))?;
    Some(Wait { time, because: "retry-after" })
}

/// A count of units of so many seconds; the SDKs take fractions, and RFC 9110 has whole seconds.
pub(super) fn number(text: &str, seconds_each: f64) -> Option<Duration> {
    let count: f64 = text.trim().parse().ok()?;
    let time = Duration::try_from_secs_f64(count * seconds_each).ok()?;
    // The clock's resolution is 1 ms; a client that is told to wait never comes early.
    Some(Duration::from_millis(u64::try_from(time.as_nanos().div_ceil(1_000_000)).ok()?))
}

/// A date, counted from the response's own `Date`: a client in virtual time has no other calendar.
/// Without one, the date says nothing. A date that is past means now.
pub(super) fn until(value: &str, head: &ResponseHead) -> Option<Duration> {
    let date = |text: &str| -> Option<SystemTime> { httpdate::parse_http_date(text.trim()).ok() };
    let now = date(&header(&head.headers, "date")?)?;
    Some(date(value)?.duration_since(now).unwrap_or_default())
}

fn backoff(backoff: Backoff, seed: u64, name: &str, attempt: u64) -> Duration {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let exponent = u32::try_from(attempt).unwrap_or(u32::MAX);
    let grown = u64::from(backoff.factor).saturating_pow(exponent);
    let longest = millis(backoff.base.0).saturating_mul(grown).min(millis(backoff.cap.0));
    // 10,000 hundredths of a per cent are the whole.
    let spread = u128::from(longest) * u128::from(backoff.jitter.0) / 10_000;
    let spread = u64::try_from(spread).unwrap_or(longest);
    let less =
        draw_below(seed, &format!("client {name} back-off"), attempt, spread.saturating_add(1));
    Duration::from_millis(longest - less)
}

#[cfg(test)]
mod tests {
    use mock_openai::quantity::Share;
    use rstest::rstest;

    use super::*;

    fn policy() -> Retries {
        Retries { max: 3, on: vec![429], backoff: Backoff::default(), honours_retry_after: true }
    }

    fn head(headers: &[(&str, &str)]) -> ResponseHead {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        ResponseHead {
            version: http::Version::HTTP_11,
            status: 429,
            reason: String::new(),
            headers,
        }
    }

    #[rstest]
    #[case::seconds(&[("Retry-After", "2")], 2_000, "retry-after")]
    #[case::zero(&[("Retry-After", "0")], 0, "retry-after")]
    #[case::fraction_of_a_second(&[("retry-after", "0.0015")], 2, "retry-after")]
    #[case::milliseconds_first(&[("retry-after", "2"), ("retry-after-ms", "700")], 700, "retry-after-ms")]
    #[case::bad_milliseconds(&[("retry-after", "2"), ("retry-after-ms", "soon")], 2_000, "retry-after")]
    #[case::date(
        &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")],
        3_000, "retry-after"
    )]
    #[case::past_date(
        &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:30 GMT")],
        0, "retry-after"
    )]
    fn what_the_answer_says_counts(
        #[case] headers: &[(&str, &str)],
        #[case] millis: u64,
        #[case] because: &str,
    ) {
        let wait = wait(&policy(), &head(headers), 1, "reader", 0);
        assert_eq!((wait.time, wait.because), (Duration::from_millis(millis), because));
    }

    #[rstest]
    #[case::nothing_said(&[])]
    #[case::date_without_a_calendar(&[("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")])]
    #[case::negative(&[("retry-after", "-1")])]
    #[case::not_a_number(&[("retry-after", "NaN")])]
    #[case::infinite(&[("retry-after", "inf")])]
    fn else_it_backs_off(#[case] headers: &[(&str, &str)]) {
        let wait = wait(&policy(), &head(headers), 1, "reader", 0);
        assert_eq!(wait.because, "backoff");
        assert!((375..=500).contains(&wait.time.as_millis()), "{:?}", wait.time);
    }

    #[test]
    fn a_client_that_does_not_honour_it_backs_off() {
        let policy = Retries { honours_retry_after: false, ..policy() };
        assert_eq!(wait(&policy, &head(&[("retry-after", "9")]), 1, "r", 0).because, "backoff");
    }

    #[test]
    fn the_back_off_doubles_up_to_its_cap() {
        let exact = Backoff { jitter: Share(0), ..Backoff::default() };
        let waits: Vec<_> = (0..6).map(|n| backoff(exact, 1, "r", n).as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
        assert_eq!(backoff(exact, 1, "r", u64::MAX).as_millis(), 8_000);
    }

    #[test]
    fn jitter_tells_clients_apart_and_is_the_same_each_time() {
        let wait = |name: &str, seed| backoff(Backoff::default(), seed, name, 3).as_millis();
        assert_eq!(wait("a", 7), wait("a", 7));
        let drawn: std::collections::BTreeSet<_> =
            (0..50).map(|n| wait(&format!("reader-{n}"), 7)).collect();
        assert!(drawn.len() > 40, "{drawn:?}");
        assert!(drawn.iter().all(|ms| (3_000..=4_000).contains(ms)));
        assert_ne!(wait("a", 7), wait("a", 8));
    }
}

//! Quotas in fixed windows, and the headers that tell of them.

use std::time::Duration;

use tokio::time::Instant;

use super::millis_up;
use crate::{go_duration, script::Limit};

/// The window in force. It begins with the first request after the one before it is over.
#[derive(Debug, Default)]
pub(super) struct Window {
    began: Option<Instant>,
    admitted: u64,
}

/// How much of a quota is left after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    limit: u64,
    remaining: u64,
    /// Until the window is over and all of it is free again.
    pub(crate) resets_in: Duration,
}

impl Window {
    /// Whether one more request is admitted now; what is refused does not count.
    pub(super) fn admit(&mut self, limit: Limit, now: Instant) -> (bool, Quota) {
        let age = self.began.map(|began| now.duration_since(began));
        let age = match age {
            Some(age) if age < limit.per.0 => age,
            _ => {
                *self = Self { began: Some(now), admitted: 0 };
                Duration::ZERO
            }
        };
        let requests = limit.requests.unwrap_or(u64::MAX);
        let admitted = self.admitted < requests;
        self.admitted += u64::from(admitted);
        let remaining = requests - self.admitted;
        (admitted, Quota { limit: requests, remaining, resets_in: limit.per.0.saturating_sub(age) })
    }
}

impl Quota {
    /// The headers that the provider sends with every answer under a quota.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        [
            ("x-ratelimit-limit-requests", self.limit.to_string()),
            ("x-ratelimit-remaining-requests", self.remaining.to_string()),
            ("x-ratelimit-reset-requests", go_duration::format(self.resets_in)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The headers of a refusal: `Retry-After` counts whole seconds (RFC 9110 10.2.3), rounded up,
    /// since a client that comes back too early is refused again; `retry-after-ms` is exact.
    pub(crate) fn refusal_headers(&self) -> Vec<(String, String)> {
        let millis = millis_up(self.resets_in);
        let seconds = millis.div_ceil(1_000).max(1);
        let mut headers = vec![
            ("retry-after".to_owned(), seconds.to_string()),
            ("retry-after-ms".to_owned(), millis.to_string()),
        ];
        headers.extend(self.headers());
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Time;

    #[test]
    fn a_window_begins_with_its_first_request_and_frees_all_when_it_is_over() {
        let limit =
            Limit { requests: Some(2), tokens: None, per: Time(Duration::from_millis(1_500)) };
        let start = Instant::now();
        let mut window = Window::default();
        let mut admit = |millis| window.admit(limit, start + Duration::from_millis(millis));
        assert!(admit(10_000).0);
        assert!(admit(10_100).0);
        let (admitted, quota) = admit(10_300);
        assert!(!admitted);
        assert_eq!(quota.resets_in, Duration::from_millis(1_200));
        let headers = quota.refusal_headers();
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            headers,
            [
                ("retry-after", "2"),
                ("retry-after-ms", "1200"),
                ("x-ratelimit-limit-requests", "2"),
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-reset-requests", "1.2s"),
            ]
        );
        assert!(!admit(11_499).0);
        let (admitted, quota) = admit(11_500);
        assert!(admitted);
        assert_eq!(quota.resets_in, Duration::from_millis(1_500));
    }

    #[test]
    fn a_refusal_never_says_retry_after_zero() {
        let quota = Quota { limit: 1, remaining: 0, resets_in: Duration::from_millis(1) };
        assert_eq!(quota.refusal_headers()[0].1, "1");
    }
}

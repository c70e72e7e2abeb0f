//! Quotas in fixed windows, and the headers that tell of them.

use std::time::Duration;

use tokio::time::Instant;

use super::millis_up;
use crate::{errors, go_duration, script::Limit};

/// The window in force. It begins with the first request after the one before it is over.
#[derive(Debug, Default)]
pub(super) struct Window {
    began: Option<Instant>,
    requests: u64,
    tokens: u64,
}

/// How much of a quota is left after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    requests: Option<Left>,
    tokens: Option<Left>,
    /// Until the window is over and all of it is free again.
    resets_in: Duration,
    /// What was used up, where the request was refused.
    refused: Option<Unit>,
}

/// What a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Requests,
    Tokens,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    limit: u64,
    remaining: u64,
}

impl Window {
    /// Whether one more request of so many tokens is admitted now; what is refused does not count.
    pub(super) fn admit(&mut self, limit: Limit, tokens: u64, now: Instant) -> (bool, Quota) {
        let age = self.began.map(|began| now.duration_since(began));
        let age = match age {
            Some(age) if age < limit.per.0 => age,
            _ => {
                *self = Self { began: Some(now), ..Self::default() };
                Duration::ZERO
            }
        };
        let (requests_then, tokens_then) = (self.requests + 1, self.tokens.saturating_add(tokens));
        let refused = if limit.requests.is_some_and(|most| requests_then > most) {
            Some(Unit::Requests)
        } else if limit.tokens.is_some_and(|most| tokens_then > most) {
            Some(Unit::Tokens)
        } else {
            (self.requests, self.tokens) = (requests_then, tokens_then);
            None
        };
        let left = |limit: Option<u64>, used: u64| {
            limit.map(|limit| Left { limit, remaining: limit.saturating_sub(used) })
        };
        let quota = Quota {
            requests: left(limit.requests, self.requests),
            tokens: left(limit.tokens, self.tokens),
            resets_in: limit.per.0.saturating_sub(age),
            refused,
        };
        (refused.is_none(), quota)
    }
}

impl Quota {
    /// The headers that the provider sends with every answer under a quota.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let told = [(Unit::Requests, self.requests), (Unit::Tokens, self.tokens)];
        let told = || told.iter().filter_map(|(unit, left)| left.map(|left| (unit.name(), left)));
        for (unit, left) in told() {
            headers.push((format!("x-ratelimit-limit-{unit}"), left.limit.to_string()));
        }
        for (unit, left) in told() {
            headers.push((format!("x-ratelimit-remaining-{unit}"), left.remaining.to_string()));
        }
        for (unit, _) in told() {
            let resets_in = go_duration::format(self.resets_in);
            headers.push((format!("x-ratelimit-reset-{unit}"), resets_in));
        }
        headers
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

    /// The error object of a refusal; its `type` is what is used up.
    pub(crate) fn refusal_body(&self) -> String {
        let unit = self.refused.unwrap_or(Unit::Requests).name();
        let millis = millis_up(self.resets_in);
        let message = format!("The rate limit for {unit} is reached. Try again in {millis}ms.");
        errors::object(&message, unit, Some("rate_limit_exceeded"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Time;

    fn limit(requests: Option<u64>, tokens: Option<u64>, millis: u64) -> Limit {
        Limit { requests, tokens, per: Time(Duration::from_millis(millis)) }
    }

    fn lines(headers: &[(String, String)]) -> Vec<String> {
        headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    #[test]
    fn a_window_begins_with_its_first_request_and_frees_all_when_it_is_over() {
        let limit = limit(Some(2), None, 1_500);
        let start = Instant::now();
        let mut window = Window::default();
        let mut admit = |millis| window.admit(limit, 7, start + Duration::from_millis(millis));
        assert!(admit(10_000).0);
        assert!(admit(10_100).0);
        let (admitted, quota) = admit(10_300);
        assert!(!admitted);
        assert_eq!(quota.resets_in, Duration::from_millis(1_200));
        assert_eq!(
            lines(&quota.refusal_headers()),
            [
                "retry-after: 2",
                "retry-after-ms: 1200",
                "x-ratelimit-limit-requests: 2",
                "x-ratelimit-remaining-requests: 0",
                "x-ratelimit-reset-requests: 1.2s",
            ]
        );
        assert!(!admit(11_499).0);
        let (admitted, quota) = admit(11_500);
        assert!(admitted);
        assert_eq!(quota.resets_in, Duration::from_millis(1_500));
    }

    #[test]
    fn tokens_are_counted_beside_requests_and_what_is_refused_costs_none() {
        let limit = limit(Some(3), Some(10), 360_000);
        let start = Instant::now();
        let mut window = Window::default();
        let mut admit = |tokens| window.admit(limit, tokens, start);
        assert!(admit(6).0);
        let (admitted, quota) = admit(5);
        assert!(!admitted);
        assert_eq!(
            lines(&quota.refusal_headers()),
            [
                "retry-after: 360",
                "retry-after-ms: 360000",
                "x-ratelimit-limit-requests: 3",
                "x-ratelimit-limit-tokens: 10",
                "x-ratelimit-remaining-requests: 2",
                "x-ratelimit-remaining-tokens: 4",
                "x-ratelimit-reset-requests: 6m0s",
                "x-ratelimit-reset-tokens: 6m0s",
            ]
        );
        assert!(quota.refusal_body().contains(r#""type":"tokens""#));
        assert!(admit(4).0);
        assert!(admit(0).0);
        let (admitted, quota) = admit(0);
        assert!(!admitted);
        assert!(quota.refusal_body().contains(r#""type":"requests""#));
    }

    #[test]
    fn a_quota_of_tokens_alone_says_nothing_of_requests() {
        let limit = limit(None, Some(10), 1_000);
        let (admitted, quota) = Window::default().admit(limit, 4, Instant::now());
        assert!(admitted);
        assert_eq!(
            lines(&quota.headers()),
            [
                "x-ratelimit-limit-tokens: 10",
                "x-ratelimit-remaining-tokens: 6",
                "x-ratelimit-reset-tokens: 1s",
            ]
        );
    }

    #[test]
    fn a_refusal_never_says_retry_after_zero() {
        let limit = limit(Some(0), None, 1);
        let (_, quota) = Window::default().admit(limit, 0, Instant::now());
        assert_eq!(quota.refusal_headers()[0].1, "1");
    }
}

//! When an SDK asks again, and how long it waits for what.

use std::time::Duration;

/// How an SDK asks again where its application does not say otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Retrying {
    /// At most so many times.
    pub max: u32,
    /// After these statuses.
    pub on: &'static [u16],
    /// After every status from 500 on.
    pub on_server_errors: bool,
    /// The first wait, in milliseconds; each later one is twice as long.
    pub base_ms: u64,
    /// The longest wait, where there is one.
    pub cap_ms: Option<u64>,
    /// At most so many hundredths are taken off a wait, drawn for each.
    pub spread_percent: u64,
    /// Whether `x-should-retry: true` and `false` decide.
    pub obeys_should_retry: bool,
    /// What it hears of an answer's own words about when to come back.
    pub hears: Hears,
    /// What else than a status makes it ask again.
    pub lost: Lost,
}

/// What of `retry-after-ms` and `Retry-After` counts for an SDK. All that hear the first prefer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hears {
    /// Nothing.
    Nothing,
    /// Whole seconds of `Retry-After`, however many.
    WholeSeconds,
    /// Both, dates too, however long.
    Everything,
    /// Both, dates too; after more than 120 s it does not ask again at all, and 0 is not heard.
    UpToTwoMinutes,
    /// Both, dates too; more than 60 s and 0 are not heard.
    UpToAMinute,
    /// Both, dates too; what is neither less than 60 s nor less than its own wait is not heard.
    LessThanAMinute,
}

/// Which connections that were lost before the head make an SDK ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// None.
    Never,
    /// Those that were never made.
    NotConnected,
    /// All, its own time-outs too.
    BeforeTheHead,
}

/// How long an SDK waits; for ever where nothing stands.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the connection.
    pub connect: Option<Duration>,
    /// For the first byte.
    pub first_byte: Option<Duration>,
    /// Between one byte and the next.
    pub silence: Option<Duration>,
}

/// None at all.
pub(super) const NEVER: Retrying = Retrying {
    max: 0,
    on: &[],
    on_server_errors: false,
    base_ms: 0,
    cap_ms: None,
    spread_percent: 0,
    obeys_should_retry: false,
    hears: Hears::Nothing,
    lost: Lost::Never,
};

/// openai-python 3: what the official SDKs have in common.
pub(super) const OFFICIAL: Retrying = Retrying {
    max: 2,
    on: &[408, 409, 429],
    on_server_errors: true,
    base_ms: 500,
    cap_ms: Some(8_000),
    spread_percent: 25,
    obeys_should_retry: true,
    hears: Hears::UpToTwoMinutes,
    lost: Lost::BeforeTheHead,
};

/// The AI SDK.
pub(super) const AI_SDK: Retrying = Retrying {
    base_ms: 2_000,
    cap_ms: None,
    spread_percent: 0,
    obeys_should_retry: false,
    hears: Hears::LessThanAMinute,
    ..OFFICIAL
};

/// async-openai.
pub(super) const ASYNC_OPENAI: Retrying = Retrying {
    max: 3,
    on: &[429],
    base_ms: 100,
    spread_percent: 0,
    obeys_should_retry: false,
    hears: Hears::WholeSeconds,
    lost: Lost::NotConnected,
    ..OFFICIAL
};

/// What stands in no SDK of Go or Rust.
pub(super) const FOR_EVER: Patience = Patience { connect: None, first_byte: None, silence: None };

/// httpx, as openai-python sets it.
pub(super) const HTTPX: Patience = Patience {
    connect: Some(Duration::from_secs(5)),
    first_byte: Some(Duration::from_mins(10)),
    silence: Some(Duration::from_mins(10)),
};

/// The `fetch` of Node 20.
pub(super) const UNDICI: Patience = Patience {
    connect: None,
    first_byte: Some(Duration::from_mins(5)),
    silence: Some(Duration::from_mins(5)),
};

impl Retrying {
    /// Whether a status makes it ask again, whatever the answer says beside it.
    pub fn asks_again_on(&self, status: u16) -> bool {
        self.on.contains(&status) || (self.on_server_errors && status >= 500)
    }

    /// Its own wait after an attempt, counted from 0; `spread` of 10,000 parts of what may be taken
    /// off are taken off.
    pub fn backoff(&self, attempt: u32, spread: u64) -> Duration {
        let grown = self.base_ms.saturating_mul(2_u64.saturating_pow(attempt));
        let longest = grown.min(self.cap_ms.unwrap_or(u64::MAX));
        let less = longest / 100 * self.spread_percent * spread / 10_000;
        Duration::from_millis(longest.saturating_sub(less))
    }

    /// How long it waits, where an answer says `told`; nothing where it does not ask again.
    pub fn wait(&self, told: Option<Duration>, own: Duration) -> Option<(Duration, bool)> {
        let Some(told) = told else { return Some((own, false)) };
        let (minute, two) = (Duration::from_mins(1), Duration::from_mins(2));
        let is_heard = match self.hears {
            Hears::Nothing => false,
            Hears::WholeSeconds | Hears::Everything => true,
            Hears::UpToTwoMinutes if told > two => return None,
            Hears::UpToTwoMinutes => !told.is_zero(),
            Hears::UpToAMinute => !told.is_zero() && told <= minute,
            Hears::LessThanAMinute => told < minute || told < own,
        };
        Some(if is_heard { (told, true) } else { (own, false) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Read in the sources of the SDKs: what each makes of a `Retry-After`.
    #[test]
    fn what_an_answer_says_counts_as_each_sdk_has_it() {
        let own = s(1);
        let waits = |retrying: Retrying, told: u64| retrying.wait(Some(s(told)), own);
        let old = Retrying { hears: Hears::UpToAMinute, ..OFFICIAL };
        let node = Retrying { hears: Hears::Everything, ..OFFICIAL };
        assert_eq!(waits(OFFICIAL, 2), Some((s(2), true)));
        assert_eq!(waits(OFFICIAL, 120), Some((s(120), true)));
        assert_eq!(waits(OFFICIAL, 121), None);
        assert_eq!(waits(old, 61), Some((own, false)));
        assert_eq!(waits(old, 0), Some((own, false)));
        assert_eq!(waits(node, 3_600), Some((s(3_600), true)));
        assert_eq!(waits(node, 0), Some((s(0), true)));
        assert_eq!(waits(AI_SDK, 59), Some((s(59), true)));
        assert_eq!(waits(AI_SDK, 60), Some((own, false)));
        assert_eq!(AI_SDK.wait(Some(s(60)), s(64)), Some((s(60), true)));
        assert_eq!(waits(ASYNC_OPENAI, 3_600), Some((s(3_600), true)));
        assert_eq!(waits(NEVER, 1), Some((own, false)));
    }

    #[test]
    fn waits_double_up_to_the_cap_and_a_quarter_is_drawn_off() {
        let waits: Vec<_> = (0..6).map(|n| OFFICIAL.backoff(n, 0).as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
        assert_eq!(OFFICIAL.backoff(4, 10_000).as_millis(), 6_000);
        assert_eq!(AI_SDK.backoff(3, 10_000).as_millis(), 16_000);
        assert_eq!(ASYNC_OPENAI.backoff(0, 10_000).as_millis(), 100);
    }

    #[test]
    fn statuses_are_those_of_the_sdk() {
        let on = |retrying: Retrying| {
            [400, 408, 409, 429, 500, 503].map(|status| retrying.asks_again_on(status))
        };
        assert_eq!(on(OFFICIAL), [false, true, true, true, true, true]);
        assert_eq!(on(ASYNC_OPENAI), [false, false, false, true, true, true]);
        assert_eq!(on(NEVER), [false; 6]);
    }
}

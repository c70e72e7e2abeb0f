//! Token buckets: how often a key or an address may call.
//!
//! Of each bucket only the moment is kept at which it is full again (the generic cell rate
//! algorithm): tokens are that moment seen from now. A full bucket is like one that nobody knows,
//! so it is forgotten. The table is bounded: where it is full of buckets that are not, the one
//! that is nearest to full makes place. In the worst case, more than [`TABLE`] callers within the
//! time in which a bucket fills, a caller so gets back what that one bucket lacked, and no caller
//! is shut out by the others. A table takes some 10 MiB then.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use tokio::time::Instant;

/// Callers that are remembered at once.
const TABLE: usize = 1 << 16;

/// The largest count and burst: far above what one caller sends, and no time overflows by it.
const MOST: u32 = 1_000_000;

/// So many requests in so much time, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    per: Duration,
    burst: u32,
}

impl Rate {
    /// `10/s`, `600/m`, `1000/h`, and with a burst of its own `10/s burst 20`. Without one the
    /// burst is the count: who was silent for the unit may send its share at once.
    pub fn read(text: &str) -> Option<Self> {
        let number =
            |text: &str| text.parse::<u32>().ok().filter(|number| (1..=MOST).contains(number));
        let mut words = text.split_ascii_whitespace();
        let (count, unit) = words.next()?.split_once('/')?;
        let count = number(count)?;
        let per = match unit {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return None,
        };
        let burst = match (words.next(), words.next(), words.next()) {
            (None, ..) => count,
            (Some("burst"), Some(burst), None) => number(burst)?,
            _ => return None,
        };
        Some(Self { count, per, burst })
    }

    /// Rounded up, so that the rate is never above what was asked for.
    fn interval(self) -> Duration {
        let nanos = self.per.as_nanos().div_ceil(u128::from(self.count));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per.as_secs() {
            1 => "s",
            60 => "m",
            _ => "h",
        };
        write!(f, "{}/{unit}", self.count)?;
        if self.burst == self.count { Ok(()) } else { write!(f, " burst {}", self.burst) }
    }
}

/// The buckets of one kind of caller.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    interval: Duration,
    /// From empty to full.
    depth: Duration,
    full_at: BTreeMap<K, Instant>,
    /// The same by time, the first to be full first.
    order: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Copy> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        let interval = rate.interval();
        let depth = interval.saturating_mul(rate.burst);
        Self { interval, depth, full_at: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// How long until a token is there: zero, or exactly after that time.
    pub(crate) fn wait(&self, caller: K, now: Instant) -> Duration {
        (self.after(caller, now) - now).saturating_sub(self.depth)
    }

    /// Takes a token; only after [`wait`](Self::wait) said zero.
    pub(crate) fn take(&mut self, caller: K, now: Instant) {
        let full_at = self.after(caller, now);
        if let Some(before) = self.full_at.remove(&caller) {
            self.order.remove(&(before, caller));
        }
        self.forget(now);
        self.full_at.insert(caller, full_at);
        self.order.insert((full_at, caller));
    }

    /// When the bucket is full again, if one more token is taken now.
    fn after(&self, caller: K, now: Instant) -> Instant {
        self.full_at.get(&caller).map_or(now, |at| (*at).max(now)) + self.interval
    }

    /// Drops at most two full buckets, more than are added, and one that is not where there is no
    /// place.
    fn forget(&mut self, now: Instant) {
        for _ in 0..2 {
            let Some((at, caller)) = self.order.first().copied() else { return };
            if at > now && self.order.len() < TABLE {
                return;
            }
            self.order.pop_first();
            self.full_at.remove(&caller);
        }
    }
}

/// Whole seconds for `Retry-After` (RFC 9110 10.2.3), rounded up: who waits that long is let in.
pub(crate) fn seconds_up(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn buckets(rate: &str) -> Buckets<u32> {
        Buckets::new(Rate::read(rate).unwrap())
    }

    fn ask(buckets: &mut Buckets<u32>, caller: u32, now: Instant) -> Result<(), Duration> {
        match buckets.wait(caller, now) {
            Duration::ZERO => {
                buckets.take(caller, now);
                Ok(())
            }
            wait => Err(wait),
        }
    }

    #[test]
    fn a_rate_is_read_with_its_unit_and_its_burst() {
        let rate = |count, secs, burst| Rate { count, per: Duration::from_secs(secs), burst };
        assert_eq!(Rate::read("10/s"), Some(rate(10, 1, 10)));
        assert_eq!(Rate::read("600/m burst 5"), Some(rate(600, 60, 5)));
        assert_eq!(Rate::read("1/h"), Some(rate(1, 3_600, 1)));
        for wrong in [
            "",
            "10",
            "0/s",
            "10/d",
            "-1/s",
            "10/s burst",
            "10/s burst 0",
            "10/s 20",
            "10/s burst 20 x",
            "1000001/s",
            "1.5/s",
        ] {
            assert_eq!(Rate::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_burst_is_let_through_and_then_one_per_interval() {
        let mut now = Instant::now();
        let mut buckets = buckets("2/s burst 3");
        for _ in 0..3 {
            assert_eq!(ask(&mut buckets, 1, now), Ok(()));
        }
        let wait = ask(&mut buckets, 1, now).unwrap_err();
        assert_eq!(wait, Duration::from_millis(500));
        assert_eq!(ask(&mut buckets, 2, now), Ok(()), "another caller has its own bucket");
        now += wait;
        assert_eq!(ask(&mut buckets, 1, now), Ok(()));
        assert!(ask(&mut buckets, 1, now).is_err());
    }

    #[test]
    fn full_buckets_are_forgotten_and_the_table_stays_bounded() {
        let now = Instant::now();
        let mut buckets = buckets("1/h");
        let many = u32::try_from(TABLE).unwrap();
        for caller in 0..many + 1_000 {
            assert_eq!(ask(&mut buckets, caller, now), Ok(()));
        }
        assert_eq!((buckets.full_at.len(), buckets.order.len()), (TABLE, TABLE));
        let later = now + Duration::from_hours(1);
        for _ in 0..TABLE {
            buckets.take(0, later);
        }
        assert_eq!(buckets.full_at.len(), 1, "two are dropped for each that comes");
    }

    #[test]
    fn seconds_are_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (3_600_000, 3_600)] {
            assert_eq!(seconds_up(Duration::from_millis(millis)), seconds);
        }
    }

    proptest! {
        #[test]
        fn no_interval_sees_more_than_the_rate_and_the_burst(
            count in 1_u32..50, burst in 1_u32..20, pauses in prop::collection::vec(0_u64..400, 1..200),
        ) {
            let rate = Rate { count, per: Duration::from_secs(1), burst };
            let mut buckets = Buckets::new(rate);
            let mut now = Instant::now();
            let mut let_in = Vec::new();
            for pause in pauses {
                now += Duration::from_millis(pause);
                match ask(&mut buckets, 1, now) {
                    Ok(()) => let_in.push(now),
                    // What is said is exact: a nanosecond before it is refused, then let in.
                    Err(wait) => {
                        let before = now + wait.saturating_sub(Duration::from_nanos(1));
                        prop_assert_ne!(buckets.wait(1, before), Duration::ZERO);
                        now += wait;
                        prop_assert_eq!(ask(&mut buckets, 1, now), Ok(()));
                        let_in.push(now);
                    }
                }
            }
            for (i, from) in let_in.iter().enumerate() {
                for (j, to) in let_in.iter().enumerate().skip(i) {
                    let most = u128::from(burst)
                        + (*to - *from).as_nanos() * u128::from(count) / 1_000_000_000;
                    prop_assert!((j - i + 1) as u128 <= most);
                }
            }
        }
    }
}

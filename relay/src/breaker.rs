//! A circuit breaker as a state machine without clock: who fails too often is left alone for a while.
//!
//! Closed, it counts good and bad calls over a sliding window. Open, it refuses. After that it is
//! half open: few probes at once go through; as many good ones close it, one bad one opens it
//! again. What was called before it opened last is stale news, and counts no more.
//!
//! The defaults are Hystrix's (50 %, 20 calls, 10 s in 10 buckets, open for 5 s), but for the
//! window, which is Polly's 30 s, since calls of language models are fewer and longer.

use std::time::Duration;

use tokio::time::Instant;

use crate::{config::Config, reached::reached};

/// The window's grain (Hystrix, `numBuckets`): this bounds the memory, whatever the traffic.
const BUCKETS: usize = 10;

/// When it opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    percent: u32,
    min: u32,
    window: Duration,
    open: Duration,
    probes: u32,
}

/// What a call says about who was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It answered. Every 4xx is such an answer, 429 too: it is the limit of one key, and must not
    /// shut out those who call with another.
    Good,
    /// Not reached, too late, 5xx, or broken off.
    Bad,
    /// Nothing: the client left first.
    Unclear,
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Closed,
    Open,
    HalfOpen,
}

/// One breaker.
#[derive(Debug)]
pub(crate) struct Breaker {
    rules: Rules,
    inner: Inner,
    /// How often it opened.
    opened: u64,
}

#[derive(Debug)]
enum Inner {
    Closed(Window),
    Open { until: Instant },
    HalfOpen { under_way: u32, good: u32 },
}

/// Leave for one call; goes back with [`Breaker::done`], or with [`Breaker::answered`] before.
#[derive(Debug)]
pub(crate) struct Ticket {
    opened: u64,
    probe: bool,
}

impl Rules {
    /// `None` where the breaker is switched off.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        Some(Self {
            percent: config.breaker?,
            min: config.breaker_min,
            window: config.breaker_window,
            open: config.breaker_open,
            probes: config.breaker_probes,
        })
    }
}

impl Breaker {
    pub(crate) fn new(rules: Rules, now: Instant) -> Self {
        Self { rules, inner: Inner::Closed(Window::new(rules.window, now)), opened: 0 }
    }

    pub(crate) fn state(&self, now: Instant) -> State {
        match self.inner {
            Inner::Closed(_) => State::Closed,
            Inner::Open { until } if now < until => State::Open,
            Inner::Open { .. } | Inner::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Leave for one call, or after what time to ask again; zero where only the probes know.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<Ticket, Duration> {
        if let Inner::Open { until } = self.inner {
            if now < until {
                return Err(until - now);
            }
            self.inner = Inner::HalfOpen { under_way: 0, good: 0 };
        }
        let probe = match &mut self.inner {
            Inner::Closed(_) | Inner::Open { .. } => false,
            Inner::HalfOpen { under_way, good } if *under_way + *good < self.rules.probes => {
                reached!("a probe goes through a half-open breaker");
                *under_way += 1;
                true
            }
            Inner::HalfOpen { .. } => {
                reached!("no more probes go through a half-open breaker");
                return Err(Duration::ZERO);
            }
        };
        Ok(Ticket { opened: self.opened, probe })
    }

    /// The head is there and good. A probe is over by that: a stream may take minutes, and nobody
    /// else should wait for its end.
    pub(crate) fn answered(&mut self, ticket: &mut Ticket, now: Instant) {
        if std::mem::take(&mut ticket.probe) {
            self.probed(ticket.opened, Verdict::Good, now);
        }
    }

    /// The call is over.
    pub(crate) fn done(&mut self, mut ticket: Ticket, verdict: Verdict, now: Instant) {
        if std::mem::take(&mut ticket.probe) {
            self.probed(ticket.opened, verdict, now);
            return;
        }
        if ticket.opened != self.opened {
            return;
        }
        if let Inner::Closed(window) = &mut self.inner {
            window.count(verdict, now);
            let (bad, all) = window.sums(now);
            let share = u64::from(bad) * 100 >= u64::from(all) * u64::from(self.rules.percent);
            if verdict == Verdict::Bad && all >= self.rules.min && share {
                reached!("a breaker opens");
                self.open(now);
            }
        }
    }

    fn probed(&mut self, opened: u64, verdict: Verdict, now: Instant) {
        let Inner::HalfOpen { under_way, good } = &mut self.inner else { return };
        if opened != self.opened {
            return;
        }
        *under_way -= 1;
        match verdict {
            Verdict::Unclear => {}
            Verdict::Bad => {
                reached!("a bad probe opens a breaker again");
                self.open(now);
            }
            Verdict::Good => {
                *good += 1;
                if *good >= self.rules.probes {
                    reached!("good probes close a breaker");
                    self.inner = Inner::Closed(Window::new(self.rules.window, now));
                }
            }
        }
    }

    fn open(&mut self, now: Instant) {
        self.opened += 1;
        self.inner = Inner::Open { until: now + self.rules.open };
    }
}

/// Counts over the last while, in buckets that are used again in turn.
#[derive(Debug)]
struct Window {
    begun: Instant,
    width: Duration,
    /// The newest bucket, counted from the first.
    tick: u128,
    buckets: [Bucket; BUCKETS],
}

#[derive(Debug, Default, Clone, Copy)]
struct Bucket {
    good: u32,
    bad: u32,
}

impl Window {
    fn new(length: Duration, now: Instant) -> Self {
        let width = (length / 10).max(Duration::from_nanos(1));
        Self { begun: now, width, tick: 0, buckets: [Bucket::default(); BUCKETS] }
    }

    /// Empties the buckets that time has passed since the last call.
    fn turn(&mut self, now: Instant) {
        let tick = now.saturating_duration_since(self.begun).as_nanos() / self.width.as_nanos();
        let passed = usize::try_from(tick.saturating_sub(self.tick)).unwrap_or(BUCKETS);
        for _ in 0..passed.min(BUCKETS) {
            self.buckets.rotate_right(1);
            self.buckets[0] = Bucket::default();
        }
        self.tick = self.tick.max(tick);
    }

    fn count(&mut self, verdict: Verdict, now: Instant) {
        self.turn(now);
        let newest = &mut self.buckets[0];
        match verdict {
            Verdict::Good => newest.good = newest.good.saturating_add(1),
            Verdict::Bad => newest.bad = newest.bad.saturating_add(1),
            Verdict::Unclear => {}
        }
    }

    /// Bad calls, and all.
    fn sums(&mut self, now: Instant) -> (u32, u32) {
        self.turn(now);
        self.buckets.iter().fold((0, 0), |(bad, all): (u32, u32), bucket| {
            let here = bucket.bad.saturating_add(bucket.good);
            (bad.saturating_add(bucket.bad), all.saturating_add(here))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: Rules = Rules {
        percent: 50,
        min: 4,
        window: Duration::from_secs(10),
        open: Duration::from_secs(5),
        probes: 2,
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn call(breaker: &mut Breaker, verdict: Verdict, now: Instant) {
        let ticket = breaker.admit(now).unwrap();
        breaker.done(ticket, verdict, now);
    }

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(RULES, now);
        for _ in 0..4 {
            call(&mut breaker, Verdict::Bad, now);
        }
        assert_eq!(breaker.state(now), State::Open);
        breaker
    }

    #[test]
    fn it_opens_at_the_rate_and_not_before_the_least_number_of_calls() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULES, now);
        for verdict in [Verdict::Bad, Verdict::Bad, Verdict::Bad] {
            call(&mut breaker, verdict, now);
        }
        assert_eq!(breaker.state(now), State::Closed, "three calls are too few");
        call(&mut breaker, Verdict::Bad, now);
        assert_eq!(breaker.state(now), State::Open);
        assert_eq!(breaker.admit(now + seconds(2)).unwrap_err(), seconds(3));

        let mut half = Breaker::new(RULES, now);
        for verdict in [Verdict::Good, Verdict::Good, Verdict::Good, Verdict::Bad, Verdict::Bad] {
            call(&mut half, verdict, now);
        }
        assert_eq!(half.state(now), State::Closed, "two of five are less than half");
        call(&mut half, Verdict::Bad, now);
        assert_eq!(half.state(now), State::Open, "three of six are half");
    }

    #[test]
    fn what_slid_out_of_the_window_counts_no_more() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULES, now);
        for _ in 0..3 {
            call(&mut breaker, Verdict::Bad, now);
        }
        call(&mut breaker, Verdict::Bad, now + seconds(10));
        assert_eq!(breaker.state(now + seconds(10)), State::Closed);
        for _ in 0..3 {
            call(&mut breaker, Verdict::Bad, now + seconds(19));
        }
        assert_eq!(breaker.state(now + seconds(19)), State::Open, "9 s apart are one window");
    }

    #[test]
    fn clients_that_leave_neither_open_nor_close_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULES, now);
        for _ in 0..100 {
            call(&mut breaker, Verdict::Unclear, now);
        }
        assert_eq!(breaker.state(now), State::Closed);
        let mut breaker = opened(now);
        let later = now + seconds(5);
        for _ in 0..100 {
            call(&mut breaker, Verdict::Unclear, later);
        }
        assert_eq!(breaker.state(later), State::HalfOpen);
    }

    #[test]
    fn good_probes_close_it_and_a_bad_one_opens_it_again() {
        let now = Instant::now();
        let later = now + seconds(5);
        let mut breaker = opened(now);
        call(&mut breaker, Verdict::Good, later);
        assert_eq!(breaker.state(later), State::HalfOpen);
        call(&mut breaker, Verdict::Good, later);
        assert_eq!(breaker.state(later), State::Closed);

        let mut breaker = opened(now);
        call(&mut breaker, Verdict::Good, later);
        call(&mut breaker, Verdict::Bad, later);
        assert_eq!(breaker.admit(later).unwrap_err(), seconds(5));
    }

    #[test]
    fn a_good_head_ends_a_probe_and_a_break_later_still_counts() {
        let now = Instant::now();
        let later = now + seconds(5);
        let mut breaker = opened(now);
        let mut streams: Vec<Ticket> = Vec::new();
        for _ in 0..4 {
            let mut ticket = breaker.admit(later).unwrap();
            breaker.answered(&mut ticket, later);
            streams.push(ticket);
        }
        assert_eq!(breaker.state(later), State::Closed);
        for ticket in streams {
            breaker.done(ticket, Verdict::Bad, later);
        }
        assert_eq!(breaker.state(later), State::Open);
    }

    #[test]
    fn stale_news_count_no_more() {
        let now = Instant::now();
        let later = now + seconds(5);
        let mut breaker = Breaker::new(RULES, now);
        let old: Vec<Ticket> = (0..10).map(|_| breaker.admit(now).unwrap()).collect();
        for _ in 0..4 {
            call(&mut breaker, Verdict::Bad, now);
        }
        for _ in 0..2 {
            call(&mut breaker, Verdict::Good, later);
        }
        for ticket in old {
            breaker.done(ticket, Verdict::Bad, later);
        }
        assert_eq!(breaker.state(later), State::Closed);
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Admit,
        Answered(usize),
        Done(usize, Verdict),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let verdict = prop_oneof![Just(Verdict::Good), Just(Verdict::Bad), Just(Verdict::Unclear)];
        prop_oneof![
            3 => Just(Step::Admit),
            1 => any::<usize>().prop_map(Step::Answered),
            3 => (any::<usize>(), verdict).prop_map(|(which, verdict)| Step::Done(which, verdict)),
            1 => (0_u64..6_000).prop_map(Step::Wait),
        ]
    }

    proptest! {
        /// Probes that were voided by an opening are under way no more for the breaker; all that
        /// it let go since it is half open are counted here.
        #[test]
        fn never_more_probes_at_once_than_allowed(steps in prop::collection::vec(step(), 0..400)) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new(RULES, now);
            let mut held: Vec<Ticket> = Vec::new();
            for step in steps {
                match step {
                    Step::Admit => held.extend(breaker.admit(now)),
                    Step::Answered(which) if !held.is_empty() => {
                        let which = which % held.len();
                        breaker.answered(&mut held[which], now);
                    }
                    Step::Done(which, verdict) if !held.is_empty() => {
                        let ticket = held.swap_remove(which % held.len());
                        breaker.done(ticket, verdict, now);
                    }
                    Step::Wait(millis) => now += Duration::from_millis(millis),
                    Step::Answered(_) | Step::Done(..) => {}
                }
                let probes = held.iter().filter(|t| t.probe && t.opened == breaker.opened).count();
                prop_assert!(probes <= 2, "{probes} probes in {:?}", breaker.inner);
            }
            // Whatever happened: given back, it lets probes go again.
            for ticket in held {
                breaker.done(ticket, Verdict::Unclear, now);
            }
            prop_assert!(breaker.admit(now + seconds(5)).is_ok());
        }
    }
}

//! Whom to ask: the upstreams in their order, those left out that a breaker leaves alone.
//!
//! A pass asks each at most once, at once one after the other; waits stand between passes, and
//! `retries` counts those. So a request makes at most (`retries` + 1) times upstreams attempts, and one
//! more where a connection was not what it seemed. The loop that asks is [`ask`](crate::ask::ask).

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use reqwest::Url;
use tokio::time::Instant;

use crate::{
    breaker::{Breaker, Rules, State, Ticket, Verdict},
    bucket::seconds_up,
    config::{Config, Secret},
    lock::Locked as _,
};

/// All upstreams of a relay, the preferred one first.
#[derive(Debug)]
pub(crate) struct Upstreams(Vec<Upstream>);

#[derive(Debug)]
struct Upstream {
    base: Url,
    key: Option<Secret>,
    is_foreign: bool,
    breaker: Option<Mutex<Breaker>>,
}

/// One upstream, and leave to ask it once.
#[derive(Debug)]
pub(crate) struct Picked<'a> {
    pub(crate) index: usize,
    pub(crate) base: &'a Url,
    pub(crate) key: Option<&'a Secret>,
    /// Its origin is another than the first one's.
    pub(crate) is_foreign: bool,
    pub(crate) permit: Permit,
}

/// Nobody may be asked now; in so many seconds it may be worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) retry_after: u64,
}

/// Leave for one call. Dropped, it says nothing about the upstream, and gives a probe back.
#[derive(Debug)]
pub(crate) struct Permit {
    upstreams: Arc<Upstreams>,
    index: usize,
    ticket: Option<Ticket>,
}

impl Upstreams {
    pub(crate) fn new(config: &Config, now: Instant) -> Arc<Self> {
        let rules = Rules::of(config);
        let upstream = |(base, key): (&Url, Option<&Secret>)| Upstream {
            base: base.clone(),
            key: key.cloned(),
            is_foreign: base.origin() != config.upstream.origin(),
            breaker: rules.map(|rules| Mutex::new(Breaker::new(rules, now))),
        };
        Arc::new(Self(config.upstreams().map(upstream).collect()))
    }

    /// The first upstream that the request may ask and that is not left alone.
    pub(crate) fn pick(
        self: &Arc<Self>,
        may_ask: impl Fn(usize) -> bool,
        now: Instant,
    ) -> Result<Picked<'_>, Open> {
        let mut soonest = None;
        for (index, upstream) in self.0.iter().enumerate().filter(|(index, _)| may_ask(*index)) {
            match upstream.admit(now) {
                Ok(ticket) => {
                    let permit = Permit { upstreams: Arc::clone(self), index, ticket };
                    let (base, key) = (&upstream.base, upstream.key.as_ref());
                    let is_foreign = upstream.is_foreign;
                    return Ok(Picked { index, base, key, is_foreign, permit });
                }
                Err(wait) => soonest = Some(soonest.map_or(wait, |least| wait.min(least))),
            }
        }
        Err(Open { retry_after: seconds_up(soonest.unwrap_or_default()) })
    }

    /// Each upstream in order, and where its breaker stands; closed where there is none.
    pub(crate) fn states(&self, now: Instant) -> impl Iterator<Item = (&Url, State)> {
        self.0.iter().map(move |upstream| {
            let state = upstream.breaker().map_or(State::Closed, |breaker| breaker.state(now));
            (&upstream.base, state)
        })
    }
}

impl Upstream {
    fn breaker(&self) -> Option<MutexGuard<'_, Breaker>> {
        self.breaker.as_ref().map(|breaker| breaker.locked())
    }

    fn admit(&self, now: Instant) -> Result<Option<Ticket>, Duration> {
        self.breaker().map(|mut breaker| breaker.admit(now)).transpose()
    }
}

impl Permit {
    /// The head is there and good; the permit goes on with the body, whose end is told too.
    pub(crate) fn answered(&mut self, now: Instant) {
        let breaker = self.upstreams.0[self.index].breaker();
        if let (Some(mut breaker), Some(ticket)) = (breaker, &mut self.ticket) {
            breaker.answered(ticket, now);
        }
    }

    /// The call is over.
    pub(crate) fn done(mut self, verdict: Verdict, now: Instant) {
        self.settle(verdict, now);
    }

    fn settle(&mut self, verdict: Verdict, now: Instant) {
        let breaker = self.upstreams.0[self.index].breaker();
        if let (Some(mut breaker), Some(ticket)) = (breaker, self.ticket.take()) {
            breaker.done(ticket, verdict, now);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // Settled before, it has no ticket any more.
        self.settle(Verdict::Unclear, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;
    use crate::retry::{Outcome, Resend, Retries};

    fn config(fallbacks: usize) -> Config {
        let url = |port: usize| format!("http://user:pw@127.0.0.1:{port}/v1").parse().unwrap();
        let fallbacks = (1..=fallbacks).map(|n| url(9_000 + n)).collect();
        Config { fallbacks, breaker_min: 2, breaker_probes: 1, ..Config::new(url(9_000)) }
    }

    fn break_first(upstreams: &Arc<Upstreams>) {
        for _ in 0..2 {
            let picked = upstreams.pick(|index| index == 0, Instant::now()).unwrap();
            picked.permit.done(Verdict::Bad, Instant::now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_upstream_that_fails_is_left_out_until_a_probe_is_good() {
        let upstreams = Upstreams::new(&config(1), Instant::now());
        break_first(&upstreams);
        let now = Instant::now();
        assert_eq!(upstreams.pick(|_| true, now).unwrap().index, 1);
        assert_eq!(upstreams.pick(|i| i == 0, now).unwrap_err(), Open { retry_after: 5 });
        let states: Vec<_> = upstreams.states(now).map(|(_, state)| state).collect();
        assert_eq!(states, [State::Open, State::Closed]);

        tokio::time::advance(Duration::from_secs(5)).await;
        let probe = upstreams.pick(|_| true, Instant::now()).unwrap();
        assert_eq!(probe.index, 0);
        assert_eq!(upstreams.pick(|_| true, Instant::now()).unwrap().index, 1, "one probe at once");
        drop(probe);
        let mut probe = upstreams.pick(|_| true, Instant::now()).unwrap();
        assert_eq!(probe.index, 0, "a dropped permit gives its probe back");
        probe.permit.answered(Instant::now());
        assert_eq!(upstreams.states(Instant::now()).next().unwrap().1, State::Closed);
    }

    #[tokio::test]
    async fn each_upstream_has_its_own_key() {
        let secret = |text: &str| Secret(text.to_owned());
        let fallback_keys = vec![secret("b")];
        let config = Config { provider_key: Some(secret("a")), fallback_keys, ..config(1) };
        let upstreams = Upstreams::new(&config, Instant::now());
        for (index, key) in ["a", "b"].into_iter().enumerate() {
            let picked = upstreams.pick(|i| i == index, Instant::now()).unwrap();
            assert_eq!(picked.key, Some(&secret(key)));
            assert_eq!(picked.base.port(), Some(9_000 + u16::try_from(index).unwrap()));
            assert_eq!(picked.is_foreign, index > 0);
        }
    }

    #[test]
    fn threads_that_ask_and_leave_never_hold_more_probes_than_allowed() {
        let config = Config { breaker_probes: 2, ..config(0) };
        let begun = Instant::now();
        let upstreams = Upstreams::new(&config, begun);
        break_first(&upstreams);
        let later = begun + Duration::from_hours(1);
        let at_once = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let Ok(picked) = upstreams.pick(|_| true, later) else { continue };
                        let before = at_once.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        assert!(before < 2, "{before} probes were under way");
                        at_once.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        drop(picked);
                    }
                });
            }
        });
        assert!(upstreams.pick(|_| true, later).is_ok());
    }

    /// What one upstream answers: nothing, or a status with what it asks for.
    type Script = Option<(u16, Option<&'static str>)>;

    /// The loop of [`ask`](crate::ask::ask), less the network; gives the last status and who was asked
    /// after how long.
    async fn ask(
        config: &Config,
        scripts: &[Script],
        resend: Resend,
    ) -> (u16, Vec<(usize, Duration)>) {
        let upstreams = Upstreams::new(config, Instant::now());
        let begun = Instant::now();
        let asked = RefCell::new(Vec::new());
        let mut retries = Retries::new(config, 0, resend);
        let mut last = None;
        loop {
            let now = Instant::now();
            if let Ok(picked) = upstreams.pick(|index| retries.may_ask(index, now), now) {
                asked.borrow_mut().push((picked.index, begun.elapsed()));
                let mut headers = HeaderMap::new();
                let script = scripts[picked.index];
                if let Some((_, Some(after))) = script {
                    headers.insert("retry-after", HeaderValue::from_static(after));
                }
                let outcome = script.map_or(Outcome::Unreachable, |(status, _)| {
                    Outcome::Answer(StatusCode::from_u16(status).unwrap(), &headers)
                });
                picked.permit.done(outcome.verdict(), now);
                let status = script.map_or(502, |(status, _)| status);
                if !retries.again(picked.index, outcome, None) {
                    return (status, asked.take());
                }
                last = Some(status);
            } else {
                let Some(status) = last.take() else { return (503, asked.take()) };
                let Some(wait) = retries.pass(now) else { return (status, asked.take()) };
                tokio::time::sleep(wait).await;
            }
        }
    }

    fn who(asked: &[(usize, Duration)]) -> Vec<usize> {
        asked.iter().map(|(index, _)| *index).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_upstream_is_asked_at_once() {
        let (status, asked) =
            ask(&config(2), &[None, Some((500, None)), Some((200, None))], Resend::Always).await;
        assert_eq!(status, 200);
        assert_eq!(asked, [0, 1, 2].map(|index| (index, Duration::ZERO)));
    }

    #[tokio::test(start_paused = true)]
    async fn passes_are_bounded_and_waits_stand_between_them() {
        let config = Config { breaker: None, ..config(1) };
        let (status, asked) = ask(&config, &[None, Some((503, None))], Resend::Always).await;
        assert_eq!((status, who(&asked)), (503, vec![0, 1, 0, 1, 0, 1]));
        assert_eq!(asked[1].1, Duration::ZERO);
        assert!(asked[2].1 >= Duration::from_millis(375), "{asked:?}");
        assert!(asked[4].1 >= Duration::from_millis(375 + 750), "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asked_for_time_is_not_asked_before_it_though_others_are() {
        let config = Config { breaker: None, ..config(1) };
        let (_, asked) = ask(&config, &[Some((429, Some("3"))), None], Resend::Always).await;
        assert_eq!(who(&asked)[..3], [0, 1, 1]);
        let again = asked.iter().skip(1).find(|(index, _)| *index == 0);
        assert!(again.is_none_or(|(_, at)| *at >= Duration::from_secs(3)), "{asked:?}");
        let (_, asked) = ask(&config, &[Some((429, Some("3600"))), None], Resend::Always).await;
        assert_eq!(who(&asked), [0, 1, 1, 1], "too long a wait leaves the others");
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_been_done_is_not_sent_to_another() {
        let (status, asked) =
            ask(&config(1), &[Some((500, None)), Some((200, None))], Resend::Unsent).await;
        assert_eq!((status, who(&asked)), (500, vec![0]));
        let (status, _) = ask(&config(1), &[None, Some((200, None))], Resend::Unsent).await;
        assert_eq!(status, 200, "what was never sent may go elsewhere");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_ends_when_its_failures_opened_the_breaker() {
        let (status, asked) = ask(&config(0), &[Some((500, None))], Resend::Always).await;
        assert_eq!((status, who(&asked)), (503, vec![0, 0]));
    }
}

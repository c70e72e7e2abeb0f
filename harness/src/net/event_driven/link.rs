//! A link between two hosts: how long a packet takes over it, and whether it passes.

use std::time::Duration;

use mock_openai::{
    draw::draw_below,
    quantity::{Rate, Share, Size},
};

use super::segments::HEADERS;
use crate::{
    scenario::{self, LinkSpec},
    trace::Name,
};

/// Linux's least retransmission time-out (`TCP_RTO_MIN`, 200 ms). RFC 6298 2.4 says 1 s; the hosts
/// that relays run on use 200 ms.
const RTO_MIN: Duration = Duration::from_millis(200);

/// The retransmission time-out before any round trip was measured, so that of a SYN: RFC 6298 2.1,
/// and `TCP_TIMEOUT_INIT` of Linux.
const RTO_INITIAL: Duration = Duration::from_secs(1);

/// Linux's largest retransmission time-out (`TCP_RTO_MAX`).
const RTO_MAX: Duration = Duration::from_mins(2);

/// How often Linux sends a segment again before it gives up (`tcp_retries2`).
const RETRIES_MAX: u32 = 15;

/// For ever, on the clock of a run.
pub(super) const NEVER: Duration = Duration::MAX;

/// Both directions of a link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) name: Name,
    up: Way,
    down: Way,
    /// Nothing arrives before this time.
    held_until: Duration,
    /// Of a packet that is larger, the link takes pieces.
    pub(super) payload_max: usize,
}

/// What a link asks of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// On the wire, headers included.
    pub(super) bytes: u64,
    /// Whether it takes up sequence numbers, so that its sender would send it again.
    pub(super) counted: bool,
    /// Whether it opens the connection.
    pub(super) syn: bool,
    /// Whether it asks if its peer lives: lost, it is not sent again.
    pub(super) asks: bool,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Journey {
    /// It arrives at this time.
    Due(Duration),
    /// It is lost once or more, and arrives at this time.
    Late(Duration),
    /// The link is held; it arrives at this time.
    Held(Duration),
    /// It never arrives.
    Lost,
}

impl Link {
    pub(super) fn new(name: Name, up: LinkSpec, down: LinkSpec, mtu: Option<Size>) -> Self {
        let up = Way::new(up, &format!("link {name} up"));
        let down = Way::new(down, &format!("link {name} down"));
        let payload_max = mtu.map_or(u64::MAX, |mtu| mtu.0.saturating_sub(HEADERS).max(1));
        let payload_max = usize::try_from(payload_max).unwrap_or(usize::MAX);
        Self { name, up, down, held_until: Duration::ZERO, payload_max }
    }

    /// Holds everything until then.
    pub(super) fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
    }

    /// Loses everything that is sent before then, both ways or one alone.
    pub(super) fn silence(&mut self, way: Option<scenario::Way>, until: Duration) {
        if way != Some(scenario::Way::Down) {
            self.up.silent_until = self.up.silent_until.max(until);
        }
        if way != Some(scenario::Way::Up) {
            self.down.silent_until = self.down.silent_until.max(until);
        }
    }

    /// Sends a packet, from the client's side if `up`.
    pub(super) fn send(&mut self, seed: u64, now: Duration, up: bool, load: Load) -> Journey {
        let way = if up { &mut self.up } else { &mut self.down };
        if now < way.silent_until {
            let again = retransmitted(now, way.silent_until, load.syn);
            return match again.filter(|_| !load.asks) {
                Some(again) => Journey::Late(whole_millis(again.saturating_add(way.latency()))),
                None => Journey::Lost,
            };
        }
        let Some((leaves, overflowed)) = way.leaves(now, load) else { return Journey::Lost };
        let due = leaves.saturating_add(way.latency()).saturating_add(way.jitter(seed));
        let Some(lost_for) = way.losses(seed, load) else { return Journey::Lost };
        let due = whole_millis(due + lost_for);
        if now < self.held_until {
            Journey::Held(due.max(self.held_until))
        } else if lost_for.is_zero() && !overflowed {
            Journey::Due(due)
        } else {
            Journey::Late(due)
        }
    }

    /// When a packet arrives that was first sent at `sent`, and lost until `until`.
    pub(super) fn sent_again(
        &self,
        sent: Duration,
        until: Duration,
        up: bool,
        syn: bool,
    ) -> Duration {
        let way = if up { &self.up } else { &self.down };
        retransmitted(sent, until, syn).map_or(NEVER, |at| whole_millis(at + way.latency()))
    }
}

/// How long the wire is taken by so many bytes.
fn on_the_wire(bytes: u64, rate: Rate) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.0.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn first_timeout(syn: bool) -> Duration {
    if syn { RTO_INITIAL } else { RTO_MIN }
}

/// The first retransmission at or after `until` of what was first sent at `sent`; none where its
/// sender gives up before.
fn retransmitted(sent: Duration, until: Duration, syn: bool) -> Option<Duration> {
    if until == NEVER {
        return None;
    }
    let (mut at, mut timeout) = (sent, first_timeout(syn));
    for _ in 0..=RETRIES_MAX {
        if at >= until {
            return Some(at);
        }
        at += timeout;
        timeout = (timeout * 2).min(RTO_MAX);
    }
    None
}

/// Time passes in whole milliseconds: tokio's timer knows no less.
fn whole_millis(time: Duration) -> Duration {
    let millis = time.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// A packet that the queue had no room for, sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Again {
    /// When its first bit is on the wire, and its last.
    begins: Duration,
    ends: Duration,
    /// When it is sent again, and waits from then on.
    enters: Duration,
}

/// One direction.
#[derive(Debug)]
struct Way {
    spec: LinkSpec,
    jitter_label: String,
    loss_label: String,
    /// Packets so far: the ordinal of jitter.
    packets: u64,
    /// Draws so far: the ordinal of loss.
    loss_draws: u64,
    /// When the last bit of what was sent so far is on the wire.
    free_at: Duration,
    /// When the wire is taken by what the queue had no room for and is sent again, in order.
    again: Vec<Again>,
    /// What is sent before this time is lost.
    silent_until: Duration,
}

impl Way {
    fn new(spec: LinkSpec, label: &str) -> Self {
        Self {
            spec,
            jitter_label: format!("{label} jitter"),
            loss_label: format!("{label} loss"),
            packets: 0,
            loss_draws: 0,
            free_at: Duration::ZERO,
            again: Vec::new(),
            silent_until: Duration::ZERO,
        }
    }

    fn latency(&self) -> Duration {
        self.spec.latency.unwrap_or_default().0
    }

    /// When the last bit of a packet is on the wire, and whether the queue was too full for it at
    /// first. None where it was so too often.
    fn leaves(&mut self, now: Duration, load: Load) -> Option<(Duration, bool)> {
        let Some(rate) = self.spec.bandwidth else { return Some((now, false)) };
        self.again.retain(|again| again.ends > now);
        let takes = on_the_wire(load.bytes, rate);
        let (mut at, mut timeout) = (now, first_timeout(load.syn));
        for attempt in 0..=RETRIES_MAX {
            let fits =
                self.spec.queue.is_none_or(|queue| self.has_room(at, load, takes, queue, rate));
            if fits && attempt == 0 {
                self.free_at = self.place(self.free_at.max(at), takes);
                return Some((self.free_at, false));
            } else if fits {
                let ends = self.place(self.free_at.max(at), takes);
                self.again.push(Again { begins: ends.saturating_sub(takes), ends, enters: at });
                self.again.sort_unstable();
                return Some((ends, true));
            }
            at = at.saturating_add(timeout);
            timeout = (timeout * 2).min(RTO_MAX);
        }
        None
    }

    /// Whether the queue has room for a packet at a time: what is being sent is in it no more. What
    /// takes up no sequence numbers always has: nobody would see it lost.
    fn has_room(&self, at: Duration, load: Load, takes: Duration, queue: Size, rate: Rate) -> bool {
        let there = self.again.iter().filter(|again| again.enters <= at);
        let again = there.map(|again| again.ends.saturating_sub(at.max(again.begins)));
        let waits = again.fold(self.free_at.saturating_sub(at), Duration::saturating_add);
        !load.counted
            || waits.is_zero()
            || waits.saturating_add(takes) <= on_the_wire(queue.0, rate)
    }

    /// When a packet has been sent that waits from a time on for the wire to be free of what is sent
    /// again.
    fn place(&self, from: Duration, takes: Duration) -> Duration {
        let mut start = from;
        for again in &self.again {
            if start.saturating_add(takes) <= again.begins {
                break;
            }
            start = start.max(again.ends);
        }
        start.saturating_add(takes)
    }

    fn jitter(&mut self, seed: u64) -> Duration {
        let Some(jitter) = self.spec.jitter else { return Duration::ZERO };
        let drawn = jitter.draw(seed, &self.jitter_label, self.packets);
        self.packets += 1;
        drawn
    }

    /// How much later a packet arrives for having been lost; none where its sender gives up.
    ///
    /// A packet that takes up no sequence numbers is not sent again: the next one says the same, so
    /// that no application can see it lost.
    fn losses(&mut self, seed: u64, load: Load) -> Option<Duration> {
        let Some(share) = self.spec.loss.filter(|share| *share > Share(0)) else {
            return Some(Duration::ZERO);
        };
        if !load.counted {
            return Some(Duration::ZERO);
        }
        let (mut late, mut timeout) = (Duration::ZERO, first_timeout(load.syn));
        for _ in 0..=RETRIES_MAX {
            let drawn = draw_below(seed, &self.loss_label, self.loss_draws, 10_000);
            self.loss_draws += 1;
            if drawn >= u64::from(share.0) {
                return Some(late);
            }
            late += timeout;
            timeout = (timeout * 2).min(RTO_MAX);
        }
        None
    }
}

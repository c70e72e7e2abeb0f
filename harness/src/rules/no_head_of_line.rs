//! A slow client is slow alone.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, alignment::passing, limits::Limit};
use crate::{
    exchange::{Passage, Run},
    plan::{Number, RelayKind},
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const KEPT: Limit = Limit {
    name: "no-head-of-line",
    default: Number::Time(Time(Duration::from_millis(10))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long an event may wait at the relay while another client does not read",
    source: "ours, as for `prompt-frames`",
};

/// One lock, one queue or one task for all streams makes everybody wait for the slowest.
pub(super) const RULE: Rule = Rule {
    id: "no-head-of-line",
    level: Level::Profile,
    citation: "RFC 9113 5.2; RFC 9110 3.3",
    demand: "while one client does not read, the others' events still leave within {no-head-of-line} of their arrival",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    let full = Full::of(run);
    // Where no connection was ever full nobody is looked at twice.
    let all = (0..run.exchanges.len()).filter(|_| !full.0.is_empty());
    let relayed = all.filter_map(|index| Some((index, run.at_relay(index)?)));
    for (index, at) in relayed.filter(|(_, at)| !at.felt_pressure()) {
        for (frame, arrived, left) in stays(run.plan.claims.kind, &at) {
            let Some(slow) = full.beside(index, arrived) else { continue };
            inquiry.applies();
            if is_kept(run, arrived, left) {
                inquiry.broke(breach(run, index, frame, left.saturating_sub(arrived), slow));
            }
        }
    }
    inquiry.verdict("no event passed while another client's connection was full")
}

fn breach(run: &Run<'_>, index: usize, frame: usize, kept: Duration, slow: usize) -> Breach {
    let exchange = &run.exchanges[index];
    let wanted = format!("events leave {} within {}", run.relay, Time(allowed(run)));
    let (client, slow) = (&exchange.client, &run.exchanges[slow].client);
    let got = format!("an event for {client} waited {} while {slow} did not read", Time(kept));
    Breach::new(exchange.had(frame), &run.relay, wanted, got).concerning(client)
}

/// Whether this rule tells of an event that came to a host and left it then: others need not.
pub(super) fn tells_of(
    run: &Run<'_>,
    index: usize,
    at: &Passage<'_>,
    (arrived, left): (Duration, Duration),
) -> bool {
    run.plan.is_relay(at.host)
        && !at.felt_pressure()
        && is_kept(run, arrived, left)
        && Full::of(run).beside(index, arrived).is_some()
}

fn is_kept(run: &Run<'_>, arrived: Duration, left: Duration) -> bool {
    left.saturating_sub(arrived) > allowed(run)
}

fn allowed(run: &Run<'_>) -> Duration {
    KEPT.time(run) + run.plan.slow_by(&run.relay)
}

/// The exchanges whose clients' connections had no room at some time.
struct Full<'r>(Vec<(usize, Passage<'r>)>);

impl<'r> Full<'r> {
    fn of(run: &'r Run<'_>) -> Self {
        let all = (0..run.exchanges.len()).filter_map(|index| Some((index, run.at_relay(index)?)));
        Self(all.filter(|(_, at)| at.felt_pressure()).collect())
    }

    /// An exchange beside this one whose client's connection had no room at a time.
    fn beside(&self, exchange: usize, time: Duration) -> Option<usize> {
        let is_full = |at: &Passage<'_>| {
            let mut full = at.below_tcp.down.blocked.iter();
            full.any(|(since, until)| {
                since.at <= time && until.is_none_or(|until| until.at >= time)
            })
        };
        let mut others = self.0.iter().filter(|(other, _)| *other != exchange);
        others.find(|(_, at)| is_full(at)).map(|(other, _)| *other)
    }
}

/// How long each event stayed at a host: the offset behind it in the body, and from when to when.
fn stays(kind: RelayKind, at: &Passage<'_>) -> Vec<(usize, Duration, Duration)> {
    let (Some(incoming), Some(outgoing)) = (at.incoming(), at.outgoing()) else {
        return Vec::new();
    };
    let found = passing(kind, &incoming.body, &outgoing.body);
    let pairs = found.came.iter().zip(&found.went);
    pairs
        .filter_map(|(range, end)| {
            Some((*end, at.arrived(range.end - 1)?.at, at.left(end - 1)?.at))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::Story, plan::RelayKind, scenario::Kind, trace::SocketFact,
        verdict::Verdict,
    };

    /// The slow client's connection is full from 1 ms on; an event for the reader comes at 100 ms and
    /// leaves then.
    fn beside_a_slow_one(leaves_ms: u64) -> Story {
        let mut story = Story::streaming();
        story.client("slow", Kind::Raw);
        story.begins(0, "slow");
        story.socket(1, "relay", "slow", 0, SocketFact::Blocked);
        story.provides(100, "reader", "data: 1\n\n");
        story.passes(leaves_ms, "reader", "data: 1\n\n");
        story.finishes(600, "reader");
        story.over(700);
        story
    }

    #[test]
    fn it_breaks_where_an_event_waits_for_another_client() {
        let breach = beside_a_slow_one(500).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 500);
        assert_eq!(&**breach.client.as_ref().unwrap(), "reader");
        assert_eq!(breach.wanted, ["events leave relay within 10ms"]);
        assert_eq!(breach.got, "an event for reader waited 400ms while slow did not read");
    }

    #[test]
    fn it_holds_where_it_leaves_ten_milliseconds_later() {
        assert_eq!(beside_a_slow_one(110).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_where_everybody_reads() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        let why = "no event passed while another client's connection was full";
        story.assert_not_applicable(&RULE, why);
    }

    #[test]
    fn it_breaks_where_a_relay_writes_in_bytes_of_its_own_and_late() {
        for kind in [RelayKind::Reframing, RelayKind::Translating] {
            let waits = |leaves_ms: u64| {
                let mut story = Story::streaming();
                story.plan.claims.kind = kind;
                story.client("slow", Kind::Raw);
                story.begins(0, "slow");
                story.socket(1, "relay", "slow", 0, SocketFact::Blocked);
                story.provides(100, "reader", "data: 1\n\n");
                story.passes(leaves_ms, "reader", "data:1\n\n");
                story.finishes(600, "reader");
                story.over(700);
                story
            };
            assert_eq!(waits(110).verdict(&RULE), Verdict::Held);
            let got = "an event for reader waited 400ms while slow did not read";
            assert_eq!(waits(500).breach(&RULE).got, got, "{kind:?}");
        }
    }
}

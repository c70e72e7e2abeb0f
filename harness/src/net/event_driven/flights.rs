//! Packets on their way, in the order in which they arrive.

use std::{collections::BTreeMap, time::Duration};

use turmoil_net::TcpSegment;

use super::{ends::EndId, link::NEVER};

/// A packet on its way.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) to: EndId,
    pub(super) segment: TcpSegment,
    /// When it left.
    pub(super) sent: Duration,
    /// Ordinal of its fact in the trace.
    pub(super) fact: usize,
    /// The link that it goes over.
    pub(super) link: usize,
}

/// All packets on their way, by (due time, order of departure).
#[derive(Debug, Default)]
pub(super) struct Flights {
    by_due: BTreeMap<(Duration, u64), Flight>,
    departures: u64,
}

impl Flights {
    pub(super) fn push(&mut self, due: Duration, flight: Flight) {
        self.by_due.insert((due, self.departures), flight);
        self.departures += 1;
    }

    /// The next one that is due by now.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<Flight> {
        let first = self.by_due.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.by_due.first_key_value().map(|((due, _), _)| *due)
    }

    /// Lets nothing arrive over a link before `until`.
    pub(super) fn hold(&mut self, link: usize, until: Duration) {
        let held =
            self.by_due.extract_if(.., |(due, _), flight| flight.link == link && *due < until);
        let held: Vec<_> = held.collect();
        if until < NEVER {
            self.by_due
                .extend(held.into_iter().map(|((_, order), flight)| ((until, order), flight)));
        }
    }
}

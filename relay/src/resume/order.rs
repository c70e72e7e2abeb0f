//! Streams in the order in which they may be forgotten, without a look at all of them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::StreamId;

/// For each stream the moment at which it is over, as far as it is known: the true one is never
/// before it. So only the first need be looked at, and moved while the truth is later.
#[derive(Debug, Default)]
pub(super) struct Order {
    first: BTreeSet<(Instant, StreamId)>,
    known: BTreeMap<StreamId, Instant>,
}

impl Order {
    /// The stream is over at `at`, or later.
    pub(super) fn set(&mut self, stream: StreamId, at: Instant) {
        if let Some(before) = self.known.insert(stream, at) {
            self.first.remove(&(before, stream));
        }
        self.first.insert((at, stream));
    }

    pub(super) fn remove(&mut self, stream: StreamId) {
        if let Some(at) = self.known.remove(&stream) {
            self.first.remove(&(at, stream));
        }
    }

    /// The stream that is over first, and when, by the truth as `over_at` tells it.
    pub(super) fn first(
        &mut self,
        mut over_at: impl FnMut(StreamId) -> Instant,
    ) -> Option<(Instant, StreamId)> {
        loop {
            let (known, stream) = self.first.first().copied()?;
            let truth = over_at(stream);
            if truth <= known {
                return Some((known, stream));
            }
            self.set(stream, truth);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn id(ordinal: u64) -> StreamId {
        StreamId::new(0, ordinal)
    }

    #[test]
    fn a_thousand_streams_that_go_on_are_looked_at_once_and_not_again() {
        let (begun, mut order) = (Instant::now(), Order::default());
        for n in 0..1_000 {
            order.set(id(n), begun);
        }
        let (later, mut looks) = (begun + Duration::from_secs(1), 0);
        for _ in 0..1_000 {
            order.first(|_| {
                looks += 1;
                later
            });
        }
        assert_eq!(looks, 1_000 + 1_000, "each once, and the first each time");
    }

    proptest! {
        #[test]
        fn the_first_is_what_a_look_at_all_finds(
            moves in prop::collection::vec((0_u64..8, 0_u64..50, 0_u8..4), 1..200),
        ) {
            let (zero, mut order) = (Instant::now(), Order::default());
            let mut truth = BTreeMap::new();
            for (n, after, what) in moves {
                let at = zero + Duration::from_secs(after);
                match what {
                    0 => {
                        order.remove(id(n));
                        truth.remove(&id(n));
                    }
                    // Later than it was known, and nobody says so.
                    1 => {
                        truth.entry(id(n)).and_modify(|known: &mut Instant| *known = at.max(*known));
                    }
                    _ => {
                        order.set(id(n), at);
                        truth.insert(id(n), at);
                    }
                }
                let first = truth.iter().map(|(id, at)| (*at, *id)).min();
                prop_assert_eq!(order.first(|id| truth[&id]), first);
            }
        }
    }
}

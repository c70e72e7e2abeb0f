//! The last entries of a journal, kept in memory for who asks later.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Entry, Event, Listener, Query};

/// How many entries are kept where nothing else is said: about three streams of 3,000 frames.
pub const STORE_ENTRIES_DEFAULT: usize = 10_000;

/// How many bytes of bodies are kept at most, over all entries; the newest entry stays in any case.
pub const STORE_BYTES_MAX: usize = 256 << 20;

/// An entry as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Entries are numbered from 0 in the order in which they are told; a reset does not begin
    /// anew, so that a number means one entry only.
    pub number: u64,
    /// Since the store was made.
    pub at: Duration,
    /// What was told.
    pub entry: Entry,
}

/// Keeps the last entries that it hears, and counts those that it had to drop.
///
/// Clones share what they keep.
#[derive(Clone)]
pub struct Store {
    began: Instant,
    capacity: usize,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// In the order of their numbers.
    entries: VecDeque<Seen>,
    /// Acceptances, by connection, until something more is told of it: so that a connection which
    /// turns out to carry control alone has pushed nothing out.
    silent: BTreeMap<u64, Seen>,
    /// Of all bodies in `entries`.
    bytes: usize,
    next: u64,
    dropped: u64,
}

impl Store {
    /// Keeps at most so many entries. Times count from now.
    pub fn new(capacity: usize) -> Self {
        Self { began: Instant::now(), capacity, kept: Arc::default() }
    }

    /// What a [`Mock`](crate::Mock) is given as its journal.
    pub fn listener(&self) -> Listener {
        let store = self.clone();
        Arc::new(move |entry| store.hear(entry))
    }

    /// Keeps an entry.
    pub fn hear(&self, entry: Entry) {
        let at = self.began.elapsed();
        let mut kept = self.kept();
        let seen = Seen { number: kept.next, at, entry };
        kept.next += 1;
        if let Event::Accepted { .. } = seen.entry.event {
            kept.silent.insert(seen.entry.connection, seen);
            return;
        }
        if let Some(accepted) = kept.silent.remove(&seen.entry.connection) {
            let at = kept.entries.partition_point(|other| other.number < accepted.number);
            kept.entries.insert(at, accepted);
        }
        kept.bytes = kept.bytes.saturating_add(weight(&seen.entry));
        kept.entries.push_back(seen);
        kept.shrink(self.capacity);
    }

    /// The entries that a query asks for, oldest first.
    pub fn select(&self, query: &Query) -> Vec<Seen> {
        let kept = self.kept();
        let all = kept.entries.iter().chain(kept.silent.values());
        let mut selected: Vec<Seen> = all.filter(|seen| query.fits(seen)).cloned().collect();
        selected.sort_by_key(|seen| seen.number);
        selected
    }

    /// How many entries were dropped for want of room since the last reset.
    pub fn dropped(&self) -> u64 {
        self.kept().dropped
    }

    /// The number that the next entry will have.
    pub fn next(&self) -> u64 {
        self.kept().next
    }

    /// Time since it was made, which is 0 on its clock.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Forgets all entries; numbers and times go on.
    pub fn forget(&self) {
        let mut kept = self.kept();
        let next = kept.next;
        *kept = Kept { next, ..Kept::default() };
    }

    /// Takes back that a connection was accepted: it turned out to be none of the script's.
    pub(crate) fn retract(&self, connection: u64) {
        self.kept().silent.remove(&connection);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn shrink(&mut self, capacity: usize) {
        while self.entries.len() > capacity
            || (self.bytes > STORE_BYTES_MAX && self.entries.len() > 1)
        {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= weight(&oldest.entry);
            self.dropped += 1;
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

/// The bytes of text and bodies that an entry holds; what else it holds is small.
fn weight(entry: &Entry) -> usize {
    match &entry.event {
        Event::Request { method, target, headers, body } => {
            let fields: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            method.len() + target.len() + fields + body.len()
        }
        Event::Wrote { bytes, .. } => bytes.len(),
        Event::BadRequest { why } => why.len(),
        Event::Unmatched { nearest } => nearest.len(),
        Event::Accepted { .. }
        | Event::Matched { .. }
        | Event::Limited { .. }
        | Event::Unauthorized { .. }
        | Event::Head { .. }
        | Event::NotAccepted { .. }
        | Event::Marked { .. }
        | Event::Ended { .. }
        | Event::PeerGone { .. }
        | Event::Closed => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrote(connection: u64, bytes: usize) -> Entry {
        let event = Event::Wrote { offset: 0, bytes: vec![b'x'; bytes].into() };
        Entry { connection, request: Some(0), event }
    }

    fn numbers(store: &Store) -> Vec<u64> {
        store.select(&Query::default()).iter().map(|seen| seen.number).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_entries_stay_and_the_dropped_ones_are_counted() {
        let store = Store::new(3);
        let listener = store.listener();
        for connection in 0..5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            listener(wrote(connection, 1));
        }
        assert_eq!(numbers(&store), [2, 3, 4]);
        assert_eq!((store.dropped(), store.next()), (2, 5));
        let times: Vec<_> =
            store.select(&Query::default()).iter().map(|seen| seen.at.as_millis()).collect();
        assert_eq!(times, [30, 40, 50]);
    }

    #[tokio::test]
    async fn large_bodies_push_older_entries_out() {
        let store = Store::new(100);
        for connection in 0..3 {
            store.hear(wrote(connection, STORE_BYTES_MAX / 2));
        }
        assert_eq!(numbers(&store), [1, 2]);
        store.hear(wrote(3, STORE_BYTES_MAX + 1));
        assert_eq!(numbers(&store), [3]);
        assert_eq!(store.dropped(), 3);
    }

    #[tokio::test]
    async fn an_acceptance_stands_in_its_place_and_takes_none_while_nothing_more_is_told() {
        let store = Store::new(2);
        let accepted = |connection| {
            let peer = "127.0.0.1:80".parse().unwrap();
            Entry { connection, request: None, event: Event::Accepted { peer } }
        };
        for entry in [wrote(0, 1), accepted(1), accepted(2), wrote(0, 1)] {
            store.hear(entry);
        }
        assert_eq!(numbers(&store), [0, 1, 2, 3]);
        store.retract(2);
        assert_eq!(numbers(&store), [0, 1, 3]);
        assert_eq!(store.dropped(), 0);
        store.hear(wrote(1, 1));
        assert_eq!(numbers(&store), [3, 4]);
        assert_eq!(store.dropped(), 2);
    }

    #[tokio::test]
    async fn a_reset_forgets_entries_and_lets_numbers_go_on() {
        let store = Store::new(1);
        store.hear(wrote(0, 1));
        store.hear(wrote(0, 1));
        store.forget();
        assert_eq!(numbers(&store), [0; 0]);
        assert_eq!(store.dropped(), 0);
        store.hear(wrote(0, 1));
        assert_eq!(numbers(&store), [2]);
    }
}

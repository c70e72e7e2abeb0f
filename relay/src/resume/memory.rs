//! Keeps streams in this process, within a bound.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    StreamId,
    order::Order,
    store::{End, Entry, LEASE, Label, Opened, Place, Read, Store, StoreError},
};
use crate::{config::Config, lock::Locked as _, reached::reached};

/// A store's bounds.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes kept of one stream.
    pub bytes: usize,
    /// Streams kept in all. At the bound the one that ended first gives way; one that runs or is read
    /// never.
    pub streams: usize,
    /// How long a stream is kept after its end.
    pub keep: Duration,
}

impl Bounds {
    /// Those of a configuration.
    pub fn of(config: &Config) -> Self {
        Self {
            bytes: config.resume_bytes,
            streams: config.resume_streams,
            keep: config.resume_keep,
        }
    }
}

/// The store of a relay that has no other.
///
/// What is over its time is dropped when the next stream begins or is opened: no task and no timer
/// waits for it, and until then it counts within the bounds. So does what is still read.
#[derive(Debug)]
pub struct MemoryStore {
    bounds: Bounds,
    streams: Arc<Mutex<Streams>>,
}

#[derive(Debug, Default)]
struct Streams {
    rings: BTreeMap<StreamId, Arc<watch::Sender<Ring>>>,
    /// How many readers each has, where it has any.
    readers: BTreeMap<StreamId, usize>,
    /// Those that nobody reads.
    order: Order,
}

impl Streams {
    /// The one that was over first, and when; a running one is over when its lease would be.
    fn first(&mut self) -> Option<(Instant, StreamId)> {
        let Self { rings, order, .. } = self;
        // What is in the order has a ring.
        order.first(|id| rings.get(&id).map_or_else(Instant::now, |ring| ring.borrow().over_at()))
    }

    fn forget(&mut self, stream: StreamId) {
        self.rings.remove(&stream);
        self.order.remove(stream);
    }

    /// Puts the stream among those that may be forgotten, unless somebody reads it.
    fn rank(&mut self, stream: StreamId) {
        if let Some(ring) = self.rings.get(&stream)
            && !self.readers.contains_key(&stream)
        {
            self.order.set(stream, ring.borrow().over_at());
        }
    }

    fn attach(&mut self, stream: StreamId) {
        *self.readers.entry(stream).or_default() += 1;
        self.order.remove(stream);
    }

    fn detach(&mut self, stream: StreamId) {
        if let Some(readers) = self.readers.get_mut(&stream) {
            *readers -= 1;
            if *readers == 0 {
                self.readers.remove(&stream);
                self.rank(stream);
            }
        }
    }

    fn forget_old(&mut self, keep: Duration) {
        while let Some((over, stream)) = self.first()
            && is_old(over, keep)
        {
            self.forget(stream);
        }
    }
}

/// Whether what was over then was kept for its time.
fn is_old(over: Instant, keep: Duration) -> bool {
    over <= Instant::now() && over.elapsed() >= keep
}

/// A reader of a stream; dropped, the stream may be forgotten.
struct Reading(Arc<Mutex<Streams>>, StreamId);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.locked().detach(self.1);
    }
}

/// One stream's last bytes.
#[derive(Debug)]
pub(super) struct Ring {
    entries: VecDeque<Entry>,
    /// The offset of the first byte kept.
    begin: u64,
    /// The offset behind the last byte.
    next: u64,
    last_event: u64,
    label: Label,
    end: Option<(End, Instant)>,
    /// When the writer last said that it lives. Relays may share a store in one process, as in
    /// simulations, and one of them may crash.
    held: Instant,
    /// It was found to be lost elsewhere.
    lost: bool,
}

impl MemoryStore {
    /// Keeps nothing yet.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, streams: Arc::default() }
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.locked()
    }

    fn ring(&self, stream: StreamId) -> Result<Arc<watch::Sender<Ring>>, StoreError> {
        self.streams().rings.get(&stream).cloned().ok_or(StoreError::Unknown)
    }

    /// Whether the stream was begun here and is not forgotten.
    #[cfg(feature = "redis")]
    pub(crate) fn has(&self, stream: StreamId) -> bool {
        self.ring(stream).is_ok()
    }

    /// Forgets a stream.
    #[cfg(feature = "redis")]
    pub(crate) fn forget(&self, stream: StreamId) {
        self.streams().forget(stream);
    }

    fn begin_now(&self, stream: StreamId, label: Label) -> Result<(), StoreError> {
        let mut streams = self.streams();
        streams.forget_old(self.bounds.keep);
        if streams.rings.contains_key(&stream) {
            return Err(StoreError::Exists);
        }
        if streams.rings.len() >= self.bounds.streams {
            let over = streams.first().filter(|(over, _)| *over <= Instant::now());
            let (_, first) = over.ok_or(StoreError::Full)?;
            reached!("a kept stream gives way to a new one");
            streams.forget(first);
        }
        streams.rings.insert(stream, Arc::new(watch::Sender::new(Ring::new(label))));
        streams.rank(stream);
        Ok(())
    }

    fn end_now(&self, stream: StreamId, end: End) -> Result<(), StoreError> {
        let mut streams = self.streams();
        let ring = streams.rings.get(&stream).cloned().ok_or(StoreError::Unknown)?;
        ring.send_modify(|ring| ring.close(end));
        // Earlier than was known: the lease would have lasted longer.
        streams.rank(stream);
        Ok(())
    }

    fn open_now(&self, stream: StreamId, after: u64) -> Result<Opened, StoreError> {
        self.streams().forget_old(self.bounds.keep);
        let ring = self.ring(stream)?;
        let ring = ring.borrow();
        // It is there for those who read it, and for nobody else.
        if is_old(ring.over_at(), self.bounds.keep) {
            reached!("a kept stream is forgotten after its time");
            return Err(StoreError::Unknown);
        }
        ring.open(after)
    }
}

impl Ring {
    pub(super) fn new(label: Label) -> Self {
        let entries = VecDeque::new();
        Self {
            entries,
            begin: 0,
            next: 0,
            last_event: 0,
            label,
            end: None,
            held: Instant::now(),
            lost: false,
        }
    }

    /// Adds an entry that was kept elsewhere; the first one says what was dropped before it.
    ///
    /// # Errors
    /// It does not follow on the one before: what lies between them is gone.
    #[cfg(feature = "redis")]
    pub(super) fn append_at(&mut self, begin: u64, entry: Entry) -> Result<(), StoreError> {
        if self.entries.is_empty() {
            (self.begin, self.next) = (begin, begin);
        } else if begin != self.next || entry.first != self.last_event + 1 {
            return Err(StoreError::Dropped);
        }
        self.append(entry, usize::MAX);
        Ok(())
    }

    /// No more will come; only the first end counts.
    pub(super) fn close(&mut self, end: End) {
        self.end.get_or_insert_with(|| (end, Instant::now()));
    }

    /// When it ended, or loses its writer unless that one renews its hold.
    fn over_at(&self) -> Instant {
        self.end.as_ref().map_or(self.held + LEASE, |(_, at)| *at)
    }

    /// Its writer is gone.
    #[cfg(feature = "redis")]
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    fn is_lost(&self) -> bool {
        self.end.is_none() && (self.lost || self.over_at() <= Instant::now())
    }

    fn append(&mut self, entry: Entry, bound: usize) {
        self.next += entry.bytes.len() as u64;
        self.last_event = entry.first - 1 + entry.ends.len() as u64;
        self.entries.push_back(entry);
        while self.next - self.begin > bound as u64 && self.entries.len() > 1 {
            reached!("the oldest bytes of a kept stream give way");
            self.begin += self.entries.pop_front().map_or(0, |entry| entry.bytes.len() as u64);
        }
    }

    pub(super) fn open(&self, after: u64) -> Result<Opened, StoreError> {
        // Of a lost stream one event more was told: that it is lost.
        let news = u64::from(self.is_lost());
        if after >= self.last_event + news && (self.end.is_some() || self.is_lost()) {
            return Err(StoreError::Over);
        }
        if after > self.last_event {
            return Err(StoreError::Unknown);
        }
        let offset = if after == 0 && self.begin == 0 { Some(0) } else { self.behind(after) };
        let offset = offset.ok_or(StoreError::Dropped)?;
        Ok(Opened { offset, label: self.label.clone() })
    }

    /// The offset right behind an event that is kept.
    fn behind(&self, event: u64) -> Option<u64> {
        let mut offset = self.begin;
        for entry in &self.entries {
            let nth = event.checked_sub(entry.first)?;
            if let Some(end) = usize::try_from(nth).ok().and_then(|nth| entry.ends.get(nth)) {
                return Some(offset + *end as u64);
            }
            offset += entry.bytes.len() as u64;
        }
        None
    }

    fn read(&self, offset: u64) -> Result<Option<Read>, StoreError> {
        let mut skip = offset.checked_sub(self.begin).ok_or(StoreError::Dropped)?;
        for entry in &self.entries {
            let length = entry.bytes.len() as u64;
            if skip < length {
                let from = usize::try_from(skip).map_err(|_| StoreError::Unknown)?;
                return Ok(Some(Read::Bytes(entry.bytes.slice(from..))));
            }
            skip -= length;
        }
        Ok(self.end.as_ref().map(|(end, _)| Read::End(*end)))
    }
}

impl Store for MemoryStore {
    fn begin(&self, stream: StreamId, label: Label) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.begin_now(stream, label) })
    }

    fn append(&self, stream: StreamId, entry: Entry) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.ring(stream)?.send_modify(|ring| ring.append(entry, self.bounds.bytes));
            Ok(())
        })
    }

    fn hold(&self, stream: StreamId) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            self.ring(stream)?.send_if_modified(|ring| {
                ring.held = Instant::now();
                false
            });
            Ok(self.streams().readers.contains_key(&stream))
        })
    }

    fn end(&self, stream: StreamId, end: End) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.end_now(stream, end) })
    }

    fn attach(&self, stream: StreamId) -> Place {
        self.streams().attach(stream);
        Box::new(Reading(Arc::clone(&self.streams), stream))
    }

    fn open(&self, stream: StreamId, after: u64) -> BoxFuture<'_, Result<Opened, StoreError>> {
        Box::pin(async move { self.open_now(stream, after) })
    }

    fn read(&self, stream: StreamId, offset: u64) -> BoxFuture<'_, Result<Read, StoreError>> {
        Box::pin(async move {
            let mut ring = self.ring(stream)?.subscribe();
            loop {
                let lost = ring.borrow().held + LEASE;
                let ready = async {
                    let ready = ring.wait_for(|ring| ring.next > offset || ring.end.is_some());
                    ready.await.map(|ring| ring.read(offset))
                };
                match timeout_at(lost, ready).await {
                    // `Unknown`: forgotten while it was waited for.
                    Ok(read) => {
                        let read = read.map_err(|_| StoreError::Unknown)??;
                        return read.ok_or(StoreError::Unknown);
                    }
                    Err(_) if ring.borrow().is_lost() => {
                        return Err(StoreError::WriterLost {
                            last_event: ring.borrow().last_event,
                        });
                    }
                    Err(_) => {}
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::resume::Owner;

    fn label() -> Label {
        Label { farewell: Bytes::new(), owner: Owner([0; 16]) }
    }

    fn store(bytes: usize, streams: usize) -> MemoryStore {
        MemoryStore::new(Bounds { bytes, streams, keep: Duration::from_mins(5) })
    }

    fn id(ordinal: u64) -> StreamId {
        StreamId::new(0, ordinal)
    }

    /// Event `n`, ten bytes long.
    fn event(n: u64) -> Entry {
        let bytes = Bytes::from(format!("data: {n:02}\n\n"));
        Entry { ends: vec![bytes.len()], bytes, first: n }
    }

    async fn begun(store: &MemoryStore, events: u64) {
        store.begin(id(1), label()).await.unwrap();
        for n in 1..=events {
            store.append(id(1), event(n)).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_bytes_are_kept_and_who_needs_more_is_told() {
        let store = store(30, 1);
        begun(&store, 9).await;
        let held: usize =
            store.ring(id(1)).unwrap().borrow().entries.iter().map(|e| e.bytes.len()).sum();
        assert_eq!(held, 30);
        for dropped in 0..7 {
            assert_eq!(store.open(id(1), dropped).await, Err(StoreError::Dropped), "{dropped}");
        }
        for (after, offset) in [(7, 70), (8, 80), (9, 90)] {
            assert_eq!(store.open(id(1), after).await.unwrap().offset, offset);
        }
        assert_eq!(store.open(id(1), 10).await, Err(StoreError::Unknown));
        assert_eq!(store.read(id(1), 59).await, Err(StoreError::Dropped));
        let bytes = Bytes::from_static(b"7\n\n");
        assert_eq!(store.read(id(1), 67).await, Ok(Read::Bytes(bytes)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_waits_for_what_comes() {
        let store = Arc::new(store(100, 1));
        begun(&store, 1).await;
        let reader = tokio::spawn({
            let store = Arc::clone(&store);
            async move { (store.read(id(1), 10).await, store.read(id(1), 20).await) }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        store.append(id(1), event(2)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        store.end(id(1), End::Whole).await.unwrap();
        let (first, last) = reader.await.unwrap();
        assert_eq!(first, Ok(Read::Bytes(event(2).bytes)));
        assert_eq!(last, Ok(Read::End(End::Whole)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_ended_stream_is_kept_for_its_time_and_the_first_end_counts() {
        let store = store(100, 1);
        begun(&store, 2).await;
        store.end(id(1), End::Whole).await.unwrap();
        store.end(id(1), End::Broken).await.unwrap();
        tokio::time::sleep(Duration::from_secs(299)).await;
        assert_eq!(store.open(id(1), 2).await, Err(StoreError::Over));
        assert_eq!(store.read(id(1), 20).await, Ok(Read::End(End::Whole)));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(store.open(id(1), 1).await, Err(StoreError::Unknown));
        assert!(store.ring(id(1)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_bound_what_ended_first_gives_way_and_what_runs_does_not() {
        let store = store(100, 2);
        for n in [1, 2] {
            store.begin(id(n), label()).await.unwrap();
        }
        assert_eq!(store.begin(id(1), label()).await, Err(StoreError::Exists));
        assert_eq!(store.begin(id(3), label()).await, Err(StoreError::Full));
        for n in [2, 1] {
            store.end(id(n), End::Whole).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        store.begin(id(3), label()).await.unwrap();
        assert!(store.ring(id(1)).is_ok() && store.ring(id(2)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_gives_way_to_nobody_until_its_last_reader_has_gone() {
        let store = store(100, 1);
        begun(&store, 2).await;
        let (first, second) = (store.attach(id(1)), store.attach(id(1)));
        store.end(id(1), End::Whole).await.unwrap();
        drop(first);
        assert_eq!(store.begin(id(2), label()).await, Err(StoreError::Full));
        tokio::time::sleep(Duration::from_mins(10)).await;
        // For those who come after its time it is forgotten all the same.
        assert_eq!(store.open(id(1), 1).await, Err(StoreError::Unknown));
        assert_eq!(store.begin(id(2), label()).await, Err(StoreError::Full));
        assert_eq!(store.read(id(1), 10).await, Ok(Read::Bytes(event(2).bytes)));
        drop(second);
        store.begin(id(2), label()).await.unwrap();
        assert!(store.ring(id(1)).is_err() && store.streams().readers.is_empty());
    }
}

//! What is kept of streams so that they can be resumed, whoever keeps it.

use std::{fmt, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{Owner, StreamId};

/// How often a writer renews its hold on a stream. A third of the lease, so that one lost renewal
/// does no harm.
pub const HOLD: Duration = Duration::from_secs(3);

/// How long a writer is taken to live without renewing its hold.
pub const LEASE: Duration = Duration::from_secs(9);

/// A piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes, as clients get them.
    pub bytes: Bytes,
    /// The number of the first event that ends in it, or that would be the next to end.
    pub first: u64,
    /// Offsets in `bytes` right behind each event that ends in it.
    pub ends: Vec<usize>,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As framed.
    Whole,
    /// Broken off: its framing must be left unfinished.
    Broken,
}

/// Where a reader begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The offset of its first byte in the stream.
    pub offset: u64,
    /// What was kept with it.
    pub label: Label,
}

/// What is kept with a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The event with which a reader ends if the rest cannot be had.
    pub farewell: Bytes,
    /// Whose it is.
    pub owner: Owner,
}

/// What is there at an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Bytes from the offset on, never none.
    Bytes(Bytes),
    /// Nothing more, ever.
    End(End),
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No such stream: never begun, or forgotten since.
    #[error("the stream is not known, or was forgotten since it ended")]
    Unknown,
    /// The place is no longer kept.
    #[error("what follows that event is no longer kept")]
    Dropped,
    /// The stream has ended and was read.
    #[error("the stream is over and was read")]
    Over,
    /// The name is taken.
    #[error("there is a stream of that name")]
    Exists,
    /// All places hold streams that still run or are still read.
    #[error("as many streams are kept as may be")]
    Full,
    /// The writer is gone and nobody will write the rest.
    #[error("the relay that wrote the stream is gone")]
    WriterLost {
        /// The number of the last event that it wrote. The one after it stands for the news.
        last_event: u64,
    },
    /// The store itself cannot be reached, or does not answer as it should.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
}

/// A reader's place at a stream; dropped, the reader is gone.
pub type Place = Box<dyn Send>;

/// Keeps the last bytes of streams.
///
/// A stream is a sequence of bytes with numbered events in it. It has one writer, which begins it,
/// appends in order, and ends it; and any number of readers, anywhere.
///
/// - **Order**: bytes are read in the order in which they were appended, with no gap and no
///   duplicate: a reader that asks on from where its last bytes ended has the whole stream.
/// - **Idempotence**: reading changes nothing. Ending again changes nothing.
/// - **Bounds**: of each stream the last bytes are kept, up to the store's bound or one entry,
///   whichever is more; after the end for a limited time only. A reader whose place was dropped
///   gets [`StoreError::Dropped`], never something else in its place. A stream at which a reader has
///   its [`Place`] does not give way to others, not even after its end.
/// - **Dropping** any of the futures is harmless, but for a writer's: then whether it was done is
///   not known.
pub trait Store: fmt::Debug + Send + Sync {
    /// Makes room for a stream.
    fn begin(&self, stream: StreamId, label: Label) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Adds a piece at the end.
    fn append(&self, stream: StreamId, entry: Entry) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Says that the writer lives; to be called every [`HOLD`] until the end. Tells whether anybody
    /// has a place at the stream, at whichever relay.
    fn hold(&self, stream: StreamId) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// No more will come.
    fn end(&self, stream: StreamId, end: End) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Gives a reader its place, before it opens the stream; of one that is not known it means nothing.
    fn attach(&self, stream: StreamId) -> Place;

    /// Finds the offset behind event `after`; 0 is the stream's beginning.
    fn open(&self, stream: StreamId, after: u64) -> BoxFuture<'_, Result<Opened, StoreError>>;

    /// What is there at that offset; waits until something is.
    fn read(&self, stream: StreamId, offset: u64) -> BoxFuture<'_, Result<Read, StoreError>>;
}

//! Carries a stream from its source to the store, whether anybody reads or not.

use std::{future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{
    StreamId,
    live::Live,
    store::{End, Entry, HOLD, Store, StoreError},
};
use crate::wire::Client;

/// A body with numbered events.
pub(crate) trait Pumped: Body<Data = Bytes> {
    /// Where events end in the bytes that it gave last.
    fn take_ends(&mut self) -> Vec<usize>;

    /// The store takes no more of it.
    fn refused(&mut self);

    /// Nobody reads it: it ends at once, with these last bytes.
    fn give_up(&mut self) -> Option<Bytes>;
}

/// One stream's way into the store.
#[derive(Debug)]
pub(crate) struct Pump {
    pub(crate) stream: StreamId,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) live: Arc<Live>,
    /// How far the slowest reader may be behind before the source has to wait. What the store
    /// keeps is twice that, so that no reader that is attached here ever loses its place.
    pub(crate) window: usize,
    /// How long the source goes on without a reader, here or elsewhere.
    pub(crate) wait: Duration,
}

enum Step<E> {
    Abandoned,
    Hold,
    Frame(Option<Result<Frame<Bytes>, E>>),
}

impl Pump {
    /// Runs until the source ends, is abandoned, or the store refuses. The source's `client` is not
    /// a socket: what the store took counts as flushed.
    pub(crate) async fn run<S>(self, mut source: S, client: Client)
    where
        S: Pumped + Unpin,
    {
        // A store that refuses has forgotten the stream: its readers are told so by the store.
        if self.carry(&mut source, &client).await.is_err() {
            source.refused();
        }
    }

    async fn carry<S>(&self, source: &mut S, client: &Client) -> Result<(), StoreError>
    where
        S: Pumped + Unpin,
    {
        let mut writer = Writer { pump: self, next: 1, offset: 0 };
        let mut hold = interval(HOLD);
        hold.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut abandoned = std::pin::pin!(self.live.abandoned(self.wait));
        loop {
            let step = tokio::select! {
                biased;
                () = &mut abandoned => Step::Abandoned,
                _ = hold.tick() => Step::Hold,
                frame = self.next(source) => Step::Frame(frame),
            };
            let end = match step {
                Step::Hold => {
                    self.hold().await?;
                    continue;
                }
                Step::Frame(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        writer.write(bytes, source.take_ends()).await?;
                    }
                    client.flushed();
                    continue;
                }
                Step::Frame(None) => End::Whole,
                Step::Frame(Some(Err(_))) => End::Broken,
                Step::Abandoned => {
                    // The wait may be shorter than from one hold to the next.
                    if self.hold().await? {
                        abandoned.set(self.live.abandoned(self.wait.max(HOLD)));
                        continue;
                    }
                    if let Some(bytes) = source.give_up() {
                        writer.write(bytes, source.take_ends()).await?;
                    }
                    End::Broken
                }
            };
            return self.store.end(self.stream, end).await;
        }
    }

    /// Keeps the stream; says whether anybody reads it, which begins the wait for readers anew.
    async fn hold(&self) -> Result<bool, StoreError> {
        let is_read = self.store.hold(self.stream).await?;
        if is_read {
            self.live.is_read();
        }
        Ok(is_read)
    }

    /// Waits for the slowest reader in the middle of a piece, and keeps the stream meanwhile.
    async fn room(&self) -> Result<(), StoreError> {
        while timeout(HOLD, self.live.room(self.window as u64)).await.is_err() {
            self.hold().await?;
        }
        Ok(())
    }

    /// Takes from the source once the slowest reader has come near.
    async fn next<S>(&self, source: &mut S) -> Option<Result<Frame<Bytes>, S::Error>>
    where
        S: Pumped + Unpin,
    {
        self.live.room(self.window as u64).await;
        poll_fn(|cx| Pin::new(&mut *source).poll_frame(cx)).await
    }
}

struct Writer<'a> {
    pump: &'a Pump,
    next: u64,
    offset: u64,
}

impl Writer<'_> {
    async fn write(&mut self, bytes: Bytes, ends: Vec<usize>) -> Result<(), StoreError> {
        let events = ends.len() as u64;
        let entries = entries(bytes, ends, self.next, self.pump.window.max(1));
        self.next += events;
        for (nth, entry) in entries.into_iter().enumerate() {
            if nth > 0 {
                self.pump.room().await?;
            }
            self.offset += entry.bytes.len() as u64;
            self.pump.live.wrote(self.offset);
            self.pump.store.append(self.pump.stream, entry).await?;
        }
        Ok(())
    }
}

/// Cuts a piece so that none is larger than `most`: what a store keeps is counted in whole entries.
fn entries(mut bytes: Bytes, ends: Vec<usize>, mut first: u64, most: usize) -> Vec<Entry> {
    let (mut entries, mut ends, mut begin) = (Vec::new(), ends.into_iter().peekable(), 0);
    while !bytes.is_empty() {
        let piece = bytes.split_to(most.min(bytes.len()));
        let behind = begin + piece.len();
        let mut own = Vec::new();
        while let Some(end) = ends.next_if(|end| *end <= behind) {
            own.push(end - begin);
        }
        let next = first + own.len() as u64;
        entries.push(Entry { bytes: piece, first, ends: own });
        (first, begin) = (next, behind);
    }
    entries
}

//! Keeps streams in Redis, so that any relay can resume what another began.
//!
//! A stream is a Redis stream whose ids are offsets: the entry with id `<n>-0` ends at byte `n`, so
//! one that was added cannot be added again, trimming by id bounds the bytes, and a reader sees
//! from ids alone whether it missed any. The end is the entry `<n>-1`. Beside it lie three keys: `head`
//! holds owner and farewell and takes the name, `lease` lives as long as the writer renews it, and
//! `readers` as long as a relay renews it where the stream is read and not written.
//!
//! What is written here is kept in memory too, and read from there: a running stream's readers on
//! this relay do not need Redis. If Redis fails while a stream is written, the stream goes on here
//! alone. It is not written to Redis again, since it would have a gap; its lease runs out, and
//! readers on other relays are told that its writer is lost.
//!
//! Keys are plain text and hold what clients were sent: the Redis must be as private as the relay.

#[path = "redis_connections.rs"]
mod connections;
#[path = "redis_form.rs"]
mod form;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use redis::{
    FromRedisValue, Pipeline, RedisError,
    streams::{StreamId as RedisEntry, StreamRangeReply, StreamReadReply},
};
use tokio::time::Instant;

use self::{
    connections::{BLOCK, Connections},
    form::{Kept, head, kept, key, label, read_at},
};
use super::{
    StreamId,
    memory::{Bounds, MemoryStore, Ring},
    store::{End, Entry, LEASE, Label, Opened, Place, Read, Store, StoreError},
};
use crate::lock::Locked as _;

/// Streams in Redis; several relays may use one server.
pub struct RedisStore {
    connections: Connections,
    bounds: Bounds,
    lease: Duration,
    local: MemoryStore,
    /// Streams that are written here.
    writing: Mutex<BTreeMap<StreamId, Writing>>,
    /// Streams that are read here and written elsewhere.
    reading: Arc<Mutex<BTreeMap<StreamId, Reading>>>,
}

#[derive(Debug, Clone, Copy)]
struct Writing {
    offset: u64,
    /// Redis misses a part of it.
    lost: bool,
}

#[derive(Debug, Default)]
struct Reading {
    readers: usize,
    /// When the writer was last told of them.
    told: Option<Instant>,
}

impl Reading {
    /// Whether the writer is to be told of them now, once in `every`.
    fn is_due(&mut self, every: Duration) -> bool {
        let is_due = self.told.is_none_or(|at| at.elapsed() >= every);
        if is_due {
            self.told = Some(Instant::now());
        }
        is_due
    }
}

/// A reader's place at a stream that is written elsewhere.
struct Remote(Arc<Mutex<BTreeMap<StreamId, Reading>>>, StreamId);

impl Drop for Remote {
    fn drop(&mut self) {
        let mut reading = self.0.locked();
        if let Some(here) = reading.get_mut(&self.1) {
            here.readers -= 1;
            if here.readers == 0 {
                reading.remove(&self.1);
            }
        }
    }
}

impl fmt::Debug for RedisStore {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl RedisStore {
    /// Uses the server at `url`, as `redis://127.0.0.1:6379`; connects when first needed.
    ///
    /// # Errors
    /// The URL is none of Redis.
    pub fn new(url: &str, bounds: Bounds) -> Result<Self, StoreError> {
        Self::with_lease(url, bounds, LEASE)
    }

    fn with_lease(url: &str, bounds: Bounds, lease: Duration) -> Result<Self, StoreError> {
        Ok(Self {
            connections: Connections::new(url)?,
            bounds,
            lease,
            local: MemoryStore::new(bounds),
            writing: Mutex::default(),
            reading: Arc::default(),
        })
    }

    async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, StoreError> {
        self.connections.ask(commands).await
    }

    fn writing(&self, stream: StreamId) -> Option<Writing> {
        self.writing.locked().get(&stream).copied()
    }

    fn set_writing(&self, stream: StreamId, writing: Writing) {
        self.writing.locked().insert(stream, writing);
    }

    /// Writers may go without an end. Of as many streams as are kept, memory knows which are left.
    fn forget_vanished(&self) {
        let mut writing = self.writing.locked();
        if writing.len() >= self.bounds.streams {
            writing.retain(|stream, _| self.local.has(*stream));
        }
    }

    /// Does it where Redis has the whole stream; if it fails, Redis has not any more.
    async fn write<T: FromRedisValue>(
        &self,
        stream: StreamId,
        writing: Writing,
        commands: &Pipeline,
    ) -> Option<T> {
        let answer = if writing.lost { None } else { self.ask(commands).await.ok() };
        self.set_writing(stream, Writing { lost: answer.is_none(), ..writing });
        answer
    }

    /// Tells the writer, at another relay, that the stream is read here; as often as a writer renews
    /// its hold.
    async fn tell_writer(&self, stream: StreamId) -> Result<(), StoreError> {
        let is_due = {
            let mut reading = self.reading.locked();
            reading.get_mut(&stream).is_some_and(|here| here.is_due(self.lease / 3))
        };
        if is_due {
            let mut commands = redis::pipe();
            commands.cmd("SET").arg(key(stream, "readers")).arg(1).arg("PX");
            commands.arg(millis(self.lease));
            self.ask::<redis::Value>(&commands).await?;
        }
        Ok(())
    }

    /// How long keys outlive their last writing: a crashed writer's stream can still be read.
    fn keep_millis(&self) -> u64 {
        millis(self.bounds.keep.saturating_add(self.lease))
    }

    async fn begin_now(&self, stream: StreamId, label: Label) -> Result<(), StoreError> {
        let head = head(&label);
        self.local.begin(stream, label).await?;
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(key(stream, "head")).arg(head).arg("NX");
        commands.arg("PX").arg(self.keep_millis());
        let answer = self.ask::<(Option<String>,)>(&commands).await;
        if let Ok((None,)) = answer {
            self.local.forget(stream);
            return Err(StoreError::Exists);
        }
        self.forget_vanished();
        self.set_writing(stream, Writing { offset: 0, lost: answer.is_err() });
        self.hold_now(stream).await?;
        Ok(())
    }

    async fn append_now(&self, stream: StreamId, entry: Entry) -> Result<(), StoreError> {
        let mut writing = self.writing(stream).ok_or(StoreError::Unknown)?;
        writing.offset += entry.bytes.len() as u64;
        let ends: Vec<String> = entry.ends.iter().map(ToString::to_string).collect();
        let mut commands = redis::pipe();
        commands.cmd("XADD").arg(key(stream, "events")).arg("MINID");
        commands.arg(format!("{}-0", writing.offset.saturating_sub(self.bounds.bytes as u64)));
        commands.arg(format!("{}-0", writing.offset)).arg("bytes").arg(&entry.bytes[..]);
        commands.arg("first").arg(entry.first).arg("ends").arg(ends.join(","));
        commands.cmd("PEXPIRE").arg(key(stream, "events")).arg(self.keep_millis());
        self.write::<redis::Value>(stream, writing, &commands).await;
        self.local.append(stream, entry).await
    }

    async fn hold_now(&self, stream: StreamId) -> Result<bool, StoreError> {
        let writing = self.writing(stream).ok_or(StoreError::Unknown)?;
        let is_read_here = self.local.hold(stream).await?;
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(key(stream, "lease")).arg(1).arg("PX").arg(millis(self.lease));
        commands.ignore();
        for part in ["head", "events"] {
            commands.cmd("PEXPIRE").arg(key(stream, part)).arg(self.keep_millis()).ignore();
        }
        commands.cmd("EXISTS").arg(key(stream, "readers"));
        let is_read_elsewhere = self.write(stream, writing, &commands).await;
        Ok(is_read_here || is_read_elsewhere == Some((true,)))
    }

    async fn end_now(&self, stream: StreamId, end: End) -> Result<(), StoreError> {
        if let Some(writing) = self.writing(stream) {
            let mut commands = redis::pipe();
            commands.cmd("XADD").arg(key(stream, "events")).arg(format!("{}-1", writing.offset));
            commands.arg("complete").arg(u8::from(end == End::Whole));
            for part in ["head", "events"] {
                commands.cmd("PEXPIRE").arg(key(stream, part)).arg(millis(self.bounds.keep));
            }
            commands.cmd("DEL").arg(key(stream, "lease"));
            self.write::<redis::Value>(stream, writing, &commands).await;
            self.writing.locked().remove(&stream);
        }
        self.local.end(stream, end).await
    }

    async fn open_now(&self, stream: StreamId, after: u64) -> Result<Opened, StoreError> {
        if self.local.has(stream) {
            return self.local.open(stream, after).await;
        }
        let mut commands = redis::pipe();
        commands.cmd("GET").arg(key(stream, "head"));
        // Before the events: a writer that has ended gives its lease up, too.
        commands.cmd("EXISTS").arg(key(stream, "lease"));
        commands.cmd("XRANGE").arg(key(stream, "events")).arg("-").arg("+");
        let (head, lease, events): (Option<Vec<u8>>, bool, StreamRangeReply) =
            self.ask(&commands).await?;
        let mut ring = Ring::new(label(head.ok_or(StoreError::Unknown)?)?);
        for event in &events.ids {
            match kept(event)? {
                Kept::Entry(behind, entry) => {
                    ring.append_at(behind - entry.bytes.len() as u64, entry)?;
                }
                Kept::End(_, end) => ring.close(end),
            }
        }
        if !lease {
            ring.lose();
        }
        ring.open(after)
    }

    async fn read_now(&self, stream: StreamId, offset: u64) -> Result<Read, StoreError> {
        if self.local.has(stream) {
            return self.local.read(stream, offset).await;
        }
        loop {
            self.tell_writer(stream).await?;
            if let Some(event) = self.wait_for(stream, offset, Some(BLOCK)).await? {
                return read_at(&event, offset);
            }
            let mut commands = redis::pipe();
            commands.cmd("EXISTS").arg(key(stream, "lease"));
            commands.cmd("EXISTS").arg(key(stream, "head"));
            let (lease, head): (bool, bool) = self.ask(&commands).await?;
            if !lease {
                // The end may have come between the two looks.
                return match self.wait_for(stream, offset, None).await? {
                    Some(event) => read_at(&event, offset),
                    None if head => {
                        Err(StoreError::WriterLost { last_event: self.last_event(stream).await? })
                    }
                    None => Err(StoreError::Unknown),
                };
            }
        }
    }

    async fn last_event(&self, stream: StreamId) -> Result<u64, StoreError> {
        let mut commands = redis::pipe();
        commands.cmd("XREVRANGE").arg(key(stream, "events")).arg("+").arg("-");
        commands.arg("COUNT").arg(1);
        let (last,): (StreamRangeReply,) = self.ask(&commands).await?;
        let last = last.ids.first().map(kept).transpose()?;
        Ok(match last {
            Some(Kept::Entry(_, entry)) => entry.first - 1 + entry.ends.len() as u64,
            Some(Kept::End(..)) | None => 0,
        })
    }

    /// The first entry that ends behind the offset.
    async fn wait_for(
        &self,
        stream: StreamId,
        offset: u64,
        block: Option<Duration>,
    ) -> Result<Option<RedisEntry>, StoreError> {
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(1);
        if let Some(block) = block {
            command.arg("BLOCK").arg(millis(block));
        }
        command.arg("STREAMS").arg(key(stream, "events")).arg(format!("{offset}-0"));
        let reply: Option<StreamReadReply> = self.connections.ask_alone(&command).await?;
        let mut keys = reply.map_or_else(Vec::new, |reply| reply.keys);
        Ok(keys.pop().and_then(|mut key| key.ids.pop()))
    }
}

impl Store for RedisStore {
    fn begin(&self, stream: StreamId, label: Label) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.begin_now(stream, label))
    }

    fn append(&self, stream: StreamId, entry: Entry) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.append_now(stream, entry))
    }

    fn hold(&self, stream: StreamId) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.hold_now(stream))
    }

    fn end(&self, stream: StreamId, end: End) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.end_now(stream, end))
    }

    fn attach(&self, stream: StreamId) -> Place {
        if self.local.has(stream) {
            return self.local.attach(stream);
        }
        self.reading.locked().entry(stream).or_default().readers += 1;
        Box::new(Remote(Arc::clone(&self.reading), stream))
    }

    fn open(&self, stream: StreamId, after: u64) -> BoxFuture<'_, Result<Opened, StoreError>> {
        Box::pin(self.open_now(stream, after))
    }

    fn read(&self, stream: StreamId, offset: u64) -> BoxFuture<'_, Result<Read, StoreError>> {
        Box::pin(self.read_now(stream, offset))
    }
}

#[cfg(test)]
#[path = "redis_tests.rs"]
mod tests;

//! How a stream is written in Redis: its keys, its head and its entries, and the way back.
//!
//! Whatever a Redis holds under the relay's names is taken for foreign until it is read whole: a
//! wrong entry is an error with its name, never a wrong stream.

use bytes::Bytes;
use redis::streams::StreamId as RedisEntry;

use super::super::{
    Owner, StreamId,
    store::{End, Entry, Label, Read, StoreError},
};

pub(super) fn key(stream: StreamId, part: &str) -> String {
    format!("whitewater:{stream}:{part}")
}

pub(super) fn head(label: &Label) -> Vec<u8> {
    [&label.owner.0[..], &label.farewell].concat()
}

/// An entry of the Redis stream, and the offset behind it.
pub(super) enum Kept {
    Entry(u64, Entry),
    End(u64, End),
}

pub(super) fn label(head: Vec<u8>) -> Result<Label, StoreError> {
    let mut farewell = Bytes::from(head);
    let owner = farewell.split_to(Owner::LENGTH.min(farewell.len()));
    let owner = owner[..].try_into().map_err(|_| not_ours("a head"))?;
    Ok(Label { farewell, owner: Owner(owner) })
}

fn not_ours(what: &str) -> StoreError {
    StoreError::Unavailable(format!("{what} is not the relay's"))
}

pub(super) fn kept(event: &RedisEntry) -> Result<Kept, StoreError> {
    read_kept(event).ok_or_else(|| not_ours("an entry"))
}

fn read_kept(event: &RedisEntry) -> Option<Kept> {
    let (behind, part) = event.id.split_once('-')?;
    let behind: u64 = behind.parse().ok()?;
    if part == "1" {
        let end = if event.get::<u8>("complete")? == 1 { End::Whole } else { End::Broken };
        return Some(Kept::End(behind, end));
    }
    let bytes = Bytes::from(event.get::<Vec<u8>>("bytes")?);
    let ends: String = event.get("ends")?;
    let ends = ends.split(',').filter(|end| !end.is_empty()).map(|end| end.parse().ok());
    let ends = ends.collect::<Option<Vec<usize>>>()?;
    let first = event.get::<u64>("first").filter(|first| *first > 0)?;
    // Room for the events here, and for the one that tells of a lost writer.
    first.checked_add(ends.len() as u64)?;
    let are_inside = ends.is_sorted() && ends.last().is_none_or(|end| *end <= bytes.len());
    let sound = !bytes.is_empty() && bytes.len() as u64 <= behind && are_inside;
    sound.then_some(Kept::Entry(behind, Entry { bytes, first, ends }))
}

pub(super) fn read_at(event: &RedisEntry, offset: u64) -> Result<Read, StoreError> {
    match kept(event)? {
        Kept::End(behind, end) if behind == offset => Ok(Read::End(end)),
        Kept::End(..) => Err(StoreError::Dropped),
        Kept::Entry(behind, entry) => {
            let begin = behind - entry.bytes.len() as u64;
            let skip = offset.checked_sub(begin).ok_or(StoreError::Dropped)?;
            let skip = usize::try_from(skip).map_err(|_| StoreError::Dropped)?;
            Ok(Read::Bytes(entry.bytes.slice(skip..)))
        }
    }
}

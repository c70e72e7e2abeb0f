//! Who reads a stream that is written here: how far, and whether anybody does.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::reached::reached;

/// One running stream, as its writer and its readers share it.
#[derive(Debug, Default)]
pub(crate) struct Live(watch::Sender<Readers>);

#[derive(Debug, Default)]
struct Readers {
    next: u64,
    written: u64,
    /// How far each has read.
    at: BTreeMap<u64, u64>,
    /// How often readers at other relays were told of while there was none here.
    elsewhere: u64,
}

impl Readers {
    fn has_room(&self, window: u64) -> bool {
        let slowest = self.at.values().min();
        slowest.is_none_or(|slowest| self.written.saturating_sub(*slowest) <= window)
    }
}

impl Live {
    /// So much has been written in all.
    pub(crate) fn wrote(&self, offset: u64) {
        self.0.send_if_modified(|readers| {
            readers.written = offset;
            false
        });
    }

    /// Resolves when the slowest reader is at most `window` behind, or there is none.
    pub(crate) async fn room(&self, window: u64) {
        let has_room = |readers: &Readers| {
            let has_room = readers.has_room(window);
            if !has_room {
                reached!("a provider waits for the slowest reader of a kept stream");
            }
            has_room
        };
        // It fails only without a sender, which `self` is.
        drop(self.0.subscribe().wait_for(has_room).await);
    }

    /// Somebody reads it, be it at another relay.
    pub(crate) fn is_read(&self) {
        self.0.send_if_modified(|readers| {
            let elsewhere = readers.at.is_empty();
            readers.elsewhere += u64::from(elsewhere);
            elsewhere
        });
    }

    /// Resolves when nobody has read for that long.
    pub(crate) async fn abandoned(&self, wait: Duration) {
        let mut readers = self.0.subscribe();
        loop {
            let left = readers.wait_for(|readers| readers.at.is_empty()).await;
            let told = left.map_or(0, |readers| readers.elsewhere);
            let is_read = |readers: &Readers| !readers.at.is_empty() || readers.elsewhere > told;
            tokio::select! {
                biased;
                _ = readers.wait_for(is_read) => {}
                () = tokio::time::sleep(wait) => return,
            }
        }
    }
}

/// A reader's place; dropped, the reader is gone.
#[derive(Debug)]
pub(crate) struct Attached {
    live: Arc<Live>,
    reader: u64,
}

impl Attached {
    pub(crate) fn new(live: Arc<Live>, offset: u64) -> Self {
        let mut reader = 0;
        live.0.send_modify(|readers| {
            reader = readers.next;
            readers.next += 1;
            readers.at.insert(reader, offset);
        });
        Self { live, reader }
    }

    /// Everything before `offset` was taken.
    pub(crate) fn at(&self, offset: u64) {
        self.live.0.send_modify(|readers| {
            readers.at.insert(self.reader, offset);
        });
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.live.0.send_modify(|readers| {
            readers.at.remove(&self.reader);
        });
    }
}

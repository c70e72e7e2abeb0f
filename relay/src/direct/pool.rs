//! Connections that are kept for the next request to the same host.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncRead, ReadBuf},
    task::{AbortHandle, unconstrained},
    time::timeout,
};

use crate::lock::Locked as _;

/// How long a connection is kept: reqwest's default (0.13, `pool_idle_timeout`).
const IDLE: Duration = Duration::from_secs(90);

type Slot<T> = Arc<Mutex<Option<T>>>;

/// A kept connection, and the task that lets go of it when its end or its time has come.
struct Kept<T> {
    slot: Slot<T>,
    watch: AbortHandle,
}

/// Kept connections by the host and port that they lead to, and by their age.
struct Numbered<T> {
    next: u64,
    of: BTreeMap<(String, u64), Kept<T>>,
}

/// The connections that are kept.
pub(super) struct Pool<T> {
    kept: Arc<Mutex<Numbered<T>>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { kept: Arc::new(Mutex::new(Numbered { next: 0, of: BTreeMap::new() })) }
    }
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self { kept: Arc::clone(&self.kept) }
    }
}

impl<T: AsyncRead + Send + Unpin + 'static> Pool<T> {
    /// The connection that was kept last and is still open.
    pub(super) fn take(&self, to: &str) -> Option<T> {
        let mut kept = self.kept.locked();
        loop {
            let all = (to.to_owned(), 0)..=(to.to_owned(), u64::MAX);
            let newest = kept.of.range(all).next_back()?.0.clone();
            let Kept { slot, watch } = kept.of.remove(&newest)?;
            watch.abort();
            if let Some(mut io) = slot.locked().take() {
                // Its end may have come, and its watch not have been asked yet. Asked outside of tokio's
                // budget, which would make it look silent.
                let spoken = unconstrained(poll_fn(|cx| poll_spoken(&mut io, cx)));
                if spoken.now_or_never().is_none() {
                    return Some(io);
                }
            }
        }
    }

    pub(super) fn keep(&self, to: String, io: T) {
        let slot = Arc::new(Mutex::new(Some(io)));
        let watched = Arc::clone(&slot);
        // Locked before the watch is there, which may end at once.
        let mut kept = self.kept.locked();
        let place = (to, kept.next);
        kept.next += 1;
        let (pool, watched_place) = (self.clone(), place.clone());
        let watch = tokio::spawn(async move {
            let spoken = poll_fn(|cx| {
                let mut slot = watched.locked();
                if let Some(io) = &mut *slot {
                    ready!(poll_spoken(io, cx));
                    // Before anybody else can take it.
                    *slot = None;
                }
                Poll::Ready(())
            });
            drop(timeout(IDLE, spoken).await);
            pool.kept.locked().of.remove(&watched_place);
        });
        kept.of.insert(place, Kept { slot, watch: watch.abort_handle() });
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.kept.locked().of.is_empty()
    }
}

/// Resolves when the provider has ended an idle connection, or sent what nobody asked for.
fn poll_spoken<T: AsyncRead + Unpin>(io: &mut T, cx: &mut Context<'_>) -> Poll<()> {
    Pin::new(io).poll_read(cx, &mut ReadBuf::new(&mut [0])).map(drop)
}

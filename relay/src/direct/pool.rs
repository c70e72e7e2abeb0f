//! Connections that are kept for the next request to the same host.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    task::AbortHandle,
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

/// The connections that are kept, by the host and port that they lead to.
pub(super) struct Pool<T> {
    kept: Arc<Mutex<BTreeMap<String, Vec<Kept<T>>>>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { kept: Arc::default() }
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
        let of = kept.get_mut(to)?;
        while let Some(Kept { slot, watch }) = of.pop() {
            watch.abort();
            if let Some(mut io) = slot.locked().take() {
                // Its end may have come, and its watch not have been asked yet.
                if poll_spoken(&mut io, &mut Context::from_waker(Waker::noop())).is_pending() {
                    return Some(io);
                }
            }
        }
        None
    }

    pub(super) fn keep(&self, to: String, io: T) {
        let slot = Arc::new(Mutex::new(Some(io)));
        let (watched, pool, of) = (Arc::clone(&slot), self.clone(), to.clone());
        let watch = tokio::spawn(async move {
            let spoken = poll_fn(|cx| match &mut *watched.locked() {
                Some(io) => poll_spoken(io, cx),
                None => Poll::Ready(()),
            });
            drop(timeout(IDLE, spoken).await);
            drop(watched.locked().take());
            pool.forget(&of);
        });
        let kept = Kept { slot, watch: watch.abort_handle() };
        self.kept.locked().entry(to).or_default().push(kept);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.kept.locked().is_empty()
    }

    /// Lets go of the slots that are empty.
    fn forget(&self, to: &str) {
        let mut kept = self.kept.locked();
        if let Some(of) = kept.get_mut(to) {
            of.retain(|kept| kept.slot.locked().is_some());
            if of.is_empty() {
                kept.remove(to);
            }
        }
    }
}

/// Resolves when the provider has ended an idle connection, or sent what nobody asked for.
fn poll_spoken<T: AsyncRead + Unpin>(io: &mut T, cx: &mut Context<'_>) -> Poll<()> {
    Pin::new(io).poll_read(cx, &mut ReadBuf::new(&mut [0])).map(drop)
}

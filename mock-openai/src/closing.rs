//! The word to all connections that the provider takes no more requests.

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// Given once. Not tokio's `watch`: that one draws from the runtime's randomness when it waits,
/// which would shift what a simulated relay draws.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    has_begun: AtomicBool,
    notify: Notify,
}

impl Closing {
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    /// Ready when it has begun.
    pub(crate) async fn wait(&self) {
        let mut notified = pin!(self.notify.notified());
        // From here on the word is heard; so a look at the flag misses nothing.
        notified.as_mut().enable();
        if !self.has_begun.load(Ordering::SeqCst) {
            notified.await;
        }
    }
}

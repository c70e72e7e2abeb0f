//! Who of the clients is still at work.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::trace::Name;

/// The clients that are not done yet.
#[derive(Debug, Default)]
pub(super) struct Crew {
    waiting: Mutex<BTreeSet<String>>,
    changed: Notify,
}

/// A client at work: it is done when this is dropped.
#[derive(Debug)]
pub(super) struct Member {
    crew: Arc<Crew>,
    name: String,
}

impl Crew {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let waiting = names.map(str::to_owned).collect();
        Self { waiting: Mutex::new(waiting), changed: Notify::new() }
    }

    pub(super) fn member(self: &Arc<Self>, name: String) -> Member {
        Member { crew: Arc::clone(self), name }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all are done.
    pub(super) async fn all_done(&self) {
        loop {
            let changed = self.changed.notified();
            if self.waiting().is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// Who is not done, in name order.
    pub(super) fn missing(&self) -> Vec<Name> {
        self.waiting().iter().map(|name| name.as_str().into()).collect()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.crew.waiting().remove(&self.name);
        self.crew.changed.notify_waiters();
    }
}

//! The provider's marks that were passed so far, for clients and events that wait for one.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// The marks of one run; clones share them. A mark counts from the first time that it is passed.
///
/// Not tokio's `watch`: waiting on that draws from the runtime's randomness, and a relay in the same
/// run would then draw otherwise.
#[derive(Debug, Clone, Default)]
pub struct Marks(Arc<Board>);

#[derive(Debug, Default)]
struct Board {
    passed: Mutex<BTreeSet<String>>,
    changed: Notify,
}

impl Marks {
    /// None passed yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The provider passes a mark.
    pub fn pass(&self, name: &str) {
        if self.names().insert(name.to_owned()) {
            self.0.changed.notify_waiters();
        }
    }

    /// Waits until the provider has passed a mark, at once where it has; for ever where it never
    /// does.
    pub async fn passed(&self, name: &str) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            // Listens from now on, so that nothing falls between the look and the wait.
            changed.as_mut().enable();
            if self.names().contains(name) {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_waits_for_its_own_mark_and_one_that_was_passed_before_counts() {
        let marks = Marks::new();
        let waits = |name: &'static str| {
            let marks = marks.clone();
            tokio::spawn(async move { marks.passed(name).await })
        };
        let (first, second, also_second) = (waits("a"), waits("b"), waits("b"));
        tokio::task::yield_now().await;
        marks.pass("a");
        first.await.unwrap();
        tokio::task::yield_now().await;
        assert!(!second.is_finished() && !also_second.is_finished());
        marks.pass("b");
        marks.pass("b");
        second.await.unwrap();
        also_second.await.unwrap();
        marks.passed("a").await;
    }
}

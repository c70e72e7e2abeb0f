//! Marks that answers have passed, for whoever waits for one.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

/// The names that were passed, and the word to those who wait for one. A mark counts from the first
/// time that it is passed.
///
/// Not tokio's `watch`: that one draws from the runtime's randomness when it waits, which would
/// shift what a simulated relay draws.
#[derive(Debug, Default)]
pub struct Marks {
    passed: Mutex<BTreeSet<String>>,
    notify: Notify,
}

impl Marks {
    /// Remembers a name and wakes who waits for it.
    pub fn pass(&self, name: &str) {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if !passed.contains(name) {
            passed.insert(name.to_owned());
            drop(passed);
            self.notify.notify_waiters();
        }
    }

    fn is_passed(&self, name: &str) -> bool {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// Ready when the name is passed, before or after the wait began; never where it never is.
    pub async fn wait(&self, name: &str) {
        loop {
            let mut notified = pin!(self.notify.notified());
            // From here on a word is heard; so a look at the names misses nothing.
            notified.as_mut().enable();
            if self.is_passed(name) {
                return;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_its_own_mark_and_at_once_where_it_was_passed_before() {
        let marks = Arc::new(Marks::default());
        let waiting = {
            let marks = Arc::clone(&marks);
            tokio::spawn(async move { marks.wait("b").await })
        };
        marks.pass("a");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        marks.pass("b");
        waiting.await.unwrap();
        marks.wait("a").await;
    }

    #[tokio::test]
    async fn all_who_wait_for_a_mark_are_woken_and_passing_it_again_changes_nothing() {
        let marks = Arc::new(Marks::default());
        let waits = |name: &'static str| {
            let marks = Arc::clone(&marks);
            tokio::spawn(async move { marks.wait(name).await })
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
        marks.wait("a").await;
    }
}

//! Locks that are taken even if a task that held them has panicked.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What stands behind a lock of the relay is never half changed, so a poisoned one is as good as a
/// healthy one.
pub(crate) trait Locked<T> {
    fn locked(&self) -> MutexGuard<'_, T>;
}

impl<T> Locked<T> for Mutex<T> {
    fn locked(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

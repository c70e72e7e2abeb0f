//! Marks of branches of which nothing shows from outside.

/// Tells, in debug builds alone, that a branch was taken: `reached!("a good probe closes a breaker")`.
///
/// It is an event of `tracing`, heard by whoever listens on this thread, and kept nowhere. In release
/// builds nothing of it is left. `harness/tests/coverage` finds the marks in this crate's source, and
/// asks for a scenario that reaches each of them.
macro_rules! reached {
    ($branch:literal) => {
        if cfg!(debug_assertions) {
            tracing::trace!(target: "relay::reached", $branch);
        }
    };
}

pub(crate) use reached;

//! The task that carries packets, woken when there is something to carry.

use std::{future::pending, sync::Arc};

#[cfg(tokio_unstable)]
use tokio::runtime::Handle;
use tokio::{
    task::yield_now,
    time::{Instant, sleep_until},
};

use super::{arrival::Next, shared::Shared};

/// Carries packets until the run is over.
///
/// It is kicked only by a call that returned ready, by a connect, and by a close: kicked by every
/// poll, it and a task that polls without progress would keep each other awake at one instant.
/// Before each pass it yields, so that every task that is ready at an instant has run: what they send
/// then goes in one pass, whatever their number. tokio polls who yields again once no task is left to
/// run, behind those whose time has come in between; what these wake runs before a second turn.
pub(super) async fn pump(shared: Arc<Shared>, start: Instant) {
    loop {
        yield_now().await;
        if others_may_be_ready() {
            yield_now().await;
        }
        for stray in shared.strays() {
            shared.close(stray);
        }
        let Some(next) = shared.enter(super::world::World::pass) else { return };
        let due = async {
            match next {
                Next::Now => {}
                Next::At(due) => sleep_until(start + due).await,
                Next::Kicked => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = due => {}
            () = shared.kick.notified() => {}
        }
    }
}

/// Whether a task waits for its turn; where tokio does not tell, one may.
fn others_may_be_ready() -> bool {
    #[cfg(tokio_unstable)]
    return Handle::current().metrics().worker_local_queue_depth(0) > 0;
    #[cfg(not(tokio_unstable))]
    true
}

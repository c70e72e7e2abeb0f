//! The task that carries packets, woken when there is something to carry.

use std::{future::pending, sync::Arc};

use tokio::{
    task::yield_now,
    time::{Instant, sleep_until},
};

use super::{arrival::Next, shared::Shared};

/// Carries packets until the run is over.
///
/// It is kicked only by a call that returned ready, by a connect, and by a close: kicked by every
/// poll, it and a task that polls without progress would keep each other awake at one instant.
/// Before each pass it yields, and tokio polls who yields again once no task is left to run: what all
/// that are ready at an instant send goes in one pass, whatever their number.
pub(super) async fn pump(shared: Arc<Shared>, start: Instant) {
    loop {
        yield_now().await;
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

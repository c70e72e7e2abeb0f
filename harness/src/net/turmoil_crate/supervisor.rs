//! Runs the actors of one host, again after each restart.

use std::{mem, sync::Arc};

use super::stack::TurmoilStack;
use crate::net::{Actor, Host};

/// Starts a host's actors, and starts them again whenever it is told to. It never ends, so that
/// tasks that an actor has left behind go on.
pub(super) async fn supervise(
    stack: Arc<TurmoilStack>,
    host: Host,
    actors: Vec<Actor>,
) -> turmoil::Result {
    loop {
        let restart = {
            let mut state = stack.state();
            let Some(own) = state.hosts.get_mut(host.name()) else { return Ok(()) };
            Arc::clone(&own.restart)
        };
        for actor in &actors {
            let task = tokio::spawn((actor.start)(host.clone()));
            if let Some(own) = stack.state().hosts.get_mut(host.name()) {
                own.tasks.push(task.abort_handle());
            }
        }
        restart.notified().await;
        forget(&stack, &host);
    }
}

/// Lets the crate forget the sockets that the host had before it crashed, so that whoever still
/// writes to one is answered with RST. The crate says FIN as it forgets them: held and never
/// released, these segments arrive nowhere, and with them what was on its way to or from the host.
fn forget(stack: &TurmoilStack, host: &Host) {
    let (own, others, buried) = {
        let mut state = stack.state();
        let others = state.hosts.others(host.name());
        let Some(own) = state.hosts.get_mut(host.name()) else { return };
        (own.ip, others, mem::take(&mut own.buried))
    };
    for other in &others {
        turmoil::hold(own, *other);
    }
    drop(buried);
    for other in others {
        turmoil::repair(own, other);
    }
}

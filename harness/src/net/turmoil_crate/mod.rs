//! The second engine: the `turmoil` crate, an independent network stack with a fixed tick of 1 ms.
//!
//! It exists to compare: where both engines give the same frames, a snapshot shows the relay and
//! not the simulator. So the crate's sockets are used as they are, and what they cannot do is
//! refused up front by [`cannot`]. Three things are added, since without them the times differ from
//! any real network: the way back of a handshake (the crate's SYN-ACK takes no time), crashes that
//! say nothing on the wire (the crate's send FIN), and the numbers of connections.
//!
//! What is not modelled beside that: segments (each write is one), windows (a writer is never
//! blocked), the resending of what a crashed host missed, the trip of what was sent just before a
//! held link is released (it arrives with the release). A server accepts when the SYN arrives, one
//! round trip before a real one, and a host starts again 1 ms after it is told to. A link without
//! latency costs up to 1 ms on the way to the provider, as hosts run one after the other within a
//! tick, the provider first.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{Actor, Host, Main, Stack, on_thread, topology};
use crate::{
    plan::Plan,
    trace::{Fact, Name, Recorder, Trace, WorldFact},
};

mod faults;
mod hosts;
mod limits;
mod listening;
mod numbers;
mod socket;
mod stack;
mod supervisor;

pub(super) use limits::cannot;

use hosts::Hosts;
use stack::TurmoilStack;

/// The crate's own resolution; timers of tokio have the same.
const TICK: Duration = Duration::from_millis(1);

/// Segments that one direction of a connection holds, and connections that wait to be accepted.
/// The crate loses a FIN that meets a full queue, lets a blocked writer sleep through RST, and
/// panics when the backlog is full (0.7.2): so that no queue is ever full.
const CAPACITY: usize = 1 << 14;

/// Virtual time after which the crate itself ends a run; `main` ends every run long before.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Runs `actors` on the simulated network, and `main` on the host `world`, until `main` is done.
///
/// The hosts, their addresses and the links between them are those of the event-driven engine.
///
/// # Panics
/// Where [`cannot`] has a reason, and on a thread that is inside a tokio runtime.
pub(super) fn run(plan: &Plan, actors: Vec<Actor>, main: Main) -> Trace {
    if let Some(reason) = cannot(plan) {
        panic!("the plan `{}` does not run on the turmoil crate: {reason}", plan.id);
    }
    let recorder = Recorder::asking(|| turmoil::sim_elapsed().unwrap_or_default());
    let hosts = Hosts::of(plan, &actors);
    let mut sim = turmoil::Builder::new()
        .simulation_duration(LONGEST)
        .tick_duration(TICK)
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::ZERO)
        .tcp_capacity(CAPACITY)
        .rng_seed(plan.seed)
        .epoch(std::time::UNIX_EPOCH)
        .build();
    let addresses = hosts.in_order_of_running();
    let latencies = hosts.latencies();
    let stack = Arc::new(TurmoilStack::new(hosts));
    let host = |name: &Name| {
        Host::new(Arc::clone(name), Arc::clone(&stack) as Arc<dyn Stack>, recorder.clone())
            .with_clock(plan.clock(name))
    };
    let mut actors_by_host: BTreeMap<Name, Vec<Actor>> = BTreeMap::new();
    for actor in actors {
        actors_by_host.entry(Arc::clone(&actor.host)).or_default().push(actor);
    }
    for (name, ip) in &addresses {
        let own = actors_by_host.remove(name).unwrap_or_default();
        let (stack, host) = (Arc::clone(&stack), host(name));
        sim.host(*ip, move || supervisor::supervise(Arc::clone(&stack), host.clone(), own.clone()));
    }
    let task = main(host(&topology::WORLD.into()));
    sim.client(stack.world_address(), async move {
        task.await;
        Ok(())
    });
    for (one, other, latency) in latencies {
        sim.set_link_latency(one, other, latency);
    }
    let _here = on_thread::enter(recorder.clone());
    // The crate passes the panic of any host on. The hook has recorded it then, and it is this run's
    // alone.
    match catch_unwind(AssertUnwindSafe(|| sim.run())) {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => {
            let message = format!("the turmoil crate ended the run: {error}");
            recorder.record(&topology::WORLD.into(), Fact::World(WorldFact::Panicked { message }));
        }
    }
    // Before the simulation is torn down: what is recorded then has no time.
    recorder.take()
}

#[cfg(test)]
mod tests;

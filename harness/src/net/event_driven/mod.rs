//! The event-driven engine: turmoil-net's sockets, and a scheduler that skips idle time.
//!
//! All hosts share one paused current-thread tokio runtime. Nothing happens between two timers, so
//! tokio's clock jumps from one to the next, in steps of 1 ms, the resolution of its timer wheel.
//! The socket layer below does handshakes, segments, windows, FIN and RST; what it does not do as
//! Linux does is done here, each where its comment says why.
//!
//! What is not modelled: congestion control, delayed acknowledgements, Nagle's algorithm, window
//! scaling, time-outs of connects and of unanswered data (a sender waits for ever), `TIME_WAIT`, a
//! host that calls itself.

use std::sync::Arc;

use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

use super::{Actor, Main, on_thread, topology};
use crate::{
    plan::Plan,
    trace::{Recorder, Trace, Watcher},
};

mod arrival;
mod calls;
mod departure;
mod doors;
mod ends;
mod exit;
mod faults;
mod flights;
mod hosts;
mod keepalive;
mod kernel;
mod late;
mod link;
mod pump;
mod segments;
mod sequence;
mod shared;
mod spins;
mod stack;
mod tasks;
mod ticket;
mod world;

use shared::Shared;
use tasks::Tasks;

/// Runs `actors` on the simulated network, and `main` on the host `world`, until `main` is done.
///
/// Every host of the plan exists, and every host that an actor runs on. Links join neighbours on
/// the plan's path; between other hosts packets take no time.
///
/// A watcher takes each fact, and leaves the trace empty.
///
/// # Panics
/// Where `main` does; and inside another run on the same thread.
pub(super) fn run(plan: &Plan, actors: Vec<Actor>, main: Main, watcher: Option<Watcher>) -> Trace {
    let tasks = Arc::new(Tasks::default());
    let runtime = runtime(plan.seed, &tasks);
    let (shared, recorder, start) = {
        let _entered = runtime.enter();
        let recorder = match watcher {
            Some(watcher) => Recorder::starting_now().watched_by(watcher),
            None => Recorder::starting_now(),
        };
        (Shared::new(plan, actors, recorder.clone(), tasks), recorder, Instant::now())
    };
    // Ends the run also when `main` panics; before the runtime drops its tasks.
    let _over = Over(Arc::clone(&shared));
    let _here = on_thread::enter(recorder.clone());
    let outcome = runtime.block_on(async {
        tokio::spawn(pump::pump(Arc::clone(&shared), start));
        shared.start_all();
        let world = shared.enter(|world| world.host(topology::WORLD));
        let host = world.and_then(Result::ok).and_then(|index| shared.host(index));
        match host {
            Some(host) => tokio::spawn(main(host)).await,
            None => Ok(()),
        }
    });
    match outcome.map_err(tokio::task::JoinError::try_into_panic) {
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Ok(()) | Err(Err(_)) => recorder.take(),
    }
}

struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn runtime(seed: u64, tasks: &Arc<Tasks>) -> Runtime {
    let mut builder = Builder::new_current_thread();
    tasks.told_by(&mut builder);
    builder.enable_time().start_paused(true);
    #[cfg(tokio_unstable)]
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()));
    #[cfg(not(tokio_unstable))]
    let _unseeded = seed;
    builder.build().expect("a runtime without I/O asks the system for nothing")
}

//! What every ticket, task and actor of a run holds in common.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, ThreadId},
};

use tokio::sync::Notify;

use super::{ends::EndId, stack::Incarnation, tasks::Tasks, world::World};
use crate::{
    net::{Actor, Host},
    plan::Plan,
    trace::Recorder,
};

/// One run's network, and who is to be started on it.
pub(super) struct Shared {
    /// None once the run is over.
    world: Mutex<Option<World>>,
    /// Wakes the pump.
    pub(super) kick: Arc<Notify>,
    /// The thread of the run: the socket layer below is installed on it alone.
    thread: ThreadId,
    /// Ends that were let go of on another thread.
    strays: Mutex<Vec<EndId>>,
    actors: Vec<Actor>,
    recorder: Recorder,
    /// Who works for which host.
    pub(super) tasks: Arc<Tasks>,
}

impl Shared {
    pub(super) fn new(
        plan: &Plan,
        actors: Vec<Actor>,
        recorder: Recorder,
        tasks: Arc<Tasks>,
    ) -> Arc<Self> {
        let kick = Arc::new(Notify::new());
        let world = World::new(plan, &actors, recorder.clone(), Arc::clone(&kick));
        Arc::new(Self {
            world: Mutex::new(Some(world)),
            kick,
            thread: thread::current().id(),
            strays: Mutex::default(),
            actors,
            recorder,
            tasks,
        })
    }

    /// Works on the network. None once the run is over, and on a thread that is not the run's.
    pub(super) fn enter<R>(&self, work: impl FnOnce(&mut World) -> R) -> Option<R> {
        if self.elsewhere() {
            return None;
        }
        self.world.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(work)
    }

    fn elsewhere(&self) -> bool {
        thread::current().id() != self.thread
    }

    /// An error for calls on a thread that is not the run's: there they would wait for ever.
    pub(super) fn on_its_thread(&self) -> io::Result<()> {
        if self.elsewhere() {
            let why = "a simulated socket works on the thread of its run only";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        Ok(())
    }

    /// Lets go of an end, wherever and whenever that happens.
    pub(super) fn close(&self, id: EndId) {
        if self.elsewhere() {
            self.strays.lock().unwrap_or_else(PoisonError::into_inner).push(id);
            self.kick.notify_one();
        } else {
            self.enter(|world| world.close(id));
        }
    }

    /// Ends that were let go of on other threads since it was last asked.
    pub(super) fn strays(&self) -> Vec<EndId> {
        std::mem::take(&mut *self.strays.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A host, as what is started on it now shall see the network.
    pub(super) fn host(self: &Arc<Self>, index: usize) -> Option<Host> {
        let found = self.enter(|world| {
            let host = &world.hosts[index];
            (Arc::clone(&host.name), host.life, host.stop.clone(), host.clock)
        });
        found.map(|(name, life, stop, clock)| {
            let stack = Incarnation::new(Arc::clone(self), index, life);
            Host::new(name, Arc::new(stack), self.recorder.clone())
                .stopped_by(stop)
                .with_clock(clock)
        })
    }

    /// Starts the actors of every host, in the order in which they were given.
    pub(super) fn start_all(self: &Arc<Self>) {
        for actor in &self.actors {
            self.start(actor);
        }
    }

    /// Starts the actors of one host.
    pub(super) fn start_on(self: &Arc<Self>, index: usize) {
        let name = self.enter(|world| Arc::clone(&world.hosts[index].name));
        for actor in self.actors.iter().filter(|actor| Some(&actor.host) == name.as_ref()) {
            self.start(actor);
        }
    }

    fn start(self: &Arc<Self>, actor: &Actor) {
        let Some(Ok(index)) = self.enter(|world| world.host(&actor.host)) else { return };
        let Some(host) = self.host(index) else { return };
        let (running, shared) = ((actor.start)(host), Arc::clone(self));
        let life = self.enter(|world| {
            world.hosts[index].running += 1;
            world.hosts[index].life
        });
        let task = tokio::spawn(async move {
            running.await;
            shared.enter(|world| world.ended(index, life));
        });
        self.tasks.works_for(task.id(), index);
        self.enter(|world| world.hosts[index].tasks.push(task.abort_handle()));
    }

    /// Ends the run: what is still held anywhere is without effect from now on.
    pub(super) fn end(&self) {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(world);
    }
}

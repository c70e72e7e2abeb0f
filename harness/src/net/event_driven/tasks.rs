//! For which host each task of a run works: a task works for the host of the one that spawned it.
//!
//! All hosts share one runtime, and code under test spawns as it likes, so the runtime has to tell. It does
//! where `tokio_unstable` is set; elsewhere no task is known to be anybody's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use tokio::{runtime::Builder, task::Id};

/// Tasks that are alive, with their hosts.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    hosts: Mutex<IndexMap<Id, usize>>,
}

impl Tasks {
    /// Lets a runtime tell of the tasks that begin and end on it.
    #[cfg(tokio_unstable)]
    pub(super) fn told_by(self: &Arc<Self>, runtime: &mut Builder) {
        let (begun, ended) = (Arc::clone(self), Arc::clone(self));
        runtime.on_task_spawn(move |task| begun.begins(task.id()));
        runtime.on_task_terminate(move |task| ended.ends(task.id()));
    }

    /// No runtime tells.
    #[cfg(not(tokio_unstable))]
    pub(super) fn told_by(self: &Arc<Self>, _: &mut Builder) {}

    /// Takes note that a task works for a host, whoever spawned it.
    pub(super) fn works_for(&self, task: Id, host: usize) {
        if cfg!(tokio_unstable) {
            self.hosts().insert(task, host);
        }
    }

    /// How many tasks work for hosts of which this is so.
    pub(super) fn count(&self, is_meant: impl Fn(usize) -> bool) -> usize {
        self.hosts().values().filter(|host| is_meant(**host)).count()
    }

    #[cfg(tokio_unstable)]
    fn begins(&self, task: Id) {
        let Some(spawner) = tokio::task::try_id() else { return };
        let mut hosts = self.hosts();
        if let Some(host) = hosts.get(&spawner).copied() {
            hosts.insert(task, host);
        }
    }

    #[cfg(tokio_unstable)]
    fn ends(&self, task: Id) {
        self.hosts().swap_remove(&task);
    }

    fn hosts(&self) -> MutexGuard<'_, IndexMap<Id, usize>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, tokio_unstable))]
mod tests {
    use tokio::{sync::oneshot, task::yield_now};

    use super::*;

    #[test]
    fn what_a_task_spawns_works_for_the_same_host_until_it_ends() {
        let tasks = Arc::new(Tasks::default());
        let mut builder = Builder::new_current_thread();
        tasks.told_by(&mut builder);
        let runtime = builder.build().unwrap();
        runtime.block_on(async {
            let (stop, stopped) = oneshot::channel::<()>();
            let parent = tokio::spawn(async {
                tokio::spawn(async {
                    tokio::spawn(async { drop(stopped.await) });
                });
            });
            tasks.works_for(parent.id(), 7);
            tokio::spawn(std::future::pending::<()>());
            for _ in 0..4 {
                yield_now().await;
            }
            // The grandchild; who spawned it has ended, and nobody's task is nobody's.
            assert_eq!((tasks.count(|host| host == 7), tasks.count(|_| true)), (1, 1));
            drop(stop);
            yield_now().await;
            yield_now().await;
            assert_eq!(tasks.count(|_| true), 0);
        });
    }
}

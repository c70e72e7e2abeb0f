//! The engine as one incarnation of a host sees it, from its start to its crash.

use std::{
    future::{Future, pending},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{ends::EndId, shared::Shared, ticket::Ticket, world::World};
use crate::{
    net::{Connecting, Fault, Listening, Socket, Stack, TasksAlive},
    trace::Name,
};

/// What was started on a host at one time. After a crash its calls wait for ever.
pub(super) struct Incarnation {
    shared: Arc<Shared>,
    host: usize,
    life: u64,
}

impl Incarnation {
    pub(super) fn new(shared: Arc<Shared>, host: usize, life: u64) -> Self {
        Self { shared, host, life }
    }

    /// Whether a call at this host comes from before its last crash.
    fn is_stale(&self, world: &World, at: usize) -> bool {
        world.hosts[at].down || (at == self.host && world.hosts[at].life != self.life)
    }

    fn call(&self, from: &str, to: &str) -> io::Result<Option<EndId>> {
        self.shared.on_its_thread()?;
        let begun = self.shared.enter(|world| {
            let (from, to) = (world.host(from)?, world.host(to)?);
            if self.is_stale(world, from) { Ok(None) } else { world.connect(from, to).map(Some) }
        });
        begun.unwrap_or(Ok(None))
    }
}

impl Stack for Incarnation {
    fn connect(&self, from: &Name, to: &Name) -> Connecting {
        let this = Self { shared: Arc::clone(&self.shared), ..*self };
        let (from, to) = (Arc::clone(from), Arc::clone(to));
        Box::pin(async move {
            match this.call(&from, &to)? {
                Some(id) => Calling { shared: Some(this.shared), id }.await,
                None => pending().await,
            }
        })
    }

    fn listen(&self, at: &Name) -> io::Result<Box<dyn Listening>> {
        self.shared.on_its_thread()?;
        let listening = self.shared.enter(|world| {
            let at = world.host(at)?;
            // Door 0 is never opened.
            let door = if self.is_stale(world, at) { 0 } else { world.listen(at)? };
            Ok::<_, io::Error>((at, door, world.hosts[at].address()))
        });
        let (host, door, address) = listening.ok_or(io::ErrorKind::NotConnected)??;
        Ok(Box::new(Listener { shared: Arc::clone(&self.shared), host, door, address }))
    }

    fn apply(&self, fault: &Fault) {
        if let Some(Some(started)) = self.shared.enter(|world| world.apply(fault)) {
            self.shared.start_on(started);
        }
    }

    fn tasks_alive(&self, is_meant: &dyn Fn(&str) -> bool) -> Option<TasksAlive> {
        let handle = tokio::runtime::Handle::try_current().ok()?;
        let all = u64::try_from(handle.metrics().num_alive_tasks()).ok()?;
        let others = self.shared.enter(|world| {
            let is_other = |host: usize| !is_meant(&world.hosts[host].name);
            self.shared.tasks.count(is_other)
        });
        Some(TasksAlive { all, others: u64::try_from(others?).ok()? })
    }
}

/// A connect that was begun. Dropped before it is done, it is called off.
struct Calling {
    /// None once it is done.
    shared: Option<Arc<Shared>>,
    id: EndId,
}

impl Future for Calling {
    type Output = io::Result<Box<dyn Socket>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.id;
        let Some(shared) = &self.shared else { return Poll::Pending };
        let polled = shared.enter(|world| {
            let host = world.end(id).host;
            world.called_on(host, cx, |world, cx| world.poll_connected(id, cx))
        });
        let connected = ready!(polled.unwrap_or(Poll::Pending));
        let Some(shared) = self.shared.take() else { return Poll::Pending };
        Poll::Ready(connected.map(|()| Ticket::boxed(shared, id)))
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.close(self.id);
        }
    }
}

struct Listener {
    shared: Arc<Shared>,
    host: usize,
    door: u64,
    address: SocketAddr,
}

impl Listening for Listener {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Box<dyn Socket>>> {
        self.shared.on_its_thread()?;
        let polled = self.shared.enter(|world| {
            let accept = |world: &mut World, cx: &mut Context<'_>| {
                world.poll_accept(self.host, self.door, cx)
            };
            world.call_door(self.host, cx, accept)
        });
        let accepted = ready!(polled.unwrap_or(Poll::Pending));
        Poll::Ready(accepted.map(|id| Ticket::boxed(Arc::clone(&self.shared), id)))
    }

    fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.enter(|world| world.stop_listening(self.host, self.door));
    }
}

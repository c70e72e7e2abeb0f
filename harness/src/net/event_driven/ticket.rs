//! What the code under test holds in place of a socket.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{ends::EndId, shared::Shared, world::World};
use crate::{
    net::Socket,
    trace::{Connection, Name},
};

/// Names one end of a connection; the socket itself stays with the engine.
pub(super) struct Ticket {
    shared: Arc<Shared>,
    id: EndId,
    addresses: (SocketAddr, SocketAddr),
    peer: Name,
}

impl Ticket {
    pub(super) fn boxed(shared: Arc<Shared>, id: EndId) -> Box<dyn Socket> {
        let known = shared.enter(|world| {
            let peer = world.end(id.peer()).host;
            (world.route(id), Arc::clone(&world.hosts[peer].name))
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let (addresses, peer) = known.unwrap_or_else(|| ((nowhere, nowhere), Name::from("")));
        Box::new(Self { shared, id, addresses, peer })
    }

    /// Makes a call; it waits for ever once the run is over.
    fn call<T>(
        &self,
        cx: &mut Context<'_>,
        call: impl FnOnce(&mut World, EndId, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.shared.on_its_thread()?;
        let heard = |world: &mut World| {
            if world.end(self.id).orphaned {
                return Poll::Pending;
            }
            world.call(self.id, cx, |world, cx| call(world, self.id, cx))
        };
        self.shared.enter(heard).unwrap_or(Poll::Pending)
    }
}

impl AsyncRead for Ticket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.call(cx, |world, id, cx| world.poll_read(id, cx, buf))
    }
}

impl AsyncWrite for Ticket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.call(cx, |world, id, cx| world.poll_write(id, cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.call(cx, World::poll_shutdown)
    }
}

impl Socket for Ticket {
    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.call(cx, |world, id, cx| world.poll_reset(id, cx))
    }

    fn connection(&self) -> Connection {
        Connection(u64::try_from(self.id.connection).unwrap_or(u64::MAX))
    }

    fn addresses(&self) -> (SocketAddr, SocketAddr) {
        self.addresses
    }

    fn peer(&self) -> Name {
        Arc::clone(&self.peer)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.close(self.id);
    }
}

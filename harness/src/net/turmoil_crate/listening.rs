//! A listening socket, for as long as its host lives.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use turmoil::net::{TcpListener, TcpStream};

use super::stack::TurmoilStack;
use crate::{
    net::{Listening, Socket},
    trace::Name,
};

type Accepting = Pin<Box<dyn Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send>>;

/// What the harness's listeners hold. The crate's listener belongs to the host.
pub(super) struct Door {
    stack: TurmoilStack,
    at: Name,
    life: u64,
    address: SocketAddr,
    listener: Arc<TcpListener>,
    accepting: Option<Accepting>,
}

impl Door {
    pub(super) fn new(
        stack: TurmoilStack,
        at: Name,
        life: u64,
        address: SocketAddr,
        listener: Arc<TcpListener>,
    ) -> Self {
        Self { stack, at, life, address, listener, accepting: None }
    }
}

impl Listening for Door {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Box<dyn Socket>>> {
        if !self.stack.lives(&self.at, self.life) {
            // Dropped, so that it takes no connection from who listens after the restart.
            self.accepting = None;
            return Poll::Pending;
        }
        let accepting = self.accepting.get_or_insert_with(|| {
            let listener = Arc::clone(&self.listener);
            Box::pin(async move { listener.accept().await })
        });
        let accepted = ready!(accepting.as_mut().poll(cx));
        self.accepting = None;
        Poll::Ready(accepted.map(|(stream, peer)| {
            let addresses = (self.address, peer);
            self.stack.keep(&self.at, stream, addresses, (peer, self.address))
        }))
    }

    fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stack.close_door(&self.at, self.life);
    }
}

//! A simulated listener, in the shapes that axum and the provider take.

use std::{future::poll_fn, io, net::SocketAddr};

use super::{Host, Listening, Stop, Stream};

/// Accepts the connections of one host.
pub struct Listener {
    host: Host,
    listening: Box<dyn Listening>,
}

impl Listener {
    pub(super) fn new(host: Host, listening: Box<dyn Listening>) -> Self {
        Self { host, listening }
    }

    /// The word that this host is to stop, for a server that drains (see [`Host::stop`]).
    pub fn stop(&self) -> Stop {
        self.host.stop()
    }

    async fn next(&mut self) -> io::Result<(Stream, SocketAddr)> {
        let socket = poll_fn(|cx| self.listening.poll_accept(cx)).await?;
        let (_, peer) = socket.addresses();
        Ok((Stream::accepted(self.host.clone(), socket), peer))
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        match self.next().await {
            Ok(accepted) => accepted,
            // The host is gone; nobody will ever connect again.
            Err(_) => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.listening.local_addr())
    }
}

impl mock_openai::wire::Accept for Listener {
    type Wire = Stream;

    async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        self.next().await
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("host", self.host.name()).finish_non_exhaustive()
    }
}

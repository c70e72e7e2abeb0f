//! A simulated listener, in the shapes that axum and the provider take.

use std::{future::poll_fn, io, net::SocketAddr, time::Duration};

use tokio::time::sleep;

use super::{Host, Listening, Stop, Stream};

/// The host has no file left for one more socket.
const EMFILE: i32 = 24;

/// How long axum leaves accepting alone then.
const PAUSE: Duration = Duration::from_secs(1);

/// Accepts the connections of one host. As axum's listener it never fails; as the provider's
/// ([`mock_openai::wire::Accept`]) it tells what `accept(2)` does, `EMFILE` included.
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

    /// What the clock of this host says now: unix time.
    pub fn unix_time(&self) -> Duration {
        self.host.unix_time()
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
        loop {
            match self.next().await {
                Ok(accepted) => return accepted,
                // As axum (0.8.9) does on a real port: it is tried again a second later.
                Err(error) if error.raw_os_error() == Some(EMFILE) => sleep(PAUSE).await,
                // The host is gone; nobody will ever connect again.
                Err(_) => return std::future::pending().await,
            }
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

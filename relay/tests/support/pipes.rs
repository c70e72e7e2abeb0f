//! A listener that accepts pipes in place of sockets, for a paused clock.

use std::{io, net::SocketAddr};

use axum::serve::Listener;
use relay::BoxError;
use tokio::{io::DuplexStream, sync::mpsc};
use tower::util::BoxCloneSyncService;

pub(crate) type Upstream = BoxCloneSyncService<reqwest::Request, reqwest::Response, BoxError>;

/// Accepts what is sent into its channel.
pub(crate) struct Pipes(pub(crate) mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Pipes {
    type Io = DuplexStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
        match self.0.recv().await {
            Some(pipe) => (pipe, SocketAddr::from(([10, 0, 0, 1], 1))),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([10, 0, 0, 2], 80)))
    }
}

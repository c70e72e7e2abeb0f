//! A listener that accepts pipes in place of sockets, for a paused clock.

use std::{io, net::SocketAddr, sync::Arc};

use axum::serve::Listener;
use relay::BoxError;
use tokio::{
    io::DuplexStream,
    sync::{Mutex, mpsc},
};
use tower::util::BoxCloneSyncService;

pub(crate) type Upstream = BoxCloneSyncService<reqwest::Request, reqwest::Response, BoxError>;

/// Accepts what is sent into its channel. Several of them that share one accept in turns.
#[derive(Clone)]
pub(crate) struct Pipes(Arc<Mutex<mpsc::UnboundedReceiver<DuplexStream>>>);

impl Pipes {
    pub(crate) fn new() -> (mpsc::UnboundedSender<DuplexStream>, Self) {
        let (connect, pipes) = mpsc::unbounded_channel();
        (connect, Self(Arc::new(Mutex::new(pipes))))
    }
}

impl Listener for Pipes {
    type Io = DuplexStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
        let next = self.0.lock().await.recv().await;
        match next {
            Some(pipe) => (pipe, SocketAddr::from(([10, 0, 0, 1], 1))),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([10, 0, 0, 2], 80)))
    }
}

//! The transport that the provider is served on: a real port, or a simulated one.

use std::{future::Future, io, net::SocketAddr, pin::Pin, task::Context, task::Poll};

use tokio::io::{AsyncRead, AsyncWrite};

mod real;
mod unsent;

pub use real::{RealListener, RealWire};

/// A connection that can also be ended by RST.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Ends the connection by RST once what was written has left this host.
    ///
    /// After it is ready, every read and write fails.
    ///
    /// # Errors
    /// What the socket answers; the connection is gone all the same.
    fn poll_reset(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// Where connections come from.
pub trait Accept: Send + 'static {
    /// The connections.
    type Wire: Wire;

    /// Waits for the next connection. Errors that concern one connection alone are skipped inside.
    ///
    /// # Errors
    /// Only what ends the listening itself.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Wire, SocketAddr)>> + Send;
}

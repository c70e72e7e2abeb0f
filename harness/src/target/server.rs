//! Serves a router as `axum::serve` does, less what cannot be replayed.

use std::net::SocketAddr;

use axum::{Router, body::Body, extract::ConnectInfo, serve::Listener as _};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt as _;

use crate::net::Listener;

/// How much hyper may hold of an answer that its client has not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteBuffer {
    /// hyper's default, which `axum::serve` has no switch for: 417,792 bytes (hyper 1.12,
    /// `DEFAULT_MAX_BUFFER_SIZE`), so that a relay takes that much more than its client reads.
    HyperDefault,
    /// So many bytes; at least 8,192 (hyper 1.12, `MINIMUM_MAX_BUFFER_SIZE`). It bounds the head of
    /// a request too.
    AtMost(usize),
}

/// Accepts connections for ever, and serves each in a task of its own.
pub async fn serve(mut listener: Listener, router: Router, buffer: WriteBuffer) {
    loop {
        let (stream, peer) = listener.accept().await;
        tokio::spawn(connection(stream, peer, router.clone(), buffer));
    }
}

/// Serves one connection to its end.
///
/// As `axum::serve` (0.8.9) does: HTTP/1 with keep-alive and upgrades, and no time-out of its own:
/// it gives hyper no timer, so hyper's 30 s for the head of a request do not run. Unlike it: no
/// `Date`, which would tell the wall clock, and no HTTP/2.
pub async fn connection<I>(io: I, peer: SocketAddr, router: Router, buffer: WriteBuffer)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut server = http1::Builder::new();
    server.auto_date_header(false);
    if let WriteBuffer::AtMost(bytes) = buffer {
        server.max_buf_size(bytes);
    }
    // How a connection ends is seen at the socket; axum drops this error, too.
    let _ended = server.serve_connection(TokioIo::new(io), service).with_upgrades().await;
}

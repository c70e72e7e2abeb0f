//! A client for HTTP/1.1 without TLS that costs little: all of an exchange happens in the task of whoever
//! reads the answer, and a buffer exists only while there is something in it.
//!
//! Heads are read by `httparse`; `framing` tells where a body ends (RFC 9112 6 and 7).

mod body;
mod exchange;
mod framing;
mod head;
mod pool;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite};
use tower::Service;

use self::{body::DirectBody, exchange::Exchange, head::Head, pool::Pool};
use crate::{serve::BoxError, stale::dialing};

/// There is no connection. In the `source` chain of a call's error.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect: {0}")]
pub struct NotConnected(#[source] BoxError);

/// Makes connections.
pub trait Connect: Clone + Send + Sync + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static;

    /// Connects to a host and port, as they stand in `Host`: without a port to 80.
    fn connect(
        &self,
        authority: &str,
    ) -> impl Future<Output = Result<Self::Io, BoxError>> + Send + 'static;
}

/// The client. Its clones share the connections that are kept.
pub struct Direct<C: Connect> {
    connector: C,
    pool: Pool<C::Io>,
}

impl<C: Connect> Direct<C> {
    /// A client that has no connection yet.
    pub fn new(connector: C) -> Self {
        Self { connector, pool: Pool::default() }
    }

    /// Whether it can send this request: the whole body is there, and nothing is encrypted.
    pub fn takes(request: &reqwest::Request) -> bool {
        request.url().scheme() == "http"
            && request.body().is_none_or(|body| body.as_bytes().is_some())
    }

    async fn send(self, mut request: reqwest::Request) -> Result<reqwest::Response, BoxError> {
        let authority = head::authority(request.url()).ok_or(head::NoHost)?;
        let out = head::write(&mut request, &authority);
        let io = if let Some(io) = self.pool.take(&authority) {
            io
        } else {
            dialing();
            self.connector.connect(&authority).await.map_err(NotConnected)?
        };
        let method = request.method().clone();
        // This tells whoever captures its connection that there is one.
        drop(request);
        let mut exchange = Exchange::new(io, out);
        let head = poll_fn(|cx| exchange.poll_head(&method, cx)).await?;
        let Head { status, version, headers, framing, keeps_alive } = head;
        let mut response = http::Response::new(());
        *response.status_mut() = status;
        *response.version_mut() = version;
        *response.headers_mut() = headers;
        let keep = keeps_alive.then_some((self.pool, authority));
        let body = DirectBody::new(exchange, framing, keep);
        Ok(response.map(|()| reqwest::Body::wrap(body)).into())
    }
}

impl<C: Connect> Clone for Direct<C> {
    fn clone(&self) -> Self {
        Self { connector: self.connector.clone(), pool: self.pool.clone() }
    }
}

impl<C: Connect> fmt::Debug for Direct<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}

impl<C: Connect> Service<reqwest::Request> for Direct<C> {
    type Response = reqwest::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<reqwest::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: reqwest::Request) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

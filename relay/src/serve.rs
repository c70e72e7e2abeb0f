//! Accepts connections, serves each, and stops when told to.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse as _, Response},
    serve::Listener,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Version, header};
use http_body::{Body as _, Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tower::{Service, ServiceExt as _, util::BoxCloneSyncService};

use crate::{
    config::{Config, HalfClose},
    contradictions::ConfigError,
    errors::Failure,
    headers::is_plainly_coded,
    http2,
    reached::reached,
    routes,
    state::{Phase, Phases, Relay, Shared},
    wire::{Client, Wire},
};

/// Any error, as tower passes it on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// hyper's buffers for each direction of a connection, in bytes. Its own default lets one slow
/// reader hold some 400 KiB in the relay; the least that it allows is 8 KiB.
pub(crate) const BUFFER: usize = 16 << 10;

/// How long what ends at the end of the drain may take to leave, before it is cut.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Relays until `shutdown` resolves; then drains for at most [`Config::drain`], ends what still
/// runs honestly, and returns. [`Server`] does the same on several threads.
///
/// # Errors
/// The configuration contradicts itself; nothing was accepted then.
pub async fn serve<L, U>(
    listener: L,
    upstream: U,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ConfigError>
where
    L: Listener<Addr = SocketAddr>,
    U: Service<reqwest::Request, Response = reqwest::Response> + Clone + Send + Sync + 'static,
    U::Error: Into<BoxError>,
    U::Future: Send + 'static,
{
    Server::new(config)?.serve(listener, upstream, shutdown).await;
    Ok(())
}

/// One relay, to be served on as many threads as is wanted; limits and counts hold for all of them.
#[derive(Debug, Clone)]
pub struct Server {
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
}

impl Server {
    /// Nothing is accepted yet.
    ///
    /// # Errors
    /// The configuration contradicts itself.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let (phase, phases) = Phases::new();
        Ok(Self { shared: Shared::new(config, phases), phase })
    }

    /// Serves what this listener accepts, on the thread or threads of the current runtime, as
    /// [`serve`] does. Told to stop on one thread, the relay drains on all of them.
    ///
    /// The listeners of all threads must take from one queue, as those that were cloned do: the place
    /// of the next connection is held for whoever asks first, and not for who has one to accept.
    ///
    /// `upstream` is a `reqwest::Client`, or whatever takes its place. Redirects, retries, time-outs
    /// and decompression of its own must be off: the relay does, or must not do, all of that itself.
    pub async fn serve<L, U>(
        &self,
        mut listener: L,
        upstream: U,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) where
        L: Listener<Addr = SocketAddr>,
        U: Service<reqwest::Request, Response = reqwest::Response> + Clone + Send + Sync + 'static,
        U::Error: Into<BoxError>,
        U::Future: Send + 'static,
    {
        let upstream = BoxCloneSyncService::new(upstream.map_err(Into::into));
        let relay = Relay::new(Arc::clone(&self.shared), upstream);
        let router = routes::router(&relay);
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        // On another thread.
        let mut draining = pin!(relay.phases.clone().reached(Phase::Draining));
        loop {
            let accepted = async { (relay.connection().await, listener.accept().await) };
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = &mut draining => break,
                Some(_) = connections.join_next() => {}
                (place, (io, address)) = accepted => {
                    let connection = connection(Arc::clone(&relay), router.clone(), io, address);
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
            }
        }
        drop(listener);
        self.drain(relay.config.drain, connections).await;
    }

    /// Lets what runs finish, ends it honestly when the grace is over, and cuts what is left then.
    async fn drain(&self, grace: Duration, mut connections: JoinSet<()>) {
        self.enter(Phase::Draining);
        if timeout(grace, all(&mut connections)).await.is_err() {
            reached!("streams still run at the end of the grace");
            self.enter(Phase::Ending);
            if timeout(LAST_WORDS, all(&mut connections)).await.is_err() {
                reached!("last words do not leave in time");
            }
        }
        connections.shutdown().await;
    }

    /// Threads come here one after the other, and none goes back.
    fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let later = *now < phase;
            *now = phase.max(*now);
            later
        });
    }
}

async fn all(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

/// What comes within the budget; `None` when it is over.
pub(crate) async fn within<F: Future>(budget: Option<Duration>, future: F) -> Option<F::Output> {
    match budget {
        Some(budget) => timeout(budget, future).await.ok(),
        None => Some(future.await),
    }
}

/// Serves one connection until either side ends it, in the version that the client begins with.
async fn connection<Io>(relay: Arc<Relay>, router: Router, io: Io, address: SocketAddr)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let client = Client::new(address, relay.metrics.given.clone());
    let _open = relay.metrics.connected();
    let mut io = Wire::new(io, client.clone(), relay.config.stalled_client);
    let begins = within(relay.config.request_head, io.speaks_http2());
    let draining = relay.phases.clone().reached(Phase::Draining);
    let begun = tokio::select! {
        biased;
        begun = begins => begun,
        () = draining => None,
    };
    match begun {
        // In a box: it takes 8 KiB, which each connection of HTTP/1 would hold with it.
        Some(Ok(true)) => Box::pin(http2::serve(&relay, &router, io, &client)).await,
        Some(Ok(false)) => http1(&relay, &router, io, &client).await,
        Some(Err(_)) | None => {}
    }
}

async fn http1<Io>(relay: &Relay, router: &Router, io: Wire<Io>, client: &Client)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| exchange(router.clone(), client.clone(), request));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(relay.config.request_head)
        .half_close(relay.config.half_close == HalfClose::Tolerate)
        .max_buf_size(BUFFER)
        // An event is one piece of memory for the kernel then, and not three. The piece is bounded.
        .writev(false)
        .auto_date_header(relay.config.date_header)
        .serve_connection(TokioIo::new(io), service);
    let mut serving = pin!(serving);
    let draining = relay.phases.clone().reached(Phase::Draining);
    // How a connection fails is the client's affair, or was already told in its stream.
    let ended = tokio::select! {
        biased;
        ended = serving.as_mut() => Some(ended),
        () = draining => None,
    };
    if ended.is_none() {
        serving.as_mut().graceful_shutdown();
        drop(serving.await);
    }
}

/// One request and its answer.
async fn exchange(
    router: Router,
    client: Client,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    client.begins_request();
    let request = request.map(|body| Upload { body, ended: false, client: client.clone() });
    if !is_sound(request.version(), request.headers()) {
        let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
        return Ok((close, Failure::BadHead).into_response());
    }
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(client);
    let mut response = router.oneshot(request).await.unwrap_or_else(|e| match e {});
    if chunked {
        // hyper takes a `Content-Length` beside it away unseen, and after such a request the
        // connection must end (RFC 9112 6.1).
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// A request's body. Dropped before its end, it tells that the client may still send.
struct Upload {
    body: Incoming,
    ended: bool,
    client: Client,
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.ended |= frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.client.left_unread();
        }
    }
}

/// What hyper lets pass: no `Host`, or two, in HTTP/1.1 (RFC 9112 3.2), and transfer codings
/// besides `chunked`, which are not undone here (RFC 9112 6.1).
fn is_sound(version: Version, headers: &HeaderMap) -> bool {
    let hosts = headers.get_all(header::HOST).iter().count();
    (hosts == 1 || (hosts == 0 && version < Version::HTTP_11)) && is_plainly_coded(headers)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[test]
    fn a_connection_takes_little_besides_its_buffers() {
        fn size<A, B, C, D, F: Future>(_: impl Fn(A, B, C, D) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = size(connection::<TcpStream>);
        assert!(bytes <= 2 << 10, "each idle stream holds {bytes} bytes of it");
    }
}

//! Accepts connections, serves each, and stops when told to.

use std::{
    convert::Infallible, future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration,
};

use axum::{Router, body::Body, serve::Listener};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::timeout,
};
use tower::{Service, ServiceExt as _, util::BoxCloneSyncService};

use crate::{
    config::{Config, ConfigError},
    routes,
    state::{Phase, Phases, Relay},
    wire::{Client, Wire},
};

/// Any error, as tower passes it on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// hyper's buffers for each direction of a connection, in bytes. Its own default lets one slow
/// reader hold some 400 KiB in the relay; the least that it allows is 8 KiB.
const BUFFER: usize = 16 << 10;

/// How long what ends at the end of the drain may take to leave, before it is cut.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Relays until `shutdown` resolves; then drains for at most [`Config::drain`], ends what still
/// runs honestly, and returns.
///
/// `upstream` is a `reqwest::Client`, or whatever takes its place. Redirects, retries, time-outs
/// and decompression of its own must be off: the relay does, or must not do, all of that itself.
///
/// # Errors
/// The configuration contradicts itself; nothing was accepted then.
pub async fn serve<L, U>(
    mut listener: L,
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
    config.check()?;
    let drain = config.drain;
    let upstream = BoxCloneSyncService::new(upstream.map_err(Into::into));
    let (phase, phases) = Phases::new();
    let relay = Relay::new(config, upstream, phases);
    let router = routes::router(&relay);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (io, address) = listener.accept() => {
                connections.spawn(connection(Arc::clone(&relay), router.clone(), io, address));
            }
        }
    }
    drop(listener);
    phase.send_replace(Phase::Draining);
    if timeout(drain, all(&mut connections)).await.is_err() {
        phase.send_replace(Phase::Ending);
        // What has not left by then is cut, below.
        drop(timeout(LAST_WORDS, all(&mut connections)).await);
    }
    connections.shutdown().await;
    Ok(())
}

async fn all(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

/// Serves one connection until either side ends it.
async fn connection<Io>(relay: Arc<Relay>, router: Router, io: Io, address: SocketAddr)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let client = Client::new(address);
    let _open = relay.metrics.connected();
    let io = Wire::new(io, client.clone(), relay.config.stalled_client);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(client.clone());
        let router = router.clone();
        async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|e| match e {})) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(BUFFER)
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

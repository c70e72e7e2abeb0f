//! The service through which a simulated relay calls its provider.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tower::{Service, ServiceExt as _, util::BoxCloneSyncService};

use super::{Host, Stream};
use crate::{scenario::ProviderHttp, trace::Name};

/// Any error, as tower passes it on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How a relay calls its provider: what `reqwest::Client` is in production, boxed, so that a relay
/// under test needs no bounds of its own.
pub type Upstream = BoxCloneSyncService<reqwest::Request, reqwest::Response, BoxError>;

/// How long a pooled connection may be idle: reqwest's default (0.13, `pool_idle_timeout`).
const POOL_IDLE: Duration = Duration::from_secs(90);

/// The client of `host` for calls to its next hop `to`. Whatever host name a URL has, it means the
/// provider: the simulated network has no other.
///
/// It is hyper-util's pooled client, the one inside reqwest, over the simulated network. Connect
/// failures are told as reqwest's are: by `is_connect` of hyper-util's error in the `source` chain.
///
/// With HTTP/2 the windows are those that the reference relay gives its real client, so that both
/// worlds hold as much for a reader that is slow.
pub fn upstream(host: &Host, to: Name, http: ProviderHttp) -> Upstream {
    let connector = Connector { host: host.clone(), to };
    let client: Client<Connector, reqwest::Body> = Client::builder(TokioExecutor::new())
        .http2_only(http == ProviderHttp::H2)
        .http2_initial_stream_window_size(relay::dial::STREAM_WINDOW)
        .http2_initial_connection_window_size(relay::dial::CONNECTION_WINDOW)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .build(connector);
    let service = tower::service_fn(move |request: reqwest::Request| {
        let client = client.clone();
        async move {
            let request = http::Request::try_from(request)?;
            let response = client.request(request).await?;
            Ok::<_, BoxError>(reqwest::Response::from(response.map(reqwest::Body::wrap)))
        }
    });
    BoxCloneSyncService::new(service.map_err(BoxError::from))
}

#[derive(Clone)]
struct Connector {
    host: Host,
    to: Name,
}

impl Service<http::Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        let (host, to) = (self.host.clone(), self.to.clone());
        Box::pin(async move { host.connect(&to).await.map(TokioIo::new) })
    }
}

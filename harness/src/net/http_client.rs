//! The service through which a simulated relay calls its provider.

use std::{
    collections::BTreeMap,
    fmt::Display,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http_body::{Body, Frame, SizeHint};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use relay::{
    dial::Dial,
    direct::{Connect, Direct},
    stale::{TellsStale, dialing},
};
use tower::{Service, util::BoxCloneSyncService};

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
pub fn upstream(host: &Host, to: Name, http: ProviderHttp) -> Upstream {
    BoxCloneSyncService::new(TellsStale(pooled(Connector { host: host.clone(), to }, http)))
}

/// The client of a reference relay: its own where it calls by that on real ports, [`upstream`] elsewhere.
pub(crate) fn reference_upstream(host: &Host, to: Name, http: ProviderHttp) -> Upstream {
    let connector = Connector { host: host.clone(), to };
    let direct = (http == ProviderHttp::H1).then(|| Direct::new(connector.clone()));
    BoxCloneSyncService::new(TellsStale(Dial { direct, other: pooled(connector, http) }))
}

fn pooled(
    connector: Connector,
    http: ProviderHttp,
) -> impl Service<
    reqwest::Request,
    Response = reqwest::Response,
    Error = BoxError,
    Future: Send + 'static,
> + Clone {
    let pools = Pools { connector, http, of: Arc::default() };
    tower::service_fn(move |request: reqwest::Request| {
        let pools = pools.clone();
        async move {
            let request = http::Request::try_from(request)?;
            let response = pools.to(request.uri()).request(request).await?;
            let response = response.map(|body| reqwest::Body::wrap(Guarded { body, failed: 0 }));
            Ok::<_, BoxError>(reqwest::Response::from(response))
        }
    })
}

type Pool = Client<Connector, reqwest::Body>;

/// A client for each host that is called. One client would close the connections to several hosts that
/// have been idle for long at one instant, in the order of a hash map, which no two runs share.
#[derive(Clone)]
struct Pools {
    connector: Connector,
    http: ProviderHttp,
    of: Arc<Mutex<BTreeMap<String, Pool>>>,
}

impl Pools {
    fn to(&self, uri: &http::Uri) -> Pool {
        let host = uri.authority().map_or("", http::uri::Authority::as_str).to_owned();
        let mut pools = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        pools.entry(host).or_insert_with(|| self.pool()).clone()
    }

    /// With HTTP/2 the windows are those that the reference relay gives its real client, so that both
    /// worlds hold as much for a reader that is slow.
    fn pool(&self) -> Pool {
        Client::builder(TokioExecutor::new())
            .http2_only(self.http == ProviderHttp::H2)
            .http2_initial_stream_window_size(relay::dial::STREAM_WINDOW)
            .http2_initial_connection_window_size(relay::dial::CONNECTION_WINDOW)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(self.connector.clone())
    }
}

/// How often a failed body tells its error before whoever asks is taken to ask for ever.
const TOLD_MAX: u32 = 1_000;

/// A body whose reader cannot ask for ever. One of HTTP/2 tells its error as often as it is asked, and
/// who goes on asking never lets virtual time go on: the run would hang.
struct Guarded<B> {
    body: B,
    /// Errors told.
    failed: u32,
}

impl<B: Body<Error: Display> + Unpin> Body for Guarded<B> {
    type Data = B::Data;
    type Error = B::Error;

    /// # Panics
    /// In the relay's task, which is a fact of the run, where it asks for ever.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Err(error))) = &polled {
            self.failed += 1;
            assert!(
                self.failed <= TOLD_MAX,
                "the provider's answer failed ({error}), and was read {TOLD_MAX} times more: stop at its first error"
            );
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
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
        dialing();
        let (host, to) = (self.host.clone(), self.to.clone());
        Box::pin(async move { host.connect(&to).await.map(TokioIo::new) })
    }
}

impl Connect for Connector {
    type Io = Stream;

    fn connect(&self, _: &str) -> impl Future<Output = Result<Stream, BoxError>> + Send + 'static {
        let (host, to) = (self.host.clone(), self.to.clone());
        async move { Ok(host.connect(&to).await?) }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::Bytes;

    use super::*;

    /// Tells an error as often as it is asked.
    struct Failed;

    impl Body for Failed {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            Poll::Ready(Some(Err("reset")))
        }
    }

    async fn asks(times: u32) {
        let mut body = Guarded { body: Failed, failed: 0 };
        for _ in 0..times {
            let item = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            assert!(matches!(item, Some(Err("reset"))));
        }
    }

    #[tokio::test]
    async fn an_error_can_be_read_again() {
        asks(TOLD_MAX).await;
    }

    #[tokio::test]
    #[should_panic(expected = "(reset), and was read 1000 times more: stop at its first error")]
    async fn whoever_asks_for_ever_is_stopped() {
        asks(TOLD_MAX + 1).await;
    }
}

//! How the provider is called: by a client that does nothing by itself. Whole requests to a provider without
//! TLS go by `direct`, all others by reqwest.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::client::legacy::connect::HttpConnector;
use tokio::net::TcpStream;
use tower::{Service, ServiceExt as _, util::MapRequestLayer};

use crate::{
    config::{Config, UpstreamHttp},
    direct::{Connect, Direct},
    pieces::Pieces,
    serve::BoxError,
    spread::Spread,
    stale::{TellsStale, dialing},
};

/// What the provider may send ahead on one HTTP/2 stream, in bytes: what a slow client can make
/// the relay hold. The default of RFC 9113 6.9.2; hyper's own is 2 MiB.
pub const STREAM_WINDOW: u32 = (64 << 10) - 1;

/// What it may send ahead on all streams of a connection: 256 streams that stand still leave room
/// for one that moves (hyper's own 5 MiB would be full after 80).
pub const CONNECTION_WINDOW: u32 = 16 << 20;

/// The largest head of an HTTP/2 answer, in bytes (hyper's default). For HTTP/1.1 it is 64 KiB in clear,
/// some 400 KiB behind TLS (hyper's), and 100 fields.
const HEAD: u32 = 16 << 10;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The file of authorities could not be read.
    #[error("cannot read upstream_ca `{path}`: {error}; give a readable file of PEM certificates")]
    Unreadable {
        /// Where it should be.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// The file holds no certificate.
    #[error("upstream_ca `{0}` holds no PEM certificate; give the authority's certificate itself")]
    NoCertificate(String),
    /// This build knows no TLS.
    #[error(
        "upstream_ca is set, and this relay is built without TLS: build it with the feature `tls`"
    )]
    NoTls,
    /// The client could not be made.
    #[error("cannot set up the client: {0}")]
    Client(#[from] reqwest::Error),
}

/// A client of the provider.
pub type Client = TellsStale<Dial<Tcp, Spread<reqwest::Client>>>;

/// Chooses the client that fits a request.
#[derive(Debug, Clone)]
pub struct Dial<C: Connect, S> {
    /// For what it takes; none where the provider is spoken to in HTTP/2.
    pub direct: Option<Direct<C>>,
    /// For all others.
    pub other: S,
}

impl<C, S> Service<reqwest::Request> for Dial<C, S>
where
    C: Connect,
    S: Service<reqwest::Request, Response = reqwest::Response>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = reqwest::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<reqwest::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // The direct one always is.
        self.other.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: reqwest::Request) -> Self::Future {
        match &mut self.direct {
            Some(direct) if Direct::<C>::takes(&request) => direct.call(request),
            _ => {
                let answer = self.other.call(request);
                Box::pin(async { answer.await.map(Pieces::of).map_err(Into::into) })
            }
        }
    }
}

/// The client for `config`: what it could do by itself, the relay does on its own terms.
///
/// # Errors
/// The authorities cannot be read, or TLS cannot be set up.
pub fn client(config: &Config) -> Result<Client, DialError> {
    let direct =
        (config.upstream_http != UpstreamHttp::H2).then(|| Direct::new(Tcp::new(config.connect)));
    let (first, config) = (pooled(config)?, config.clone());
    // What the first needed is still there, or the first goes on for all.
    let other = Spread::new(first, move || pooled(&config).ok());
    Ok(TellsStale(Dial { direct, other }))
}

/// One client with connections of its own.
fn pooled(config: &Config) -> Result<reqwest::Client, DialError> {
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connector_layer(MapRequestLayer::new(|to| {
            dialing();
            to
        }))
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(HEAD);
    builder = match config.upstream_http {
        UpstreamHttp::H1 => builder.http1_only(),
        UpstreamHttp::H2 => builder.http2_prior_knowledge(),
        UpstreamHttp::Auto => builder,
    };
    if let Some(connect) = config.connect {
        builder = builder.connect_timeout(connect);
    }
    if let Some(path) = &config.upstream_ca {
        builder = trust(builder, path)?;
    }
    Ok(builder.build()?)
}

/// How long a connection may be silent before the kernel asks whether the other end is there, and how
/// long between two of those questions: reqwest's defaults (0.13), as are the next two.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How many questions go without an answer before it is not.
const KEEPALIVE_RETRIES: u32 = 3;
/// How long what was sent may go without an acknowledgement (RFC 5482).
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Connects by TCP, without waiting for more to send (Nagle), and as watchful as reqwest.
#[derive(Debug, Clone)]
pub struct Tcp(HttpConnector);

impl Tcp {
    fn new(connect: Option<Duration>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_keepalive(Some(KEEPALIVE));
        connector.set_keepalive_interval(Some(KEEPALIVE));
        connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        // Of several addresses each gets its share. The time of the whole is the caller's.
        connector.set_connect_timeout(connect);
        Self(connector)
    }
}

impl Connect for Tcp {
    type Io = TcpStream;

    fn connect(
        &self,
        authority: &str,
    ) -> impl Future<Output = Result<TcpStream, BoxError>> + Send + 'static {
        let connector = self.0.clone();
        let to = http::Uri::builder().scheme("http").authority(authority).path_and_query("/");
        let to = to.build();
        async move { Ok(connector.oneshot(to?).await?.into_inner()) }
    }
}

/// Trusts the authorities in a file, besides those of the system.
#[cfg(feature = "tls")]
fn trust(builder: reqwest::ClientBuilder, path: &str) -> Result<reqwest::ClientBuilder, DialError> {
    let pem = std::fs::read(path)
        .map_err(|error| DialError::Unreadable { path: path.to_owned(), error })?;
    let authorities = reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if authorities.is_empty() {
        return Err(DialError::NoCertificate(path.to_owned()));
    }
    Ok(builder.tls_certs_merge(authorities))
}

#[cfg(not(feature = "tls"))]
fn trust(_: reqwest::ClientBuilder, _: &str) -> Result<reqwest::ClientBuilder, DialError> {
    Err(DialError::NoTls)
}

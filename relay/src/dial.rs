//! How the provider is called: one client, which does nothing by itself.

use tower::util::MapRequestLayer;

use crate::{
    config::{Config, UpstreamHttp},
    stale::{TellsStale, dialing},
};

/// What the provider may send ahead on one HTTP/2 stream, in bytes: what a slow client can make
/// the relay hold. The default of RFC 9113 6.9.2; hyper's own is 2 MiB.
pub const STREAM_WINDOW: u32 = (64 << 10) - 1;

/// What it may send ahead on all streams of a connection: 256 streams that stand still leave room
/// for one that moves (hyper's own 5 MiB would be full after 80).
pub const CONNECTION_WINDOW: u32 = 16 << 20;

/// The largest head of an HTTP/2 answer, in bytes (hyper's default; for HTTP/1.1 it has some
/// 400 KiB and 100 fields).
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
pub type Client = TellsStale<reqwest::Client>;

/// The client for `config`: what it could do by itself, the relay does on its own terms.
///
/// # Errors
/// The authorities cannot be read, or TLS cannot be set up.
pub fn client(config: &Config) -> Result<Client, DialError> {
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
    Ok(TellsStale(builder.build()?))
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

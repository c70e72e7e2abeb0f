//! Middleboxes as a path names them, with their settings.

use mock_openai::quantity::{Size, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can stand on a path between the clients and the provider, with its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Middlebox {
    /// A proxy that collects an answer in buffers before it passes it on.
    BufferingProxy(BufferingProxy),
    /// A proxy that lets the kernel wait for full segments, and looks at its client when it writes.
    Haproxy(Haproxy),
    /// A hop that ends connections on which nothing moved for too long.
    IdleCutter(IdleCutter),
    /// A hop that compresses answers.
    Compressor(Compressor),
    /// A hop that cuts or merges what passes, and changes no byte.
    ReChunker(ReChunker),
    /// A hop that takes headers away.
    HeaderStripper(HeaderStripper),
    /// A hop that speaks HTTP/1.0 to the provider's side, and holds nothing back.
    Http10Downgrade(Http10Downgrade),
    /// A hop that serves so many requests of one address at a time.
    ConnectionLimit(ConnectionLimit),
    /// A hop that ends every exchange after a total time.
    Deadline(Deadline),
    /// A hop before two relays that it asks in turn: `relay`, and one more on the host `relay-2`.
    LoadBalancer(LoadBalancer),
}

/// The host of the second relay, where a load balancer stands before the first.
pub const SECOND_RELAY: &str = "relay-2";

impl Middlebox {
    /// The word that the language has for it; the name of its host where it is given none.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BufferingProxy(_) => "buffering_proxy",
            Self::Haproxy(_) => "haproxy",
            Self::IdleCutter(_) => "idle_cutter",
            Self::Compressor(_) => "compressor",
            Self::ReChunker(_) => "re_chunker",
            Self::HeaderStripper(_) => "header_stripper",
            Self::Http10Downgrade(_) => "http10_downgrade",
            Self::ConnectionLimit(_) => "connection_limit",
            Self::Deadline(_) => "deadline",
            Self::LoadBalancer(_) => "load_balancer",
        }
    }

    /// The name of its host.
    pub fn name(&self) -> &str {
        let given = match self {
            Self::BufferingProxy(BufferingProxy { name, .. })
            | Self::Haproxy(Haproxy { name, .. })
            | Self::IdleCutter(IdleCutter { name, .. })
            | Self::Compressor(Compressor { name, .. })
            | Self::ReChunker(ReChunker { name, .. })
            | Self::HeaderStripper(HeaderStripper { name, .. })
            | Self::Http10Downgrade(Http10Downgrade { name, .. })
            | Self::ConnectionLimit(ConnectionLimit { name, .. })
            | Self::Deadline(Deadline { name, .. })
            | Self::LoadBalancer(LoadBalancer { name, .. }) => name,
        };
        given.as_deref().unwrap_or_else(|| self.kind())
    }
}

/// nginx as a proxy; without settings with a bare `proxy_pass`: HTTP/1.0 to its upstream, answers
/// collected in buffers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BufferingProxy {
    /// Its host name; `buffering_proxy` where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it speaks to its upstream (nginx `proxy_http_version`, 1.0 by default). An answer in
    /// HTTP/1.0 ends by the close, and then buffers are filled; one that comes in chunks passes chunk
    /// by chunk.
    pub http: UpstreamHttp,
    /// Whether it collects answers in buffers at all (nginx `proxy_buffering`, on by default). Off, what
    /// each read brings goes on at once, unless the answer says `X-Accel-Buffering: yes`.
    pub buffering: bool,
    /// How many buffers (nginx `proxy_buffers`, 8 by default).
    pub buffers: u64,
    /// How large one is (nginx: a memory page, 4 KiB).
    pub buffer: Size,
    /// Whether `X-Accel-Buffering` of an answer switches it off (`no`) or on (`yes`) for that answer
    /// (nginx: yes).
    pub honours_x_accel: bool,
}

impl Default for BufferingProxy {
    fn default() -> Self {
        Self {
            name: None,
            http: UpstreamHttp::H10,
            buffering: true,
            buffers: 8,
            buffer: Size(4096),
            honours_x_accel: true,
        }
    }
}

/// The HTTP version that a proxy speaks to its upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UpstreamHttp {
    /// HTTP/1.0: answers end by the close.
    #[default]
    #[serde(rename = "h1.0")]
    H10,
    /// HTTP/1.1: answers come in chunks.
    #[serde(rename = "h1")]
    H1,
}

/// haproxy 2.6 in HTTP mode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Haproxy {
    /// Its host name; `haproxy` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether what it writes leaves at once (`option http-no-delay`, off by default). Off, what does
    /// not fill a segment waits for more, for up to 208 ms.
    #[serde(default)]
    pub http_no_delay: bool,
    /// Whether it ends an exchange when its client goes (`option abortonclose`, off by default). Off,
    /// it learns of that when it writes.
    #[serde(default)]
    pub abort_on_close: bool,
    /// How long it waits for its upstream, and for the next request (`timeout server` and `timeout
    /// client`; 50 s where it is left out, as in Debian's configuration).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Time>,
}

/// A hop that ends connections on which nothing moved for too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdleCutter {
    /// Its host name; `idle_cutter` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How long a connection may be without bytes, either way; 60 s where it is left out (AWS ALB's
    /// idle time-out, nginx's `proxy_read_timeout`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Time>,
    /// How it ends them.
    #[serde(default)]
    pub by: CutterEnd,
    /// Whether comments and blank lines of a stream count as silence, so that only real events keep a
    /// connection.
    #[serde(default)]
    pub only_data_counts: bool,
}

/// How a hop ends a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CutterEnd {
    /// FIN to both sides.
    #[default]
    Fin,
    /// RST to both sides.
    Reset,
    /// It forgets the connection: what comes later gets no word, and no side is told.
    Forget,
}

/// A hop that compresses answers in gzip, for requests whose `Accept-Encoding` names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compressor {
    /// Its host name; `compressor` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it flushes after each read, as nginx's `gzip` with `proxy_buffering off`. Where not, it
    /// holds small writes back until a block of the compression is full or the answer ends, as
    /// gin-contrib/gzip did.
    #[serde(default)]
    pub flushes: bool,
    /// Whether it leaves an answer alone that says `Cache-Control: no-transform`, as RFC 9110 7.7 asks
    /// and Envoy and Express do; nginx and gin-contrib/gzip do not.
    #[serde(default)]
    pub honours_no_transform: bool,
    /// Whether it leaves a request alone whose `Accept` names `text/event-stream`, as gin-contrib/gzip
    /// does. An `EventSource` asks so, an SDK for JSON does not.
    #[serde(default)]
    pub spares_event_streams: bool,
}

/// A hop that cuts or merges what passes, and changes no byte.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReChunker {
    /// Its host name; `re_chunker` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Bytes of each piece that it sends on, in a TCP segment of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// It keeps what comes for so long from the first byte on, and sends it on as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Time>,
}

/// A hop that takes headers away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderStripper {
    /// Its host name; `header_stripper` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The names of the headers, in requests and answers, whatever their case. Those that frame a
    /// message or name its host cannot be taken away.
    pub headers: Vec<String>,
}

/// A hop that speaks HTTP/1.0 to the provider's side: nginx with a bare `proxy_pass` and buffering off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http10Downgrade {
    /// Its host name; `http10_downgrade` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether its client too is answered in HTTP/1.0 (Apache httpd with `downgrade-1.0` and
    /// `force-response-1.0`): a stream ends by the close, and what is cut looks whole.
    #[serde(default)]
    pub client_too: bool,
}

/// A hop that serves so many requests of one address at a time, as nginx's `limit_conn`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionLimit {
    /// Its host name; `connection_limit` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many of one address at a time (nginx `limit_conn`). A connection without a request that is
    /// being answered does not count.
    pub per_address: u64,
    /// The status for one too many, 400 to 599 (nginx `limit_conn_status`, 503 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// A hop that ends every exchange after a total time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// Its host name; `deadline` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How long an exchange may take, from the first byte of the request on (Google Cloud's load
    /// balancers: 30 s by default).
    pub after: Time,
    /// How it ends them.
    #[serde(default)]
    pub by: CutterEnd,
}

/// A hop before two relays that it asks in turn, connection by connection. It stands right before `relay`;
/// `relay-2` is the same relay on a host of its own, on the same two links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// Its host name; `load_balancer` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the first relay is drained: it gets no new connection from then on, and keeps those that it
    /// has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drains_at: Option<Time>,
}

//! Relays OpenAI-compatible streams to clients: byte for byte, as they come, with honest endings.
//!
//! The path of a request, and where it is written:
//!
//! 1. [`serve()`](serve::serve) accepts connections and owns every server setting, on as many threads
//!    as share a [`Server`]; `wire` watches each client's socket, and `http2` serves those that speak
//!    it. `dial` makes the client for the provider's side: `direct`, or reqwest in `pieces`, of which
//!    `spread` has several.
//! 2. `routes` is the map: count, CORS, access, then the proxy.
//! 3. `proxy` admits a request (`caps`), reads it, sends it on (`ask`), again if that is safe
//!    (`retry`), and answers with `headers` cleaned and the body wrapped. `opening` and `early` are
//!    the two other moments at which a client can get its head: later, and before the provider's.
//! 4. `stream` carries the body: [`stream::Core`] is a state machine without input, output or
//!    clock that says what to emit; `stream::body` drives it.
//!
//! What it does not do: it never re-serialises, never compresses, never holds an event back, and
//! never sends a `[DONE]` that the provider did not send. All its time is tokio's, so that it runs
//! unchanged under a paused clock.

mod access;
mod account;
mod ask;
mod attempt;
mod breaker;
mod bucket;
mod caps;
pub mod config;
mod contradictions;
mod cors;
pub mod dial;
pub mod direct;
mod early;
mod errors;
mod headers;
mod http2;
mod lock;
mod log;
mod metrics;
mod names;
mod opening;
mod parting;
mod pieces;
mod proxy;
mod quantity;
mod reached;
mod request_id;
pub mod resume;
mod retry;
mod routes;
pub mod serve;
pub mod spread;
pub mod stale;
mod state;
pub mod stream;
pub mod switches;
mod table;
mod target;
mod unsaid;
mod upload;
mod upstreams;
mod wire;

pub use bucket::Rate;
pub use config::{Config, HalfClose, Head, MissingDone, UpstreamHttp};
pub use contradictions::ConfigError;
pub use errors::ErrorObject;
pub use serve::{BoxError, Server, serve};
pub use switches::{Switch, SwitchError};

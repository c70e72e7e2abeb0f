//! Relays OpenAI-compatible streams to clients: byte for byte, as they come, with honest endings.
//!
//! The path of a request, and where it is written:
//!
//! 1. [`serve()`](serve::serve) accepts connections and owns every server setting; `wire` watches
//!    each client's socket.
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
mod caps;
pub mod config;
mod cors;
mod early;
mod errors;
mod headers;
mod log;
mod metrics;
mod opening;
mod proxy;
mod quantity;
mod request_id;
pub mod resume;
mod retry;
mod routes;
pub mod serve;
mod state;
pub mod stream;
pub mod switches;
mod target;
mod wire;

pub use config::{Config, ConfigError, Head, MissingDone};
pub use errors::ErrorObject;
pub use serve::{BoxError, serve};
pub use switches::{Switch, SwitchError};

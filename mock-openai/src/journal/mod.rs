//! What the provider saw and did, told as it happens to whoever listens.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;

use crate::script::End;

mod json;
mod query;
mod store;

pub use json::Told;
pub(crate) use json::millis;
pub use query::Query;
pub use store::{STORE_BYTES_MAX, STORE_ENTRIES_DEFAULT, Seen, Store};

/// One entry: which connection and request it is about, and what happened.
///
/// The listener stamps the time: entries are told at the instant at which they happen, on tokio's
/// clock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Connections are counted from 0 in the order of acceptance.
    pub connection: u64,
    /// Requests are counted from 0 over all connections, in the order in which their head was
    /// read; `None` for what concerns the connection alone.
    pub request: Option<u64>,
    /// What happened.
    pub event: Event,
}

/// How the peer of a connection went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerEnd {
    /// It sent FIN: it closed, or only shut its sending side; from the wire the two look alike.
    Fin,
    /// It sent RST.
    Reset,
}

/// What can happen at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// A connection was accepted.
    Accepted {
        /// The other end, as the socket tells it.
        peer: SocketAddr,
    },
    /// A request was read whole.
    Request {
        /// As sent: `POST`.
        method: String,
        /// The request target as sent: `/v1/chat/completions`.
        target: String,
        /// In order, names as sent.
        headers: Vec<(String, String)>,
        /// The whole body, after transfer decoding.
        body: Bytes,
    },
    /// What the peer sent is not HTTP/1, or broke a limit; it was answered 400, 413 or 431.
    BadRequest {
        /// What is wrong with it.
        why: String,
    },
    /// A rule answers the request.
    Matched {
        /// Its index in the script.
        rule: usize,
    },
    /// No rule matches; the request is answered 501.
    Unmatched {
        /// The rule that came nearest, and what of it did not fit.
        nearest: String,
    },
    /// A quota was exceeded; the request is answered 429.
    Limited {
        /// Index of the rule that holds the quota.
        rule: usize,
    },
    /// It brings none of the keys that are asked for; the request is answered 401.
    Unauthorized {
        /// Index of the rule that asks for a key; `None` where the server asks for one.
        rule: Option<usize>,
    },
    /// The head of the answer was written.
    Head {
        /// Status code.
        status: u16,
    },
    /// Body bytes were handed to the socket, before chunk framing.
    Wrote {
        /// Position of the first byte in the body.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// A write was broken off: by the peer's departure or by a fault that fired meanwhile.
    NotAccepted {
        /// How many body bytes of it the socket had not taken: the peer did not read them.
        bytes: u64,
    },
    /// A named point of the script was passed.
    Marked {
        /// The name.
        name: String,
    },
    /// The answer was ended the way that the script says.
    Ended {
        /// How.
        how: End,
    },
    /// The peer went away.
    PeerGone {
        /// By FIN or RST.
        how: PeerEnd,
        /// Whether an answer was still being played: then `request` names it.
        during_answer: bool,
    },
    /// The connection is closed on this side too.
    Closed,
}

/// Listens to the journal; called at the instant at which a thing happens.
pub type Listener = Arc<dyn Fn(Entry) + Send + Sync>;

/// A listener that hears nothing.
pub fn deaf() -> Listener {
    Arc::new(|_| {})
}

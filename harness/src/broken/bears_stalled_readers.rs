//! Waits for a client that will never read again.

use super::{Broken, Server, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "bears-stalled-readers",
    mistake: "has no bound on how long a write may wait: a client that takes nothing keeps its \
              stream, and the provider's, for as long as TCP keeps the connection",
    made_by: "every relay on axum::serve, hyper or Go's net/http without a write time-out; \
              IBM/mcp-context-forge#1682 queues for such clients",
    caught_by: &["stalled-reader-ends", "nothing-left"],
    server: Server { stalled: None, ..Server::RIGHT },
    relay: parts::right,
};

//! Drains without an end.

use super::{Broken, Server, Told, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "waits-for-streams-for-ever",
    mistake: "has no bound on its drain: told to stop, it waits for streams that do not end until it \
              is killed, and then they are cut",
    made_by: "axum::serve with with_graceful_shutdown, and Go's Server.Shutdown with a context that has \
              no deadline",
    caught_by: &["drain"],
    server: Server { told_to_stop: Told::WaitsForEver, ..Server::RIGHT },
    relay: parts::right,
};

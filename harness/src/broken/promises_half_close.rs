//! Says that it serves half-closed clients, and drops them.

use super::{Broken, Server, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "promises-half-close",
    mistake: "has a switch to tolerate clients that end their sending side, and a server below it \
              that takes the FIN for a departure",
    made_by: "programs on HTTP servers that end a connection at the peer's FIN unless told otherwise, \
              as hyper does",
    caught_by: &["half-close-is-not-abort"],
    server: Server { switches: &["half_close"], ..Server::RIGHT },
    relay: parts::right,
};

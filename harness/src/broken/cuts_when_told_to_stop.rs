//! Has no handler for SIGTERM.

use super::{Broken, Server, Told, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "cuts-when-told-to-stop",
    mistake: "does not act upon the word to stop: it dies of it, and every deployment cuts every \
              stream in its middle",
    made_by: "axum::serve without with_graceful_shutdown, Go's http.ListenAndServe, and every other \
              server whose program leaves SIGTERM as it is",
    caught_by: &["drain"],
    server: Server { told_to_stop: Told::Dies, ..Server::RIGHT },
    relay: parts::right,
};

//! Tries a failed accept again at once.

use axum::Router;

use super::{Broken, OutOfFiles, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "spins-out-of-files",
    mistake: "calls accept again at once when it fails, as it does while no file descriptor is left: a \
              CPU is busy with that until a stream ends",
    made_by: "accept loops with `Err(_) => continue`; accept(2): the connection goes on waiting, so that \
              a poll finds it again",
    caught_by: &["accept-survives"],
    server: Server { out_of_files: OutOfFiles::Spins, ..Server::RIGHT },
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::right(setup)
}

//! Takes a failed accept for the end.

use axum::Router;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "dies-out-of-files",
    mistake: "ends when accept fails, as it does while no file descriptor is left: every stream that \
              runs is cut, and nobody is served any more",
    made_by: "accept loops with `listener.accept().await?`, as tutorials of tokio show them",
    caught_by: &["accept-survives"],
    server: Server { dies_of_accept: true, ..Server::RIGHT },
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::right(setup)
}

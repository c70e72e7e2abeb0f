//! Tries a failed accept again at once.

use super::{Broken, OutOfFiles, Server, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "spins-out-of-files",
    mistake: "calls accept again at once when it fails, as it does while no file descriptor is left: a \
              CPU is busy with that until a stream ends",
    made_by: "yesodweb/wai#928: Warp busy-loops on EMFILE; ninenines/ranch#36; oven-sh/bun#32705; accept \
              loops with `Err(_) => continue`",
    caught_by: &["accept-survives"],
    server: Server { out_of_files: OutOfFiles::Spins, ..Server::RIGHT },
    relay: parts::right,
};

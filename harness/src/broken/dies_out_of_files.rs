//! Takes a failed accept for the end.

use super::{Broken, OutOfFiles, Server, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "dies-out-of-files",
    mistake: "ends when accept fails, as it does while no file descriptor is left: every stream that \
              runs is cut, and nobody is served any more",
    made_by: "denoland/deno#10148: too many open files are fatal for Listener.accept; yesodweb/wai#830: \
              the main thread exits; accept loops with `listener.accept().await?`",
    caught_by: &["accept-survives"],
    server: Server { out_of_files: OutOfFiles::Dies, ..Server::RIGHT },
    relay: parts::right,
};

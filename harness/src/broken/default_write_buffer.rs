//! Relays rightly, on a server whose write buffer nobody looked at.

use super::{Broken, Server, parts};
use crate::target::WriteBuffer;

pub(super) const BROKEN: Broken = Broken {
    name: "default-write-buffer",
    mistake: "leaves hyper's write buffer as it is: 400 KiB of large events are held for a slow reader",
    made_by: "every relay that runs on axum::serve, which has no switch for it (measured on \
              Linux sockets: 425,984 bytes in pieces of 32 KiB, and 16,384 in pieces of 1 KiB)",
    caught_by: &["bounded-memory"],
    server: Server { buffer: WriteBuffer::HyperDefault, ..Server::RIGHT },
    relay: parts::right,
};

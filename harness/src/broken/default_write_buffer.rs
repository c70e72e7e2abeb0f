//! Relays rightly, on a server whose write buffer nobody looked at.

use axum::Router;

use super::{Broken, Kind, parts};
use crate::{net::Upstream, target::WriteBuffer};

pub(super) const BROKEN: Broken = Broken {
    name: "default-write-buffer",
    mistake: "leaves hyper's write buffer as it is: some 400 KiB are held for a slow reader",
    made_by: "every relay that runs on axum::serve, which has no switch for it (measured: \
              431,962 bytes held, against 26,623 with max_buf_size(16384))",
    caught_by: &["bounded-memory"],
    kind: Kind::Transparent,
    write_buffer: WriteBuffer::HyperDefault,
    relay,
};

fn relay(upstream: Upstream) -> Router {
    parts::right(upstream)
}

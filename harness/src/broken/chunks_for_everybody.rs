//! Speaks HTTP/1.1 to whoever asks.

use super::{Broken, Server, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "chunks-for-everybody",
    mistake: "answers a client of HTTP/1.0 in chunks, whose lengths it takes for text",
    made_by: "linkerd/linkerd#1847 and ninenines/cowboy#140: chunks are sent to clients of HTTP/1.0",
    caught_by: &["old-clients", "payload-intact", "one-ending"],
    server: Server { takes_1_0_for_1_1: true, ..Server::RIGHT },
    relay: parts::right,
};

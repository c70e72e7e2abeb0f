//! Uses a connection to the provider again without a look at what has come on it.

use super::{Broken, Server, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "reuses-dirty-connections",
    mistake: "keeps each connection to the provider once an answer on it is over, whatever else has \
              come on it, and answers 502 when the provider had closed it",
    made_by: "haproxy/haproxy#176 and nginx/nginx#929: what was left of one answer was read as the \
              next; Soul-Brews-Studio/maw-js#2658 and sozu-proxy/sozu#1442: a stale pooled \
              connection is a 502",
    caught_by: &["pool-hygiene", "payload-intact"],
    server: Server { calls: parts::careless, ..Server::RIGHT },
    relay: parts::right,
};

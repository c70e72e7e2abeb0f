//! What stands between the hosts of a path: one file or folder a middlebox, each a model of a real one.

use std::sync::Arc;

use crate::{
    net::{Actor, Host, Task},
    scenario::Middlebox,
    trace::Name,
};

mod buffering_proxy;
mod compressor;
mod connection_limit;
mod deadline;
mod framing;
mod haproxy;
mod header_stripper;
mod http10_downgrade;
mod http_hop;
mod idle_cutter;
mod incoming;
mod load_balancer;
mod pipe;
mod re_chunker;
mod teller;
#[cfg(test)]
mod tests;
mod upstream;
mod watch;

/// A middlebox on the host called `name`, whose next hop towards the provider is `next_hop`.
pub fn actor(spec: &Middlebox, name: Name, next_hop: Name) -> Actor {
    let spec = spec.clone();
    let start = move |host: Host| serve(&spec, host, next_hop.clone());
    Actor { host: name, start: Arc::new(start) }
}

/// Serves on `host` until the run is over.
pub fn serve(spec: &Middlebox, host: Host, next_hop: Name) -> Task {
    match spec {
        Middlebox::BufferingProxy(proxy) => {
            Box::pin(buffering_proxy::serve(proxy.clone(), host, next_hop))
        }
        Middlebox::Haproxy(spec) => Box::pin(haproxy::serve(spec.clone(), host, next_hop)),
        Middlebox::IdleCutter(spec) => Box::pin(idle_cutter::serve(spec.clone(), host, next_hop)),
        Middlebox::ReChunker(spec) => Box::pin(re_chunker::serve(spec.clone(), host, next_hop)),
        Middlebox::Deadline(spec) => Box::pin(deadline::serve(spec.clone(), host, next_hop)),
        Middlebox::ConnectionLimit(spec) => {
            Box::pin(connection_limit::serve(spec.clone(), host, next_hop))
        }
        Middlebox::HeaderStripper(spec) => {
            Box::pin(header_stripper::serve(spec.clone(), host, next_hop))
        }
        Middlebox::Http10Downgrade(spec) => {
            Box::pin(http10_downgrade::serve(spec.clone(), host, next_hop))
        }
        Middlebox::LoadBalancer(spec) => {
            Box::pin(load_balancer::serve(spec.clone(), host, next_hop))
        }
        Middlebox::Compressor(spec) => Box::pin(compressor::serve(spec.clone(), host, next_hop)),
    }
}

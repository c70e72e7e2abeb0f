//! What stands between the hosts of a path: one folder a middlebox, each a model of a real one.

use std::sync::Arc;

use crate::{
    net::{Actor, Host, Task},
    scenario::MiddleboxSpec,
    trace::Name,
};

mod buffering_proxy;

/// A middlebox on the host called `name`, whose next hop towards the provider is `next_hop`.
pub fn actor(spec: &MiddleboxSpec, name: Name, next_hop: Name) -> Actor {
    let spec = spec.clone();
    let start = move |host: Host| serve(&spec, host, next_hop.clone());
    Actor { host: name, start: Arc::new(start) }
}

/// Serves on `host` until the run is over.
pub fn serve(spec: &MiddleboxSpec, host: Host, next_hop: Name) -> Task {
    match spec {
        MiddleboxSpec::BufferingProxy(proxy) => {
            Box::pin(buffering_proxy::serve(proxy.clone(), host, next_hop))
        }
    }
}

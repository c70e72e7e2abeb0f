//! The connections that the tabs of one browser share.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{plan::Client, scenario::Http};

/// How many connections to one host a browser has over HTTP/1.1: Chromium by `g_max_sockets_per_group`
/// in `net/socket/client_socket_pool_manager.cc`, Firefox by
/// `network.http.max-persistent-connections-per-server`. HTML 9.2.7 warns of it.
const CONNECTIONS_MAX: usize = 6;

/// The connections of one browser to the one host that clients ask. Who waits first is served first.
#[derive(Debug, Clone)]
pub struct Tabs(Arc<Semaphore>);

/// A connection that is open, as far as it counts.
#[derive(Debug)]
pub(super) struct Open {
    _counted: OwnedSemaphorePermit,
}

impl Tabs {
    /// The browsers that clients are tabs of, by their names.
    pub fn of(clients: &[Client]) -> BTreeMap<String, Self> {
        let names = clients.iter().filter_map(|client| client.tab_of.clone());
        names.map(|name| (name, Self(Arc::new(Semaphore::new(CONNECTIONS_MAX))))).collect()
    }

    /// One of the connections, where one is free.
    pub(super) fn take(&self) -> Option<Open> {
        let free = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(Open { _counted: free })
    }

    /// One of the connections, when it is free.
    pub(super) async fn wait(&self) -> Open {
        let free = Arc::clone(&self.0).acquire_owned().await;
        Open { _counted: free.expect("nobody closes it") }
    }
}

/// Whether a client's connections are counted: streams of HTTP/2 share one.
pub(super) fn are_counted(client: &Client) -> bool {
    client.http != Http::H2
}

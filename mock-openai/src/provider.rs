//! The provider as configured, and what its connections share.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

use crate::{
    connection,
    http::Request,
    identity::Identity,
    journal::Listener,
    player::Answering,
    rules::{Choice, Rules},
    script::Script,
    wire::Accept,
};

/// What a provider needs to be told.
#[derive(Clone)]
pub struct Mock {
    /// What it answers.
    pub script: Script,
    /// What ids and made-up words are drawn from.
    pub seed: u64,
    /// Unix time at which it begins to serve; the `created` of answers counts from there.
    pub epoch: Duration,
    /// Hears what it sees and does.
    pub journal: Listener,
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { script, seed, epoch, journal: _ } = self;
        f.debug_struct("Mock")
            .field("script", script)
            .field("seed", seed)
            .field("epoch", epoch)
            .finish_non_exhaustive()
    }
}

/// Serves until the listening fails, or until it is dropped: then its connections are closed too.
///
/// # Errors
/// What `accept` answers.
pub async fn serve<A: Accept>(mut accept: A, mock: Mock) -> io::Result<()> {
    let provider = Arc::new(Provider::new(mock));
    let mut connections = JoinSet::new();
    for number in 0.. {
        let (wire, peer) = accept.accept().await?;
        // Without this the set would keep every connection that ever was.
        while connections.try_join_next().is_some() {}
        connections.spawn(connection::serve(wire, peer, number, Arc::clone(&provider)));
    }
    Ok(())
}

/// A provider at work.
pub(crate) struct Provider {
    pub(crate) mock: Mock,
    started: Instant,
    requests: AtomicU64,
    rules: Rules,
}

impl Provider {
    fn new(mock: Mock) -> Self {
        let (started, requests) = (Instant::now(), AtomicU64::new(0));
        Self { mock, started, requests, rules: Rules::default() }
    }

    /// The number of the next request.
    pub(crate) fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// What answers a request that was read just now, and as whom.
    pub(crate) fn choose(&self, request: &Request, peer: SocketAddr) -> (Choice, Answering) {
        let client = request.user().map_or_else(|| peer.ip().to_string(), str::to_owned);
        let (choice, ordinal) = self.rules.choose(&self.mock.script, request, &client);
        let received = Instant::now();
        let quota = match &choice {
            Choice::Answers(_, quota) => quota.map_or_else(Vec::new, |quota| quota.headers()),
            Choice::Limited(..) | Choice::None(_) => Vec::new(),
        };
        let since_epoch = self.mock.epoch + received.duration_since(self.started);
        let identity = Identity { seed: self.mock.seed, client, ordinal };
        (choice, Answering { identity, received, created: since_epoch.as_secs(), quota })
    }
}

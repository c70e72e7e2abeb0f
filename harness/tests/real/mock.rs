//! The mock provider on a real port, served by a thread of its own.

use std::{
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, PoisonError, mpsc},
    time::Duration,
};

use mock_openai::{
    Mock, Provider,
    journal::{Entry, Event},
    script,
    wire::RealListener,
    yaml::NoFiles,
};
use tokio::{net::TcpListener, sync::oneshot};

use crate::PATIENCE;

/// A provider that serves until it is dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    _stop: oneshot::Sender<()>,
}

#[derive(Default)]
struct Seen {
    entries: Mutex<Vec<Entry>>,
    more: Condvar,
}

impl Upstream {
    pub(crate) fn play(yaml: &str) -> Self {
        let script = script::load("script", yaml.as_bytes(), &NoFiles)
            .unwrap_or_else(|wrong| panic!("{}\n{yaml}", wrong[0]));
        let seen = Arc::<Seen>::default();
        let heard = Arc::clone(&seen);
        let journal = Arc::new(move |entry| {
            heard.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
            heard.more.notify_all();
        });
        let mock = Mock { script, seed: 1, epoch: Duration::ZERO, journal };
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("it is waited for");
                tokio::select! {
                    biased;
                    // Told or dropped.
                    _ = stopped => {}
                    served = Arc::new(Provider::new(mock)).serve(RealListener::new(listener)) => {
                        served.expect("it serves");
                    }
                }
            });
        });
        let address = told.recv_timeout(PATIENCE).expect("it listens");
        Self { address, seen, _stop: stop }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Waits until such a thing has happened.
    pub(crate) fn wait_for(&self, what: &str, is_it: impl Fn(&Event) -> bool) {
        let entries = self.seen.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |entries: &mut Vec<Entry>| !entries.iter().any(|entry| is_it(&entry.event));
        let (entries, waited) = self
            .seen
            .more
            .wait_timeout_while(entries, PATIENCE, none)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "the provider never saw {what}: {entries:#?}");
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        let entries = self.seen.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().filter(|entry| matches!(entry.event, Event::Request { .. })).count()
    }
}

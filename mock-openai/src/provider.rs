//! The provider as configured, and what its connections share.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    closing::Closing,
    connection,
    http::Request,
    identity::Identity,
    journal::{Listener, Store},
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
    /// Unix time at which it begins to serve; `created` and the dates of answers count from there.
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
pub async fn serve<A: Accept>(accept: A, mock: Mock) -> io::Result<()> {
    Arc::new(Provider::new(mock)).serve(accept).await
}

/// A provider at work: what [`serve`] makes of a [`Mock`], for those who want to change its script
/// while it serves, to have it controlled over HTTP, or to end it in good order.
pub struct Provider {
    pub(crate) seed: u64,
    epoch: Duration,
    pub(crate) journal: Listener,
    pub(crate) keys: Vec<String>,
    pub(crate) control: Option<Store>,
    pub(crate) closing: Closing,
    started: Instant,
    requests: AtomicU64,
    play: Mutex<Arc<Play>>,
}

/// A script, and all that is remembered while it is in force. Answers hold on to the one under
/// which they began.
#[derive(Debug, Default)]
pub(crate) struct Play {
    pub(crate) script: Script,
    /// As it was written, where it came as a text.
    pub(crate) source: Option<Bytes>,
    rules: Rules,
}

impl Provider {
    /// Not yet serving, without keys and without control.
    pub fn new(mock: Mock) -> Self {
        let Mock { script, seed, epoch, journal } = mock;
        Self {
            seed,
            epoch,
            journal,
            keys: Vec::new(),
            control: None,
            closing: Closing::default(),
            started: Instant::now(),
            requests: AtomicU64::new(0),
            play: Mutex::new(Arc::new(Play { script, ..Play::default() })),
        }
    }

    /// Asks for one of these bearer keys on every path below `/v1`: without one the answer is 401.
    #[must_use]
    pub fn with_keys(self, keys: Vec<String>) -> Self {
        Self { keys, ..self }
    }

    /// Answers paths under `/__mock/` itself, from this store and by changing the script. Such
    /// requests are none of the script's, and the store keeps nothing of them.
    #[must_use]
    pub fn with_control(self, store: Store) -> Self {
        Self { control: Some(store), ..self }
    }

    /// Puts another script in force, with counters, marks and quotas as at the start. Answers
    /// that have begun finish on the script before.
    pub fn set_script(&self, script: Script) {
        self.set(Play { script, ..Play::default() });
    }

    /// The same, and keeps the text to show it.
    pub fn set_script_text(&self, script: Script, text: impl Into<Bytes>) {
        self.set(Play { script, source: Some(text.into()), ..Play::default() });
    }

    /// Forgets counters, marks and quotas; the script stays.
    pub fn reset(&self) {
        let now = self.play();
        let (script, source) = (now.script.clone(), now.source.clone());
        self.set(Play { script, source, ..Play::default() });
    }

    fn set(&self, play: Play) {
        *self.play.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(play);
    }

    /// What is in force now.
    pub(crate) fn play(&self) -> Arc<Play> {
        Arc::clone(&self.play.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves until the listening fails, or until it is dropped: then its connections are closed
    /// too.
    ///
    /// # Errors
    /// What `accept` answers.
    pub async fn serve<A: Accept>(self: Arc<Self>, accept: A) -> io::Result<()> {
        let never = std::future::pending();
        self.serve_until(accept, never, Duration::ZERO).await.map(|_| ())
    }

    /// Serves until `stop` is ready. Then it accepts no more, closes the connections that wait for
    /// a request, and lets answers go on for at most `grace`. Returns how many it cut off.
    ///
    /// # Errors
    /// What `accept` answers.
    pub async fn serve_until<A: Accept>(
        self: Arc<Self>,
        mut accept: A,
        stop: impl Future<Output = ()>,
        grace: Duration,
    ) -> io::Result<usize> {
        let mut stop = pin!(stop);
        let mut connections = JoinSet::new();
        for number in 0.. {
            let (wire, peer) = tokio::select! {
                biased;
                accepted = accept.accept() => accepted?,
                () = &mut stop => break,
            };
            // Without this the set would keep every connection that ever was.
            while connections.try_join_next().is_some() {}
            connections.spawn(connection::serve(wire, peer, number, Arc::clone(&self)));
        }
        drop(accept);
        self.closing.begin();
        let all = async { while connections.join_next().await.is_some() {} };
        // What is left over then is cut off by the end of `connections`.
        Ok(match tokio::time::timeout(grace, all).await {
            Ok(()) => 0,
            Err(_) => connections.len(),
        })
    }

    /// The number of the next request.
    pub(crate) fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// What answers a request that was read just now, and as whom.
    pub(crate) fn choose(
        &self,
        play: &Play,
        request: &Request,
        peer: SocketAddr,
    ) -> (Choice, Answering) {
        let client = request.user().map_or_else(|| peer.ip().to_string(), str::to_owned);
        let (choice, ordinal) = play.rules.choose(&play.script, request, &client);
        let received = Instant::now();
        let (rule, quota) = match &choice {
            Choice::Answers(rule, Some(quota)) => (*rule, quota.headers()),
            Choice::Answers(rule, None) | Choice::Limited(rule, _) | Choice::Unauthorized(rule) => {
                (*rule, Vec::new())
            }
            Choice::None(_) => (0, Vec::new()),
        };
        let unix = self.epoch + received.duration_since(self.started);
        let identity = Identity { seed: self.seed, client, ordinal };
        let marks = play.rules.marks();
        (choice, Answering { identity, received, unix, rule, marks, quota })
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys are nobody's business.
        f.debug_struct("Provider").field("play", &self.play).finish_non_exhaustive()
    }
}

//! What all requests of one relay share.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    ops::Deref,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use http::HeaderValue;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};
use tower::util::BoxCloneSyncService;

use crate::{
    access::Caller,
    bucket::{Buckets, seconds_up},
    caps::{Caps, Slot, Who},
    config::Config,
    lock::Locked as _,
    metrics::Metrics,
    resume::Resume,
    serve::BoxError,
    upstreams::Upstreams,
};

/// How the provider is called.
pub(crate) type Upstream = BoxCloneSyncService<reqwest::Request, reqwest::Response, BoxError>;

/// One relay as one of its threads has it: what all of them share, and how this one calls the
/// provider. The connections of a client for the provider belong to the thread that opened them.
#[derive(Debug)]
pub(crate) struct Relay {
    shared: Arc<Shared>,
    pub(crate) upstream: Upstream,
}

impl Relay {
    pub(crate) fn new(shared: Arc<Shared>, upstream: Upstream) -> Arc<Self> {
        Arc::new(Self { shared, upstream })
    }
}

impl Deref for Relay {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// What all threads of one relay share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// One for each connection that may be open.
    connections: Option<Arc<Semaphore>>,
    pub(crate) upstreams: Arc<Upstreams>,
    /// Where streams are kept to be resumed.
    pub(crate) resume: Option<Resume>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) phases: Phases,
    caps: Arc<Caps>,
    /// Of those who read kept streams. Apart from the streams': whoever lost ten connections must be
    /// able to come back to all ten, while their streams still hold their places.
    readers: Arc<Caps>,
    rates: Mutex<Rates>,
    started: Instant,
    requests: AtomicU64,
    ids: AtomicU64,
}

impl Shared {
    pub(crate) fn new(config: Config, phases: Phases) -> Arc<Self> {
        // Where the kernel counts its files in 64 bits, nobody is ever that many.
        let most = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        let connections = config.max_connections.map(most);
        let caps = Caps::new(&config);
        let readers = Caps::new(&config);
        let rates = Mutex::new(Rates::new(&config));
        let upstreams = Upstreams::new(&config, Instant::now());
        let metrics = Arc::<Metrics>::default();
        let resume = config.resume.then(|| Resume::new(&config));
        Arc::new(Self {
            config,
            connections,
            upstreams,
            resume,
            metrics,
            phases,
            caps: Arc::new(caps),
            readers: Arc::new(readers),
            rates,
            started: Instant::now(),
            requests: AtomicU64::new(0),
            ids: AtomicU64::new(0),
        })
    }

    /// Waits until one more connection may be open; it is until what is returned is dropped.
    pub(crate) async fn connection(&self) -> Option<OwnedSemaphorePermit> {
        let places = Arc::clone(self.connections.as_ref()?);
        // An error says that the semaphore is closed, which nobody does.
        places.acquire_owned().await.ok()
    }

    /// A place for one more request, or the limit that it meets. Who is refused has used up nothing.
    pub(crate) fn admit(&self, address: SocketAddr, key: Option<Caller>) -> Result<Slot, Refused> {
        let address = network(address.ip());
        // How long a place takes to come free, nobody knows.
        let full = |limit| Refused { limit, retry_after: 1 };
        let slot = self.caps.admit(address, key).map_err(full)?;
        let mut rates = self.rates.locked();
        rates.spend(address, key, Instant::now())?;
        Ok(slot)
    }

    /// A place for one more reader of kept streams.
    pub(crate) fn admit_reader(&self, address: SocketAddr) -> Result<Slot, Refused> {
        let full = |limit| Refused { limit, retry_after: 1 };
        self.readers.admit(network(address.ip()), None).map_err(full)
    }

    /// Counts requests, so that each draws its own jitter.
    pub(crate) fn next_ordinal(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts the ids of requests. A count of its own: ids that are made must not move the jitter.
    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// The `Date` of an answer (RFC 9110 6.6.1), where it is wanted and the time is known.
    pub(crate) fn date(&self) -> Option<HeaderValue> {
        let now = self.wall_clock().filter(|_| self.config.date_header)?;
        HeaderValue::from_str(&httpdate::fmt_http_date(now)).ok()
    }

    /// The wall clock, as far as it is known: the epoch and tokio's time since.
    pub(crate) fn wall_clock(&self) -> Option<SystemTime> {
        self.config.epoch.map(|epoch| epoch + self.started.elapsed())
    }
}

/// A limit that was met, by the switch that sets it, and in how many seconds it lets the next one in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) limit: &'static str,
    pub(crate) retry_after: u64,
}

/// The token buckets; under one lock, so that a token is taken from both or from none.
#[derive(Debug)]
struct Rates {
    addresses: Option<Buckets<Who>>,
    keys: Option<Buckets<Who>>,
}

impl Rates {
    fn new(config: &Config) -> Self {
        Self {
            addresses: config.rate_per_address.map(Buckets::new),
            keys: config.rate_per_key.map(Buckets::new),
        }
    }

    fn spend(&mut self, address: IpAddr, key: Option<Caller>, now: Instant) -> Result<(), Refused> {
        let address = self.addresses.as_mut().map(|rate| (rate, Who::Address(address)));
        let key = self.keys.as_mut().zip(key.map(Who::Key));
        let mut asked = [("rate_per_address", address), ("rate_per_key", key)];
        let waits = asked.iter().filter_map(|(limit, asked)| {
            asked.as_ref().map(|(buckets, who)| (buckets.wait(*who, now), *limit))
        });
        if let Some((wait, limit)) = waits.max_by_key(|(wait, _)| *wait)
            && wait > Duration::ZERO
        {
            return Err(Refused { limit, retry_after: seconds_up(wait) });
        }
        for (buckets, who) in asked.iter_mut().filter_map(|(_, asked)| asked.as_mut()) {
            buckets.take(*who, now);
        }
        Ok(())
    }
}

/// What counts as one address: an IPv4 address, or the /64 in which an IPv6 host picks its own
/// addresses freely (RFC 4291 2.5.1).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// Where a relay stands between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Everything is served.
    Running,
    /// Nothing new is accepted; what runs may finish.
    Draining,
    /// What still runs ends now, and says so.
    Ending,
}

/// Watches the phase.
#[derive(Debug, Clone)]
pub(crate) struct Phases(watch::Receiver<Phase>);

impl Phases {
    pub(crate) fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (sender, Self(receiver))
    }

    pub(crate) fn now(&self) -> Phase {
        // What was never marked as seen has changed since the start, or has not. That takes no lock.
        if self.0.has_changed().is_ok_and(|changed| !changed) {
            return Phase::Running;
        }
        *self.0.borrow()
    }

    /// Resolves once `phase` is reached; never if the relay is gone before.
    pub(crate) async fn reached(mut self, phase: Phase) {
        if self.0.wait_for(|now| *now >= phase).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Rate;

    fn rates(address: &str, key: &str) -> Rates {
        let buckets = Rate::read;
        Rates {
            addresses: buckets(address).map(Buckets::new),
            keys: buckets(key).map(Buckets::new),
        }
    }

    #[test]
    fn who_is_refused_by_one_rate_has_spent_nothing_of_the_other() {
        let now = Instant::now();
        let mut rates = rates("2/m", "1/m");
        let here = IpAddr::from([10, 0, 0, 1]);
        let [first, second] = [b"a", b"b"].map(|key| Some(Caller::of(Some(key))));
        assert_eq!(rates.spend(here, first, now), Ok(()));
        for _ in 0..10 {
            let refused = Refused { limit: "rate_per_key", retry_after: 60 };
            assert_eq!(rates.spend(here, first, now), Err(refused));
        }
        assert_eq!(
            rates.spend(here, second, now),
            Ok(()),
            "the address still has its second token"
        );
        let refused = Refused { limit: "rate_per_address", retry_after: 30 };
        assert_eq!(rates.spend(here, None, now), Err(refused));
        assert_eq!(rates.spend(here, None, now + Duration::from_secs(30)), Ok(()));
    }

    #[test]
    fn a_host_with_many_ipv6_addresses_counts_once() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}

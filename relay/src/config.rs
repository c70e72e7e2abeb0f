//! Everything that can be decided about a relay, as plain data.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::resume::Store;
use crate::{
    bucket::Rate,
    stream::HeartbeatForm,
    switches::{self, Switch, SwitchError},
    table,
};

/// What a relay does; [`Config::new`] has the defaults, [`Config::set`] changes one by name.
///
/// A time that may be `None` is switched off by it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where requests go: the provider's base, with or without a slash at its end; what a client
    /// asks for below `/v1` is appended.
    pub upstream: reqwest::Url,
    /// Silence after which a heartbeat is sent between events of the chat family. Default: off,
    /// since some strict clients fail on comments.
    pub heartbeat: Option<Duration>,
    /// What that heartbeat is. Default: a comment.
    pub heartbeat_as: HeartbeatForm,
    /// The same for the Responses API. Default: off.
    pub heartbeat_responses: Option<Duration>,
    /// What that heartbeat is. Default: a comment.
    pub heartbeat_responses_as: HeartbeatForm,
    /// Whether heartbeats begin before the provider has answered. The first one commits status 200:
    /// an error that comes later is an event. Default: no.
    pub early_heartbeat: bool,
    /// When a client gets the head of a stream. Default: as soon as the provider's is there.
    pub head: Head,
    /// Budget to reach the provider. Default: 10 s, three SYN retransmissions (RFC 6298: 1, 2 and
    /// 4 s) and some. Seen through hyper-util's connection capture; a `reqwest::Client` hides it
    /// and needs its own `connect_timeout`, as [`dial::client`](crate::dial::client) sets it.
    pub connect: Option<Duration>,
    /// Budget from sending the request to the first byte of the answer's body, its head included.
    /// Default: 300 s, the shortest patience for headers among the clients' libraries (undici).
    pub first_byte: Option<Duration>,
    /// The length of a silence between two bytes of the provider that is worth a warning in the log.
    /// Default: 60 s, half of the budget.
    pub idle_warn: Option<Duration>,
    /// Budget for a silence between two bytes of the provider. Default: 120 s.
    pub idle: Option<Duration>,
    /// Budget for a client that takes nothing while bytes wait for it. Default: 60 s (nginx,
    /// `send_timeout`).
    pub stalled_client: Option<Duration>,
    /// How long a stream is read to its end after its client has left, for its usage. Default: off,
    /// the provider is told at once.
    pub read_on: Option<Duration>,
    /// Budget for a request's head, from when its connection was made or its last answer had gone:
    /// a kept-alive connection that is not used ends by it, too. Default: 30 s (hyper,
    /// `header_read_timeout`).
    pub request_head: Option<Duration>,
    /// What a client is taken for that ends its sending side. Default: gone.
    pub half_close: HalfClose,
    /// Connections of clients at once; those beyond wait to be accepted. Default: off: the bound is
    /// what the system grants of file descriptors.
    pub max_connections: Option<usize>,
    /// What is spoken to the provider. Default: what TLS agrees on (ALPN), HTTP/1.1 without TLS.
    pub upstream_http: UpstreamHttp,
    /// A file of PEM certificates of authorities to trust besides the system's. Default: none.
    pub upstream_ca: Option<String>,
    /// How long running streams may go on after shutdown began. Default: 25 s, below the 30 s after
    /// which Kubernetes kills.
    pub drain: Duration,
    /// What a clean end of a chat stream without `[DONE]` is. Default: an error.
    pub missing_done: MissingDone,
    /// Where requests go when the upstreams before do not answer well, in order; at most 8, and none
    /// of them twice with the same key. One of another origin than the first upstream that has no key of
    /// its own gets none of the client's credentials, which are not for it. Default: none.
    pub fallbacks: Vec<reqwest::Url>,
    /// The keys shown to the fallbacks, one for each in their order. Default: none, which is refused
    /// where there is a `provider_key`: it must not go to another provider by accident.
    pub fallback_keys: Vec<Secret>,
    /// Per cent of failed calls from which on an upstream is left alone. Default: 50 (Hystrix,
    /// resilience4j).
    pub breaker: Option<u32>,
    /// The window over which that share is taken. Default: 30 s (Polly, `SamplingDuration`).
    pub breaker_window: Duration,
    /// The fewest calls in the window that say anything. Default: 20 (Hystrix).
    pub breaker_min: u32,
    /// How long an upstream is left alone. Default: 5 s (Hystrix, Polly).
    pub breaker_open: Duration,
    /// Calls that then try it at once; as many good ones bring it back. Default: 3, between the one
    /// of Hystrix and the ten of resilience4j.
    pub breaker_probes: u32,
    /// Passes over all upstreams after the first one. Default: 2, as the official clients.
    pub retries: u32,
    /// The longest single wait before an attempt; a provider that asks for more gets no retry.
    /// Default: 10 s.
    pub retry_wait: Duration,
    /// The longest sum of waits of one request. Default: 20 s.
    pub retry_total: Duration,
    /// Requests under way at once from one address. Default: 10; all clients behind one reverse
    /// proxy share its address.
    pub max_streams_per_address: Option<usize>,
    /// Requests under way at once with one key. Default: off.
    pub max_streams_per_key: Option<usize>,
    /// Requests under way at once in all. Default: off.
    pub max_streams: Option<usize>,
    /// How often one key may call. Default: off; providers have limits of their own.
    pub rate_per_key: Option<Rate>,
    /// How often one address may call; an IPv6 address counts with its whole /64. Default: off.
    pub rate_per_address: Option<Rate>,
    /// Budget for the whole request body: a client that sends none must not hold a slot. Default: 30 s.
    pub request_body: Option<Duration>,
    /// The largest request body in bytes, held until the provider answers. Default: 32 MiB.
    pub max_request: usize,
    /// Whether streams of events can be resumed. Default: no.
    pub resume: bool,
    /// Bytes kept of one stream. Default: 1 MiB, some 5,000 chunks of 200 bytes.
    pub resume_bytes: usize,
    /// Streams kept in all, those that run included. Default: 1,000, so at most 1 GiB.
    pub resume_streams: usize,
    /// How long a stream is kept after its end. Default: 5 min.
    pub resume_keep: Duration,
    /// How long the provider is read on while nobody reads the stream. Default: 30 s.
    pub resume_wait: Duration,
    /// Where streams are kept; several relays may share it. Default: in the relay's own memory.
    pub store: Option<Arc<dyn Store>>,
    /// Origins whose scripts may call; `*` allows all. Default: none, and no CORS headers.
    pub origins: Vec<String>,
    /// Whether scripts of those origins may send credentials. Default: no.
    pub credentials: bool,
    /// Keys that clients must show. Default: none, and everybody may call.
    pub keys: Vec<Secret>,
    /// The key shown to the provider in place of all that the client shows: `authorization`, `cookie`,
    /// `x-api-key`, `api-key`. Default: the client's own passes.
    pub provider_key: Option<Secret>,
    /// What the jitter of waits is drawn from. Default: 0.
    pub seed: u64,
    /// Whether answers carry `Date` (RFC 9110 6.6.1). Default: yes; a simulator says no, since the
    /// date comes from the wall clock.
    pub date_header: bool,
    /// The wall clock at the moment of [`serve`](crate::serve()), for dates in `Retry-After`; from
    /// there on tokio's clock counts. Default: unknown; then the answer's own `Date` serves.
    pub epoch: Option<SystemTime>,
}

/// What a clean end of a chat stream without `[DONE]` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingDone {
    /// A failure: an error event and broken framing follow.
    Error,
    /// An end like any other: passed on as it is.
    Tolerate,
}

/// When a client gets the head of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// As soon as the provider's head is there.
    AtOnce,
    /// With the first content, so that a failure before it can still be a status, or a retry.
    AtContent,
}

/// What a client is taken for that ends its sending side (RFC 9112 9.6 lets it wait for the answer,
/// but from the wire it looks as one that is gone).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HalfClose {
    /// Gone: its stream is ended.
    Abort,
    /// There, until a write to it fails. HTTP/1 only: in HTTP/2 each stream has its own end.
    Tolerate,
}

/// What is spoken to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamHttp {
    /// What TLS agrees on (ALPN); without TLS HTTP/1.1.
    Auto,
    /// HTTP/1.1.
    H1,
    /// HTTP/2, without asking.
    H2,
}

/// A key; its text never shows in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl Secret {
    /// Whether it can stand behind `Bearer`: visible ASCII (RFC 9110 5.5 and 11.2).
    pub fn is_sendable(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Config {
    /// The switches that [`Config::set`] knows.
    pub const SWITCHES: &[Switch] = table::SWITCHES;

    /// The defaults, for the provider at `upstream`.
    pub fn new(upstream: reqwest::Url) -> Self {
        Self {
            upstream,
            heartbeat: None,
            heartbeat_as: HeartbeatForm::Comment,
            heartbeat_responses: None,
            heartbeat_responses_as: HeartbeatForm::Comment,
            early_heartbeat: false,
            head: Head::AtOnce,
            connect: Some(Duration::from_secs(10)),
            first_byte: Some(Duration::from_mins(5)),
            idle_warn: Some(Duration::from_mins(1)),
            idle: Some(Duration::from_mins(2)),
            stalled_client: Some(Duration::from_mins(1)),
            read_on: None,
            request_head: Some(Duration::from_secs(30)),
            half_close: HalfClose::Abort,
            max_connections: None,
            upstream_http: UpstreamHttp::Auto,
            upstream_ca: None,
            drain: Duration::from_secs(25),
            missing_done: MissingDone::Error,
            fallbacks: Vec::new(),
            fallback_keys: Vec::new(),
            breaker: Some(50),
            breaker_window: Duration::from_secs(30),
            breaker_min: 20,
            breaker_open: Duration::from_secs(5),
            breaker_probes: 3,
            retries: 2,
            retry_wait: Duration::from_secs(10),
            retry_total: Duration::from_secs(20),
            max_streams_per_address: Some(10),
            max_streams_per_key: None,
            max_streams: None,
            rate_per_key: None,
            rate_per_address: None,
            request_body: Some(Duration::from_secs(30)),
            max_request: 32 << 20,
            resume: false,
            resume_bytes: 1 << 20,
            resume_streams: 1_000,
            resume_keep: Duration::from_mins(5),
            resume_wait: Duration::from_secs(30),
            store: None,
            origins: Vec::new(),
            credentials: false,
            keys: Vec::new(),
            provider_key: None,
            seed: 0,
            date_header: true,
            epoch: None,
        }
    }

    /// The most [fallbacks](Self::fallbacks), so that the attempts of a request stay few.
    pub(crate) const MOST_FALLBACKS: usize = 8;

    /// All upstreams, the preferred one first, and the key that each is shown.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = (&reqwest::Url, Option<&Secret>)> {
        let keys = self.fallback_keys.iter().map(Some).chain(std::iter::repeat(None));
        let first = (&self.upstream, self.provider_key.as_ref());
        std::iter::once(first).chain(self.fallbacks.iter().zip(keys))
    }

    /// Sets one switch by its name, as a scenario or a command line writes it.
    ///
    /// # Errors
    /// The name is unknown, or the value is not what the switch takes.
    pub fn set(&mut self, switch: &str, value: &str) -> Result<(), SwitchError> {
        switches::set(self, switch, value)
    }
}

/// A URL without what may be secret in it.
pub fn shown(url: &reqwest::Url) -> String {
    let mut url = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Both fail only where there is no host, and then there was none of them.
        let _ = url.set_username("***");
        let _ = url.set_password(None);
    }
    if url.query().is_some() {
        url.set_query(Some("***"));
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn config() -> Config {
        Config::new("http://127.0.0.1:9000/v1".parse().unwrap())
    }

    /// What is said of a configuration first.
    fn wrong(config: &Config) -> String {
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_do_not_contradict_themselves() {
        assert_eq!(config().check(), Ok(()));
    }

    #[test]
    fn a_wildcard_origin_with_credentials_is_refused() {
        let both = Config { origins: vec!["*".into()], credentials: true, ..config() };
        assert!(wrong(&both).starts_with("origins `*` cannot be combined"), "{}", wrong(&both));
        let right = Config { credentials: false, ..both };
        assert_eq!(right.check(), Ok(()));
    }

    #[test]
    fn an_origin_with_a_path_is_refused() {
        for origin in ["https://app.example/", "app.example", "https://app.example/x", "null"] {
            let config = Config { origins: vec![origin.into()], ..config() };
            assert!(wrong(&config).starts_with(&format!("`{origin}` is not an origin")));
        }
        let right = ["https://app.example", "http://localhost:5173"].map(String::from).to_vec();
        assert_eq!(Config { origins: right, ..config() }.check(), Ok(()));
    }

    #[test]
    fn a_heartbeat_that_would_never_be_sent_is_refused() {
        let heartbeat = Some(Duration::from_mins(2));
        let late = Config { heartbeat, ..config() };
        assert!(wrong(&late).starts_with("heartbeat must be shorter than idle"));
        assert_eq!(Config { idle: None, ..late }.check(), Ok(()));
    }

    /// One configuration for each contradiction.
    fn contradictory() -> Vec<Config> {
        let with = |switches: &[(&str, &str)]| {
            let mut config = config();
            for (name, value) in switches {
                config.set(name, value).unwrap();
            }
            config
        };
        let at = |upstream: &str| Config::new(upstream.parse().unwrap());
        vec![
            at("ftp://api.example/v1"),
            at("https://api.example/v1?api-key=sk-secret"),
            at("https://me:sk-secret@api.example/v1"),
            with(&[("origins", "*"), ("credentials", "on")]),
            with(&[("credentials", "on")]),
            with(&[("origins", "*,https://app.example")]),
            with(&[("origins", "https://app.example/")]),
            with(&[("heartbeat", "2m")]),
            with(&[("heartbeat_responses", "3m")]),
            with(&[("early_heartbeat", "on")]),
            with(&[("early_heartbeat", "on"), ("heartbeat", "5s"), ("head", "at_content")]),
            with(&[("early_heartbeat", "on"), ("heartbeat", "5s"), ("first_byte", "5s")]),
            with(&[("idle_warn", "2m")]),
            with(&[("retry_wait", "21s")]),
            with(&[("max_streams", "4"), ("max_streams_per_address", "5")]),
            Config { keys: vec![Secret(String::new())], ..config() },
            with(&[("keys", "sk secret")]),
            with(&[("provider_key", "sk-secret\n")]),
            with(&[("fallbacks", "http://127.0.0.1:1/v1"), ("provider_key", "sk-secret")]),
            with(&[("fallbacks", "http://127.0.0.1:9000/v1/")]),
            Config {
                fallbacks: (1..10).map(|n| format!("http://h:{n}/v1").parse().unwrap()).collect(),
                ..config()
            },
        ]
    }

    #[test]
    fn each_contradiction_is_told_with_its_remedy() {
        let mut seen = std::collections::BTreeSet::new();
        let mut told = String::new();
        for config in contradictory() {
            let found = config.contradictions();
            assert_eq!(found.len(), 1, "{found:?}");
            seen.extend((0..).zip(config.checks()).filter(|(_, check)| check.0).map(|(n, _)| n));
            writeln!(told, "{}\n    {:?}", found[0], found[0].switches).unwrap();
        }
        assert_eq!(seen, (0..config().checks().len()).collect(), "each has its example");
        assert!(!told.contains("sk-secret") && !told.contains("sk secret"), "{told}");
        insta::assert_snapshot!(told);
    }

    #[test]
    fn a_default_gives_way_to_what_is_asked_for() {
        for (name, value) in [("idle", "10s"), ("retry_total", "5s"), ("max_streams", "1")] {
            let mut config = config();
            config.set(name, value).unwrap();
            assert_eq!(config.check(), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_providers_key_goes_to_no_fallback_by_accident() {
        let fallbacks = vec!["http://127.0.0.1:9001/v1".parse().unwrap()];
        let open = Config { fallbacks, ..config() };
        assert_eq!(open.check(), Ok(()), "the client's own key passes");
        let keyed = Config { provider_key: Some(Secret("a".into())), ..open };
        assert!(wrong(&keyed).starts_with("fallback_keys must hold one key"));
        let both = Config { fallback_keys: vec![Secret("b".into())], ..keyed };
        assert_eq!(both.check(), Ok(()));
        let without = Config { fallbacks: Vec::new(), ..both };
        assert!(wrong(&without).starts_with("fallback_keys must hold one key"));
    }

    #[test]
    fn an_upstream_is_given_once_for_each_key_and_few_stand_in_for_it() {
        let url = |n: usize| format!("http://127.0.0.1:{n}/v1").parse().unwrap();
        let with = |fallbacks: Vec<reqwest::Url>| Config { fallbacks, ..Config::new(url(1)) };
        for twice in [vec![url(1)], vec![url(2), url(2)]] {
            assert!(wrong(&with(twice)).contains("is given twice"));
        }
        let slash = "http://127.0.0.1:1/v1/".parse().unwrap();
        assert!(with(vec![slash]).check().is_err(), "it is the same base");
        let key = |text: &str| Secret(text.into());
        let keyed = |fallback: &str| Config {
            provider_key: Some(key("a")),
            fallback_keys: vec![key(fallback)],
            ..with(vec![url(1)])
        };
        assert_eq!(keyed("b").check(), Ok(()), "another account");
        assert!(keyed("a").check().is_err());
        assert_eq!(with((2..10).map(url).collect()).check(), Ok(()));
        assert!(wrong(&with((2..11).map(url).collect())).contains("at most 8 may stand"));
    }

    #[test]
    fn a_key_does_not_show_in_debug_output() {
        let config = Config { provider_key: Some(Secret("sk-secret".into())), ..config() };
        assert!(!format!("{config:?}").contains("sk-secret"));
    }
}

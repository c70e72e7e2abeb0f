//! Everything that can be decided about a relay, as plain data.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::resume::Store;
use crate::{
    stream::HeartbeatForm,
    switches::{self, Switch, SwitchError},
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
    /// and needs its own `connect_timeout`, as the binary sets it.
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
    /// How long running streams may go on after shutdown began. Default: 25 s, below the 30 s after
    /// which Kubernetes kills.
    pub drain: Duration,
    /// What a clean end of a chat stream without `[DONE]` is. Default: an error.
    pub missing_done: MissingDone,
    /// Attempts after the first one. Default: 2, as the official clients.
    pub retries: u32,
    /// The longest single wait before an attempt; a provider that asks for more gets no retry.
    /// Default: 10 s.
    pub retry_wait: Duration,
    /// The longest sum of waits of one request. Default: 20 s.
    pub retry_total: Duration,
    /// Requests under way at once from one address. Default: 10; all clients behind one reverse
    /// proxy share its address.
    pub max_streams_per_address: Option<usize>,
    /// Requests under way at once in all. Default: off.
    pub max_streams: Option<usize>,
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
    /// The key shown to the provider in place of the client's. Default: the client's own passes.
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

/// A key; its text never shows in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a configuration contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Browsers refuse that pair (Fetch, "CORS protocol and credentials").
    #[error("origins `*` cannot be combined with credentials: name the origins")]
    WildcardWithCredentials,
    /// An origin that no browser sends.
    #[error(
        "`{0}` is not an origin: give scheme and host without a path, as `https://app.example`"
    )]
    NotAnOrigin(String),
    /// The heartbeat would never be sent.
    #[error("heartbeat must be shorter than idle: the stream ends before the first one is due")]
    HeartbeatBeyondIdle,
    /// There is nothing that could be sent early.
    #[error("early_heartbeat needs a heartbeat: set heartbeat or heartbeat_responses")]
    EarlyWithoutHeartbeat,
    /// The head cannot both wait and go out early.
    #[error(
        "early_heartbeat commits the head before any content: it contradicts head = at_content"
    )]
    EarlyHeadAtContent,
    /// The provider cannot be called that way.
    #[error("upstream `{0}` must be an http or https URL without query")]
    NotABase(String),
    /// A key that cannot stand in a header.
    #[error("provider_key cannot stand in an HTTP header: it holds a control character")]
    UnsendableKey,
}

impl Config {
    /// The switches that [`Config::set`] knows.
    pub const SWITCHES: &[Switch] = switches::SWITCHES;

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
            drain: Duration::from_secs(25),
            missing_done: MissingDone::Error,
            retries: 2,
            retry_wait: Duration::from_secs(10),
            retry_total: Duration::from_secs(20),
            max_streams_per_address: Some(10),
            max_streams: None,
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

    /// Sets one switch by its name, as a scenario or a command line writes it.
    ///
    /// # Errors
    /// The name is unknown, or the value is not what the switch takes.
    pub fn set(&mut self, switch: &str, value: &str) -> Result<(), SwitchError> {
        switches::set(self, switch, value)
    }

    /// Looks for contradictions.
    ///
    /// # Errors
    /// The first one that is found.
    pub fn check(&self) -> Result<(), ConfigError> {
        let base = &self.upstream;
        if !matches!(base.scheme(), "http" | "https") || base.query().is_some() {
            return Err(ConfigError::NotABase(base.to_string()));
        }
        if self.credentials && self.origins.iter().any(|origin| origin == "*") {
            return Err(ConfigError::WildcardWithCredentials);
        }
        if let Some(wrong) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return Err(ConfigError::NotAnOrigin(wrong.clone()));
        }
        if let Some(key) = &self.provider_key
            && http::HeaderValue::from_str(&key.0).is_err()
        {
            return Err(ConfigError::UnsendableKey);
        }
        let heartbeats = [self.heartbeat, self.heartbeat_responses];
        if self.early_heartbeat && heartbeats == [None; 2] {
            return Err(ConfigError::EarlyWithoutHeartbeat);
        }
        if self.early_heartbeat && self.head == Head::AtContent {
            return Err(ConfigError::EarlyHeadAtContent);
        }
        let beyond = |idle| heartbeats.into_iter().flatten().any(|heartbeat| heartbeat >= idle);
        if self.idle.is_some_and(beyond) {
            return Err(ConfigError::HeartbeatBeyondIdle);
        }
        Ok(())
    }
}

/// `*`, or what a browser writes in `Origin`: the serialisation of RFC 6454 6.2.
fn is_origin(text: &str) -> bool {
    text == "*"
        || reqwest::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new("http://127.0.0.1:9000/v1".parse().unwrap())
    }

    #[test]
    fn the_defaults_do_not_contradict_themselves() {
        assert_eq!(config().check(), Ok(()));
    }

    #[test]
    fn a_wildcard_origin_with_credentials_is_refused() {
        let wrong = Config { origins: vec!["*".into()], credentials: true, ..config() };
        assert_eq!(wrong.check(), Err(ConfigError::WildcardWithCredentials));
        let right = Config { credentials: false, ..wrong };
        assert_eq!(right.check(), Ok(()));
    }

    #[test]
    fn an_origin_with_a_path_is_refused() {
        for wrong in ["https://app.example/", "app.example", "https://app.example/x", "null"] {
            let config = Config { origins: vec![wrong.into()], ..config() };
            assert_eq!(config.check(), Err(ConfigError::NotAnOrigin(wrong.into())));
        }
        let right = ["https://app.example", "http://localhost:5173"].map(String::from).to_vec();
        assert_eq!(Config { origins: right, ..config() }.check(), Ok(()));
    }

    #[test]
    fn a_heartbeat_that_would_never_be_sent_is_refused() {
        let heartbeat = Some(Duration::from_mins(2));
        let wrong = Config { heartbeat, ..config() };
        assert_eq!(wrong.check(), Err(ConfigError::HeartbeatBeyondIdle));
        assert_eq!(Config { idle: None, ..wrong }.check(), Ok(()));
    }

    #[test]
    fn a_key_does_not_show_in_debug_output() {
        let config = Config { provider_key: Some(Secret("sk-secret".into())), ..config() };
        assert!(!format!("{config:?}").contains("sk-secret"));
    }
}

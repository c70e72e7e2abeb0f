//! What of a configuration contradicts itself, and what to do about it.

use std::time::Duration;

use crate::config::{Config, Head, Secret, shown};

/// Why a configuration contradicts itself, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The provider cannot be called that way.
    #[error("upstream `{0}` must be an http or https URL without query and fragment")]
    NotABase(String),
    /// A password in a URL ends up in logs, and is not sent.
    #[error("upstream `{0}` must not hold a name or a password: give the key as provider_key")]
    UserInfo(String),
    /// It would be asked again at once after it failed.
    #[error("upstream `{0}` is given twice, with the same key or with none: leave one")]
    UpstreamTwice(String),
    /// Each of them can cost an attempt in each pass.
    #[error(
        "there are too many upstreams: at most {} may stand behind the first",
        Config::MOST_FALLBACKS
    )]
    TooManyFallbacks,
    /// Browsers refuse that pair (Fetch, "CORS protocol and credentials").
    #[error("origins `*` cannot be combined with credentials: name the origins")]
    WildcardWithCredentials,
    /// Nobody could use the permission.
    #[error("credentials are allowed to no origin: name the origins, or set credentials to off")]
    CredentialsWithoutOrigins,
    /// The names say that not everybody is meant.
    #[error("origins `*` already allows all: leave it out, or leave out the others")]
    WildcardAmongOrigins,
    /// An origin that no browser sends.
    #[error(
        "`{0}` is not an origin: give scheme and host without a path, as `https://app.example`"
    )]
    NotAnOrigin(String),
    /// The heartbeat would never be sent.
    #[error(
        "heartbeat must be shorter than idle: the stream ends before the first one is due; \
         shorten heartbeat, lengthen idle, or set one of them to off"
    )]
    HeartbeatBeyondIdle,
    /// There is nothing that could be sent early.
    #[error(
        "early_heartbeat needs a heartbeat: set heartbeat or heartbeat_responses, or set \
         early_heartbeat to off"
    )]
    EarlyWithoutHeartbeat,
    /// The head cannot both wait and go out early.
    #[error(
        "early_heartbeat commits the head before any content, which contradicts head at_content: \
         set one of them back"
    )]
    EarlyHeadAtContent,
    /// An early heartbeat would never be sent.
    #[error(
        "heartbeat must be shorter than first_byte where early_heartbeat is on: the request ends \
         before the first one is due; shorten heartbeat, or lengthen first_byte"
    )]
    HeartbeatBeyondFirstByte,
    /// The warning would never be given.
    #[error(
        "idle_warn must be shorter than idle: the stream ends before the warning is due; shorten \
         idle_warn, lengthen idle, or set idle_warn to off"
    )]
    IdleWarnBeyondIdle,
    /// The longest single wait could never happen.
    #[error(
        "retry_wait must not be longer than retry_total: no request waits longer than that in \
         all; shorten retry_wait, or lengthen retry_total"
    )]
    RetryWaitBeyondTotal,
    /// The cap of an address would never be reached.
    #[error(
        "max_streams must not be below max_streams_per_address: one address would use up all; \
         raise max_streams, or lower max_streams_per_address"
    )]
    MaxStreamsBelowPerAddress,
    /// A key would go to a provider that it is not for, or one is missing.
    #[error(
        "fallback_keys must hold one key for each of fallbacks, in their order: repeat provider_key \
         where it is the same account"
    )]
    FallbackKeys,
    /// A key that everybody has.
    #[error("keys holds an empty key: take it out")]
    EmptyKey,
    /// A key that cannot stand in a header, so that no client can show it.
    #[error(
        "{0} cannot stand in an HTTP header: a key has letters, digits and signs of ASCII only, \
         and no space"
    )]
    UnsendableKey(&'static str),
}

impl ConfigError {
    /// The switches whose values do not fit together.
    pub fn switches(&self) -> &'static [&'static str] {
        match self {
            Self::NotABase(_) | Self::UserInfo(_) => &["upstream"],
            Self::UpstreamTwice(_) | Self::TooManyFallbacks => &["upstream", "fallbacks"],
            Self::WildcardWithCredentials | Self::CredentialsWithoutOrigins => {
                &["origins", "credentials"]
            }
            Self::WildcardAmongOrigins | Self::NotAnOrigin(_) => &["origins"],
            Self::HeartbeatBeyondIdle => &["heartbeat", "heartbeat_responses", "idle"],
            Self::EarlyWithoutHeartbeat => &["early_heartbeat", "heartbeat", "heartbeat_responses"],
            Self::EarlyHeadAtContent => &["early_heartbeat", "head"],
            Self::HeartbeatBeyondFirstByte => {
                &["early_heartbeat", "heartbeat", "heartbeat_responses", "first_byte"]
            }
            Self::IdleWarnBeyondIdle => &["idle_warn", "idle"],
            Self::RetryWaitBeyondTotal => &["retry_wait", "retry_total"],
            Self::MaxStreamsBelowPerAddress => &["max_streams", "max_streams_per_address"],
            Self::FallbackKeys => &["fallbacks", "fallback_keys", "provider_key"],
            Self::EmptyKey | Self::UnsendableKey("keys") => &["keys"],
            Self::UnsendableKey("fallback_keys") => &["fallback_keys"],
            Self::UnsendableKey(_) => &["provider_key"],
        }
    }
}

impl Config {
    /// Looks for contradictions.
    ///
    /// # Errors
    /// The first one that is found.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.contradictions().into_iter().next().map_or(Ok(()), Err)
    }

    /// All contradictions.
    pub fn contradictions(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        self.wrong_upstreams(&mut found);
        self.wrong_origins(&mut found);
        self.wrong_silences(&mut found);
        self.wrong_limits(&mut found);
        self.wrong_keys(&mut found);
        found
    }

    fn wrong_upstreams(&self, found: &mut Vec<ConfigError>) {
        found.extend(self.upstreams().find_map(|(base, _)| wrong_base(base)));
        let upstreams: Vec<_> = self
            .upstreams()
            .map(|(base, key)| (base.as_str().trim_end_matches('/'), key))
            .collect();
        let twice = (1..upstreams.len()).find(|n| upstreams[..*n].contains(&upstreams[*n]));
        let twice = twice.and_then(|n| self.fallbacks.get(n - 1));
        found.extend(twice.map(|base| ConfigError::UpstreamTwice(shown(base))));
        if self.fallbacks.len() > Self::MOST_FALLBACKS {
            found.push(ConfigError::TooManyFallbacks);
        }
    }

    fn wrong_origins(&self, found: &mut Vec<ConfigError>) {
        let wildcard = self.origins.iter().any(|origin| origin == "*");
        if self.credentials && wildcard {
            found.push(ConfigError::WildcardWithCredentials);
        }
        if self.credentials && self.origins.is_empty() {
            found.push(ConfigError::CredentialsWithoutOrigins);
        }
        if wildcard && self.origins.len() > 1 {
            found.push(ConfigError::WildcardAmongOrigins);
        }
        let wrong = self.origins.iter().filter(|origin| !is_origin(origin));
        found.extend(wrong.cloned().map(ConfigError::NotAnOrigin));
    }

    /// What was not asked for never contradicts what was: a default that has no effect beside
    /// another value is no mistake.
    fn defaults(&self) -> Self {
        Self::new(self.upstream.clone())
    }

    fn wrong_limits(&self, found: &mut Vec<ConfigError>) {
        let defaults = self.defaults();
        let set = self.retry_wait != defaults.retry_wait;
        if set && self.retries > 0 && self.retry_wait > self.retry_total {
            found.push(ConfigError::RetryWaitBeyondTotal);
        }
        if let (Some(all), Some(each)) = (self.max_streams, self.max_streams_per_address)
            && self.max_streams_per_address != defaults.max_streams_per_address
            && all < each
        {
            found.push(ConfigError::MaxStreamsBelowPerAddress);
        }
    }

    fn wrong_silences(&self, found: &mut Vec<ConfigError>) {
        let heartbeats = [self.heartbeat, self.heartbeat_responses];
        let longest = heartbeats.into_iter().flatten().max();
        let is_beyond = |budget: Option<Duration>| longest.zip(budget).is_some_and(|(a, b)| a >= b);
        if is_beyond(self.idle) {
            found.push(ConfigError::HeartbeatBeyondIdle);
        }
        if self.early_heartbeat && longest.is_none() {
            found.push(ConfigError::EarlyWithoutHeartbeat);
        }
        if self.early_heartbeat && is_beyond(self.first_byte) {
            found.push(ConfigError::HeartbeatBeyondFirstByte);
        }
        if self.early_heartbeat && self.head == Head::AtContent {
            found.push(ConfigError::EarlyHeadAtContent);
        }
        let set = self.idle_warn != self.defaults().idle_warn;
        if set && self.idle_warn.zip(self.idle).is_some_and(|(warn, idle)| warn >= idle) {
            found.push(ConfigError::IdleWarnBeyondIdle);
        }
    }

    fn wrong_keys(&self, found: &mut Vec<ConfigError>) {
        if self.keys.iter().any(|key| key.0.is_empty()) {
            found.push(ConfigError::EmptyKey);
        }
        if !self.keys.iter().all(Secret::is_sendable) {
            found.push(ConfigError::UnsendableKey("keys"));
        }
        if !self.provider_key.iter().all(Secret::is_sendable) {
            found.push(ConfigError::UnsendableKey("provider_key"));
        }
        if !self.fallback_keys.iter().all(Secret::is_sendable) {
            found.push(ConfigError::UnsendableKey("fallback_keys"));
        }
        let keys = self.fallback_keys.len();
        if keys != self.fallbacks.len() && (keys > 0 || self.provider_key.is_some()) {
            found.push(ConfigError::FallbackKeys);
        }
    }
}

fn wrong_base(base: &reqwest::Url) -> Option<ConfigError> {
    if !base.username().is_empty() || base.password().is_some() {
        return Some(ConfigError::UserInfo(shown(base)));
    }
    let right = matches!(base.scheme(), "http" | "https")
        && base.query().is_none()
        && base.fragment().is_none();
    (!right).then(|| ConfigError::NotABase(shown(base)))
}

/// `*`, or what a browser writes in `Origin`: the serialisation of RFC 6454 6.2.
fn is_origin(text: &str) -> bool {
    text == "*"
        || reqwest::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

//! What of a configuration contradicts itself, and what to do about it.

use std::{borrow::Cow, time::Duration};

use crate::config::{Config, Head, Secret, shown};

/// Why a configuration contradicts itself, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ConfigError {
    text: Cow<'static, str>,
    /// The switches whose values do not fit together.
    pub switches: &'static [&'static str],
}

/// Whether it is wrong, the switches that it is about, and what is said of it.
pub(crate) type Check = (bool, &'static [&'static str], &'static str);

fn error(switches: &'static [&'static str], text: impl Into<Cow<'static, str>>) -> ConfigError {
    ConfigError { text: text.into(), switches }
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
        let mut found: Vec<_> =
            self.upstreams().find_map(|(base, _)| wrong_base(base)).into_iter().collect();
        found.extend(self.given_twice());
        found.extend(self.origins.iter().filter_map(|origin| wrong_origin(origin)));
        found.extend(self.unsendable_keys());
        let checks = self.checks().into_iter().filter(|(is_wrong, ..)| *is_wrong);
        found.extend(checks.map(|(_, switches, text)| error(switches, text)));
        found
    }

    /// All that is said in the same words of every configuration.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let defaults = Self::new(self.upstream.clone());
        let upstreams = (
            self.fallbacks.len() > Self::MOST_FALLBACKS,
            &["upstream", "fallbacks"][..],
            "there are too many upstreams: at most 8 may stand behind the first",
        );
        let silences = self.wrong_silences(&defaults);
        let limits = self.wrong_limits(&defaults);
        [&[upstreams][..], &self.wrong_origins(), &silences, &limits, &self.wrong_keys()].concat()
    }

    /// An upstream that would be asked again at once after it failed.
    fn given_twice(&self) -> Option<ConfigError> {
        let upstreams: Vec<_> = self
            .upstreams()
            .map(|(base, key)| (base.as_str().trim_end_matches('/'), key))
            .collect();
        let twice = (1..upstreams.len()).find(|n| upstreams[..*n].contains(&upstreams[*n]));
        let base = shown(self.fallbacks.get(twice? - 1)?);
        let text =
            format!("upstream `{base}` is given twice, with the same key or with none: leave one");
        Some(error(&["upstream", "fallbacks"], text))
    }

    fn wrong_origins(&self) -> [Check; 3] {
        let wildcard = self.origins.iter().any(|origin| origin == "*");
        [
            // Browsers refuse that pair (Fetch, "CORS protocol and credentials").
            (
                self.credentials && wildcard,
                &["origins", "credentials"],
                "origins `*` cannot be combined with credentials: name the origins",
            ),
            (
                self.credentials && self.origins.is_empty(),
                &["origins", "credentials"],
                "credentials are allowed to no origin: name the origins, or set credentials to off",
            ),
            (
                wildcard && self.origins.len() > 1,
                &["origins"],
                "origins `*` already allows all: leave it out, or leave out the others",
            ),
        ]
    }

    fn wrong_silences(&self, defaults: &Self) -> [Check; 5] {
        let longest = self.heartbeat.max(self.heartbeat_responses);
        let is_beyond = |budget: Option<Duration>| longest.zip(budget).is_some_and(|(a, b)| a >= b);
        let warns_late = self.idle_warn.zip(self.idle).is_some_and(|(warn, idle)| warn >= idle);
        [
            (
                is_beyond(self.idle),
                &["heartbeat", "heartbeat_responses", "idle"],
                "heartbeat must be shorter than idle: the stream ends before the first one is due; \
                 shorten heartbeat, lengthen idle, or set one of them to off",
            ),
            (
                self.early_heartbeat && longest.is_none(),
                &["early_heartbeat", "heartbeat", "heartbeat_responses"],
                "early_heartbeat needs a heartbeat: set heartbeat or heartbeat_responses, or set \
                 early_heartbeat to off",
            ),
            (
                self.early_heartbeat && is_beyond(self.first_byte),
                &["early_heartbeat", "heartbeat", "heartbeat_responses", "first_byte"],
                "heartbeat must be shorter than first_byte where early_heartbeat is on: the request \
                 ends before the first one is due; shorten heartbeat, or lengthen first_byte",
            ),
            (
                self.early_heartbeat && self.head == Head::AtContent,
                &["early_heartbeat", "head"],
                "early_heartbeat commits the head before any content, which contradicts head \
                 at_content: set one of them back",
            ),
            (
                self.idle_warn != defaults.idle_warn && warns_late,
                &["idle_warn", "idle"],
                "idle_warn must be shorter than idle: the stream ends before the warning is due; \
                 shorten idle_warn, lengthen idle, or set idle_warn to off",
            ),
        ]
    }

    /// What was not asked for never contradicts what was: a default that has no effect beside
    /// another value is no mistake.
    fn wrong_limits(&self, defaults: &Self) -> [Check; 2] {
        let waits = self.retry_wait != defaults.retry_wait && self.retries > 0;
        let each = self.max_streams_per_address;
        let each = each.filter(|_| each != defaults.max_streams_per_address);
        [
            (
                waits && self.retry_wait > self.retry_total,
                &["retry_wait", "retry_total"],
                "retry_wait must not be longer than retry_total: no request waits longer than that \
                 in all; shorten retry_wait, or lengthen retry_total",
            ),
            (
                self.max_streams.zip(each).is_some_and(|(all, each)| all < each),
                &["max_streams", "max_streams_per_address"],
                "max_streams must not be below max_streams_per_address: one address would use up \
                 all; raise max_streams, or lower max_streams_per_address",
            ),
        ]
    }

    fn wrong_keys(&self) -> [Check; 2] {
        let keys = self.fallback_keys.len();
        let has_keys = keys > 0 || self.provider_key.is_some();
        [
            (
                self.keys.iter().any(|key| key.0.is_empty()),
                &["keys"],
                "keys holds an empty key: take it out",
            ),
            (
                has_keys && keys != self.fallbacks.len(),
                &["fallbacks", "fallback_keys", "provider_key"],
                "fallback_keys must hold one key for each of fallbacks, in their order: repeat \
                 provider_key where it is the same account",
            ),
        ]
    }

    /// Keys that no client can show, and no provider be shown.
    fn unsendable_keys(&self) -> impl Iterator<Item = ConfigError> {
        const WHY: &str = "cannot stand in an HTTP header: a key has letters, digits and signs of ASCII \
                           only, and no space";
        let all: [(&'static [&'static str; 1], &[Secret]); 3] = [
            (&["keys"], &self.keys),
            (&["provider_key"], self.provider_key.as_slice()),
            (&["fallback_keys"], &self.fallback_keys),
        ];
        let wrong = all.into_iter().filter(|(_, keys)| !keys.iter().all(Secret::is_sendable));
        wrong.map(|(switch, _)| error(switch, format!("{} {WHY}", switch[0])))
    }
}

fn wrong_base(base: &reqwest::Url) -> Option<ConfigError> {
    // A password in a URL ends up in logs, and is not sent.
    let why = if !base.username().is_empty() || base.password().is_some() {
        "must not hold a name or a password: give the key as provider_key"
    } else if !matches!(base.scheme(), "http" | "https")
        || base.query().is_some()
        || base.fragment().is_some()
    {
        "must be an http or https URL without query and fragment"
    } else if base.port() == Some(0) {
        "must not have port 0, at which nobody can be reached"
    } else {
        return None;
    };
    Some(error(&["upstream"], format!("upstream `{}` {why}", shown(base))))
}

/// An origin is `*`, or what a browser writes in `Origin`: the serialisation of RFC 6454 6.2.
fn wrong_origin(text: &str) -> Option<ConfigError> {
    let is_right = |url: reqwest::Url| url.origin().ascii_serialization() == text;
    if text == "*" || reqwest::Url::parse(text).is_ok_and(is_right) {
        return None;
    }
    let how = "give scheme and host without a path, as `https://app.example`";
    Some(error(&["origins"], format!("`{text}` is not an origin: {how}")))
}

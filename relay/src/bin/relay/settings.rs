//! All that the program can be told: its own settings, and the switches of the relay.

use std::{net::SocketAddr, path::PathBuf};

use relay::{
    Config, Switch, SwitchError, number,
    switches::{self, About, Choice, Kind, Many, One, OrOff, URL, switch},
};
use reqwest::Url;

use crate::log::{Form, Least};

/// What only the program knows.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) listen: SocketAddr,
    /// Default: 0, one for each processor, so that none idles and none is shared.
    pub(crate) threads: u32,
    pub(crate) upstreams: Vec<Url>,
    pub(crate) keys_file: Option<PathBuf>,
    pub(crate) provider_key_file: Option<PathBuf>,
    /// It may hold a password.
    pub(crate) resume_redis: Option<Url>,
    /// Default: JSON, which every collector of logs reads.
    pub(crate) log: Form,
    /// Default: one line a stream.
    pub(crate) log_level: Least,
}

/// The settings of one start.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) program: Program,
    pub(crate) config: Config,
}

impl Settings {
    /// The defaults; the provider is still to be named.
    pub(crate) fn new() -> Self {
        let program = Program {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            threads: 0,
            upstreams: Vec::new(),
            keys_file: None,
            provider_key_file: None,
            resume_redis: None,
            log: Form::Json,
            log_level: Least::Info,
        };
        let nowhere = Url::parse("http://upstream.invalid").expect("the URL is right");
        Self { program, config: Config::new(nowhere) }
    }
}

/// Where a value is kept.
macro_rules! at {
    ($field:ident) => {
        |of: &mut Program| &mut of.$field
    };
}

const PATH: Kind<PathBuf> = Kind::new(
    "a path, from the working directory on",
    |text| (!text.is_empty()).then(|| text.into()),
    |path| path.display().to_string(),
);

const ADDRESS: Kind<SocketAddr> = Kind::new(
    "an address and port such as `127.0.0.1:8080`",
    |text| text.parse().ok(),
    SocketAddr::to_string,
);

const PROGRAM: &[Switch<Program>] = &[
    switch("listen", &One(ADDRESS, at!(listen)), "Where clients connect"),
    switch(
        "threads",
        // More than any machine has processors.
        &One(number!(0 to 1024), at!(threads)),
        "Threads that serve connections; 0 is one for each processor",
    ),
    switch(
        "upstream",
        &Many(Kind { takes: "URLs such as `https://api.openai.com/v1`", ..URL }, at!(upstreams)),
        "The provider's base, and those to ask where it fails, in their order; what clients ask for \
         below `/v1` is appended. The one setting that must be given",
    ),
    switch(
        "keys_file",
        &OrOff(PATH, at!(keys_file)),
        "File with the keys of which clients must show one: one a line, `#` begins a comment",
    ),
    switch(
        "provider_key_file",
        &OrOff(PATH, at!(provider_key_file)),
        "File with the key shown to the provider, written like `keys_file`",
    ),
    switch(
        "resume_redis",
        &OrOff(Kind { takes: "a URL such as `redis://127.0.0.1:6379`", ..URL }, at!(resume_redis)),
        "The Redis in which streams are kept to be resumed, by this relay and others; `off` keeps \
         them in memory. Needs a build with the feature `redis`",
    ),
    switch(
        "log",
        &Choice(&[("json", Form::Json), ("text", Form::Text), ("off", Form::Off)], at!(log)),
        "How standard error tells of each stream, in one line when it is over; lines are gathered for \
         20 ms, no stream waits for who reads them, and what is told while 1,024 lines wait is lost, and counted",
    ),
    switch(
        "log_level",
        &Choice(&[("info", Least::Info), ("warn", Least::Warn)], at!(log_level)),
        "The least that is told: `info` is each stream and each warning, `warn` warnings only",
    ),
];

/// One setting, wherever it is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Setting {
    Program(&'static Switch<Program>),
    Relay(&'static Switch),
}

/// Evaluates the same expression for either kind of switch.
macro_rules! either {
    ($setting:expr, $switch:ident => $expression:expr) => {
        match $setting {
            Setting::Program($switch) => $expression,
            Setting::Relay($switch) => $expression,
        }
    };
}

impl Setting {
    /// All settings, in the order of every list that people read.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        PROGRAM.iter().map(Self::Program).chain(Config::SWITCHES.iter().map(Self::Relay))
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::all().find(|setting| setting.name() == name)
    }

    /// As files write it.
    pub(crate) fn name(self) -> &'static str {
        either!(self, switch => switch.name)
    }

    /// As the command line writes it, less the two dashes.
    pub(crate) fn flag(self) -> String {
        self.name().replace('_', "-")
    }

    /// As the environment writes it.
    pub(crate) fn variable(self) -> String {
        format!("RELAY_{}", self.name().to_uppercase())
    }

    pub(crate) fn help(self) -> &'static str {
        either!(self, switch => switch.help)
    }

    /// What can be said without its value.
    pub(crate) fn about(self) -> About {
        either!(self, switch => switch.field.about())
    }

    pub(crate) fn set(self, settings: &mut Settings, value: &str) -> Result<(), SwitchError> {
        match self {
            Self::Program(switch) => switch.set(&mut settings.program, value),
            Self::Relay(switch) => switch.set(&mut settings.config, value),
        }
    }

    /// The value, as [`Setting::set`] reads it; stars for what is secret.
    pub(crate) fn value_of(self, settings: &Settings) -> String {
        match self {
            Self::Program(switch) => switch.value_of(&settings.program),
            Self::Relay(switch) => switch.value_of(&settings.config),
        }
    }

    /// The value as TOML writes it.
    pub(crate) fn toml_of(self, settings: &Settings) -> String {
        let text = self.value_of(settings);
        let value = match self.about().form {
            switches::Form::List => {
                let words = text.split(',').filter(|_| text != "off");
                toml::Value::Array(words.map(toml::Value::from).collect())
            }
            switches::Form::OnOff => (text == "on").into(),
            // Or `off`.
            switches::Form::Number => {
                text.parse::<i64>().map_or_else(|_| text.into(), toml::Value::from)
            }
            switches::Form::Text => text.into(),
        };
        value.to_string()
    }
}

/// The word among `known` that `word` is likely meant to be: at most a third of its letters differ.
pub(crate) fn meant<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    let distances = known.map(|known| (strsim::damerau_levenshtein(known, &word), known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= nearest.len().div_ceil(3).min(3)).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_nothing_like_any_other_is_not_guessed_at() {
        let known = || ["idle", "first_byte", "heartbeat"].into_iter();
        for (word, expected) in [
            ("idel", Some("idle")),
            ("First-Byte", Some("first_byte")),
            ("hartbeat", Some("heartbeat")),
            ("timeout", None),
            ("", None),
        ] {
            assert_eq!(meant(word, known()), expected, "{word}");
        }
    }

    #[test]
    fn each_setting_has_a_name_of_its_own() {
        let mut names: Vec<_> = Setting::all().map(Setting::name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

//! All that the program can be told: its own settings, and the switches of the relay.

use std::{net::SocketAddr, path::PathBuf};

use relay::{
    Config, Field, Switch, SwitchError,
    config::shown,
    switches::{HIDDEN, switch},
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
    /// A URL, which may hold a password.
    pub(crate) resume_redis: Option<String>,
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

const PATH: &str = "a path, from the working directory on, or `off`";

/// More than any machine has processors.
const MOST_THREADS: u32 = 1024;

const PROGRAM: &[Switch<Program>] = &[
    switch(
        "listen",
        Field::Other(
            "an address and port such as `127.0.0.1:8080`",
            |p, v| v.parse().ok().map(|address| p.listen = address),
            |p| p.listen.to_string(),
        ),
        "Where clients connect",
    ),
    switch(
        "threads",
        Field::Number(0..=MOST_THREADS, |p| &mut p.threads),
        "Threads that serve connections; 0 is one for each processor",
    ),
    switch(
        "upstream",
        Field::List(
            "URLs such as `https://api.openai.com/v1`",
            |p, urls| {
                p.upstreams = urls.iter().map(|url| url.parse()).collect::<Result<_, _>>().ok()?;
                Some(())
            },
            |p| p.upstreams.iter().map(shown).collect(),
        ),
        "The provider's base, and those to ask where it fails, in their order; what clients ask for \
         below `/v1` is appended. The one setting that must be given",
    ),
    switch(
        "keys_file",
        Field::Other(
            PATH,
            |p, v| put_path(&mut p.keys_file, v),
            |p| shown_path(p.keys_file.as_ref()),
        ),
        "File with the keys of which clients must show one: one a line, `#` begins a comment",
    ),
    switch(
        "provider_key_file",
        Field::Other(
            PATH,
            |p, v| put_path(&mut p.provider_key_file, v),
            |p| shown_path(p.provider_key_file.as_ref()),
        ),
        "File with the key shown to the provider, written like `keys_file`",
    ),
    switch(
        "resume_redis",
        Field::Other(
            "a URL such as `redis://127.0.0.1:6379`, or `off`",
            |p, v| {
                p.resume_redis = match v {
                    "off" => None,
                    _ => Some(Url::parse(v).ok()?.into()),
                };
                Some(())
            },
            |p| match &p.resume_redis {
                Some(url) => Url::parse(url).map_or_else(|_| HIDDEN.to_owned(), |u| shown(&u)),
                None => "off".to_owned(),
            },
        ),
        "The Redis in which streams are kept to be resumed, by this relay and others; `off` keeps \
         them in memory. Needs a build with the feature `redis`",
    ),
    switch(
        "log",
        Field::Choice(Form::WORDS, |p, word| p.log = Form::of(word), |p| p.log.word()),
        "How standard error tells of each stream, in one line when it is over",
    ),
    switch(
        "log_level",
        Field::Choice(
            Least::WORDS,
            |p, word| p.log_level = Least::of(word),
            |p| p.log_level.word(),
        ),
        "The least that is told: `info` is each stream and each warning, `warn` warnings only",
    ),
];

fn put_path(place: &mut Option<PathBuf>, value: &str) -> Option<()> {
    let path = (value != "off").then(|| PathBuf::from(value));
    (!value.is_empty()).then(|| *place = path)
}

fn shown_path(path: Option<&PathBuf>) -> String {
    path.map_or_else(|| "off".to_owned(), |path| path.display().to_string())
}

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

    pub(crate) fn takes(self) -> String {
        either!(self, switch => switch.takes())
    }

    /// What a list takes, without saying that it is one.
    pub(crate) fn takes_each(self) -> &'static str {
        either!(self, switch => switch.takes_each())
    }

    pub(crate) fn words(self) -> &'static [&'static str] {
        either!(self, switch => switch.words())
    }

    pub(crate) fn is_secret(self) -> bool {
        either!(self, switch => switch.is_secret())
    }

    pub(crate) fn is_list(self) -> bool {
        either!(self, switch => switch.is_list())
    }

    pub(crate) fn is_number(self) -> bool {
        either!(self, switch => matches!(switch.field, Field::Number(..) | Field::NumberOrOff(..) | Field::Count(_) | Field::CountOrOff(_)))
    }

    pub(crate) fn is_on_or_off(self) -> bool {
        either!(self, switch => matches!(switch.field, Field::OnOff(_)))
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
        let value = if self.is_list() {
            let words = text.split(',').filter(|_| text != "off");
            toml::Value::Array(words.map(toml::Value::from).collect())
        } else if self.is_on_or_off() {
            (text == "on").into()
        } else {
            let number = text.parse::<i64>().ok().filter(|_| self.is_number());
            number.map_or_else(|| text.into(), toml::Value::from)
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

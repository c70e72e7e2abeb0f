//! The switches by name: one table that scenarios, files, the environment, the command line and the
//! reference page share.

use std::fmt;

pub use crate::quantity::{BUDGET, COUNT, KEY, ON_OFF, RATE, SIZE, SOME_TIME, TEXT, TIME, URL};
use crate::{
    config::Config,
    quantity::{in_our_units, list},
    table::SWITCHES,
};

/// One switch of a `T`.
#[derive(Debug)]
pub struct Switch<T: 'static = Config> {
    /// As scenarios, files and, after `RELAY_` and in capitals, the environment write it; the
    /// command line writes `-` for `_`.
    pub name: &'static str,
    /// Where its value is kept, and how it is written.
    pub field: &'static dyn Field<T>,
    /// What it does. The default is not said here: [`Config::new`] has it.
    pub help: &'static str,
}

/// How values of one kind are written.
#[derive(Debug, Clone, Copy)]
pub struct Kind<V: 'static> {
    /// What is taken, in words.
    pub takes: &'static str,
    /// `None` where the text is no such value.
    pub read: fn(&str) -> Option<V>,
    /// As it is read; stars for what is secret.
    pub show: fn(&V) -> String,
    /// What TOML writes it as.
    pub form: Form,
    /// Whether it must not be shown.
    pub is_secret: bool,
}

/// What TOML writes a value as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text.
    Text,
    /// An integer.
    Number,
    /// `true` or `false`.
    OnOff,
    /// An array of texts.
    List,
}

/// What can be said of a switch without its value.
#[derive(Debug)]
pub struct About {
    /// What it takes, in words.
    pub takes: String,
    /// What a list takes, without saying that it is one.
    pub each: &'static str,
    /// The words that it takes among other things.
    pub words: Vec<&'static str>,
    /// What TOML writes it as.
    pub form: Form,
    /// Whether the value must not be shown.
    pub is_secret: bool,
}

/// The place of a value within a `T`. It is reached by `&mut` only, so that a row of the table names its
/// field once.
pub trait Field<T>: fmt::Debug + Sync {
    /// What can be said without the value.
    fn about(&self) -> About;

    /// Sets it, unless the text is no such value.
    fn put(&self, of: &mut T, text: &str) -> Option<()>;

    /// The value, as [`Field::put`] reads it; stars for what is secret.
    fn show(&self, of: &mut T) -> String;
}

/// A value.
#[derive(Debug)]
pub struct One<T: 'static, V: 'static>(pub Kind<V>, pub fn(&mut T) -> &mut V);

/// A value, or `off`.
#[derive(Debug)]
pub struct OrOff<T: 'static, V: 'static>(pub Kind<V>, pub fn(&mut T) -> &mut Option<V>);

/// Several values with commas between them, or `off`.
#[derive(Debug)]
pub struct Many<T: 'static, V: 'static>(pub Kind<V>, pub fn(&mut T) -> &mut Vec<V>);

/// One of a few values, each with its word.
#[derive(Debug)]
pub struct Choice<T: 'static, V: 'static>(
    pub &'static [(&'static str, V)],
    pub fn(&mut T) -> &mut V,
);

impl<V> Kind<V> {
    /// A kind that TOML writes as texts, and that may be shown.
    pub const fn new(
        takes: &'static str,
        read: fn(&str) -> Option<V>,
        show: fn(&V) -> String,
    ) -> Self {
        Self { takes, read, show, form: Form::Text, is_secret: false }
    }

    fn about(&self, takes: String, words: &[&'static str]) -> About {
        let (words, is_secret) = (words.to_vec(), self.is_secret);
        About { takes, each: self.takes, words, form: self.form, is_secret }
    }
}

impl<T: fmt::Debug, V: fmt::Debug> Field<T> for One<T, V> {
    fn about(&self) -> About {
        let words: &[_] = if self.0.form == Form::OnOff { &["on", "off"] } else { &[] };
        self.0.about(self.0.takes.to_owned(), words)
    }

    fn put(&self, of: &mut T, text: &str) -> Option<()> {
        *self.1(of) = (self.0.read)(text)?;
        Some(())
    }

    fn show(&self, of: &mut T) -> String {
        (self.0.show)(self.1(of))
    }
}

impl<T: fmt::Debug, V: fmt::Debug> Field<T> for OrOff<T, V> {
    fn about(&self) -> About {
        self.0.about(format!("{}, or `off`", self.0.takes), &["off"])
    }

    fn put(&self, of: &mut T, text: &str) -> Option<()> {
        *self.1(of) = if text == "off" { None } else { Some((self.0.read)(text)?) };
        Some(())
    }

    fn show(&self, of: &mut T) -> String {
        self.1(of).as_ref().map_or_else(|| "off".to_owned(), self.0.show)
    }
}

impl<T: fmt::Debug, V: fmt::Debug> Field<T> for Many<T, V> {
    fn about(&self) -> About {
        let takes = format!("{}, with commas between them, or `off`", self.0.takes);
        About { form: Form::List, ..self.0.about(takes, &["off"]) }
    }

    fn put(&self, of: &mut T, text: &str) -> Option<()> {
        let read = |word: &String| (self.0.read)(word);
        *self.1(of) = list(text)?.iter().map(read).collect::<Option<_>>()?;
        Some(())
    }

    fn show(&self, of: &mut T) -> String {
        let words: Vec<_> = self.1(of).iter().map(self.0.show).collect();
        if words.is_empty() { "off".to_owned() } else { words.join(",") }
    }
}

impl<T: fmt::Debug, V: fmt::Debug + Copy + PartialEq + Sync> Field<T> for Choice<T, V> {
    fn about(&self) -> About {
        let words: Vec<_> = self.0.iter().map(|(word, _)| *word).collect();
        let takes = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        About { takes, each: "", words, form: Form::Text, is_secret: false }
    }

    fn put(&self, of: &mut T, text: &str) -> Option<()> {
        *self.1(of) = self.0.iter().find(|(word, _)| *word == text)?.1;
        Some(())
    }

    fn show(&self, of: &mut T) -> String {
        let value = *self.1(of);
        self.0.iter().find(|(_, one)| *one == value).map_or("", |(word, _)| word).to_owned()
    }
}

/// Why a switch was not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// There is no switch of that name.
    #[error("the relay has no switch `{name}`; the nearest is `{nearest}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The switch with the fewest letters changed.
        nearest: &'static str,
    },
    /// The value is not what the switch takes.
    #[error("`{value}` is not a value of the relay's switch `{name}`, which takes {takes}{}",
        meant.as_ref().map_or_else(String::new, |meant| format!("; did you mean `{meant}`?")))]
    Value {
        /// The switch.
        name: &'static str,
        /// What was given; stars where it is secret.
        value: String,
        /// What would have been right.
        takes: String,
        /// The same in the units of switches, where those of other programs were given.
        meant: Option<String>,
    },
}

/// What a secret is shown as.
pub const HIDDEN: &str = "***";

/// One row of a table of switches.
pub const fn switch<T>(
    name: &'static str,
    field: &'static dyn Field<T>,
    help: &'static str,
) -> Switch<T> {
    Switch { name, field, help }
}

impl<T: Clone> Switch<T> {
    /// Sets its field of `of`.
    ///
    /// # Errors
    /// The value is not what it takes; the field is as it was.
    pub fn set(&self, of: &mut T, value: &str) -> Result<(), SwitchError> {
        self.field.put(of, value).ok_or_else(|| {
            let About { takes, is_secret, .. } = self.field.about();
            // In a URL a password stands before an `@`.
            let is_shown = !is_secret && !value.contains('@');
            let meant = if is_shown { self.meant(of, value) } else { None };
            let value = if is_shown { value } else { HIDDEN };
            SwitchError::Value { name: self.name, value: value.to_owned(), takes, meant }
        })
    }

    /// The value that it takes and that differs in its unit alone.
    fn meant(&self, of: &T, value: &str) -> Option<String> {
        let is_taken = |text: &String| self.field.put(&mut of.clone(), text).is_some();
        in_our_units(value).into_iter().find(is_taken)
    }

    /// Its value in `of`, as [`Switch::set`] reads it; stars for what is secret.
    pub fn value_of(&self, of: &T) -> String {
        self.field.show(&mut of.clone())
    }
}

pub(crate) fn set(config: &mut Config, name: &str, value: &str) -> Result<(), SwitchError> {
    match SWITCHES.iter().find(|switch| switch.name == name) {
        Some(switch) => switch.set(config, value),
        None => Err(SwitchError::Unknown { name: name.to_owned(), nearest: nearest(name) }),
    }
}

/// The switch with the fewest letters changed.
fn nearest(name: &str) -> &'static str {
    let names = SWITCHES.iter().map(|switch| switch.name);
    names.min_by_key(|known| strsim::damerau_levenshtein(known, name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn config() -> Config {
        Config::new("http://127.0.0.1:9000/v1".parse().unwrap())
    }

    #[test]
    fn each_switch_changes_its_own_field() {
        let examples = [
            ("heartbeat", "15s", "heartbeat: Some(15s)"),
            ("heartbeat_as", "event", "heartbeat_as: Event"),
            ("heartbeat_responses", "16s", "heartbeat_responses: Some(16s)"),
            ("heartbeat_responses_as", "event", "heartbeat_responses_as: Event"),
            ("early_heartbeat", "on", "early_heartbeat: true"),
            ("head", "at_content", "head: AtContent"),
            ("connect", "1s", "connect: Some(1s)"),
            ("first_byte", "2s", "first_byte: Some(2s)"),
            ("idle_warn", "9s", "idle_warn: Some(9s)"),
            ("idle", "off", "idle: None"),
            ("stalled_client", "3s", "stalled_client: Some(3s)"),
            ("read_on", "8s", "read_on: Some(8s)"),
            ("request_head", "5s", "request_head: Some(5s)"),
            ("half_close", "tolerate", "half_close: Tolerate"),
            ("max_connections", "9", "max_connections: Some(9)"),
            ("upstream_http", "h2", "upstream_http: H2"),
            ("upstream_ca", "ca.pem", "upstream_ca: Some(\"ca.pem\")"),
            ("resume", "on", "resume: true"),
            ("resume_bytes", "64KiB", "resume_bytes: 65536"),
            ("resume_streams", "7", "resume_streams: 7"),
            ("resume_keep", "1m", "resume_keep: 60s"),
            ("resume_wait", "9s", "resume_wait: 9s"),
            ("drain", "4s", "drain: 4s"),
            ("missing_done", "tolerate", "missing_done: Tolerate"),
            ("fallbacks", "http://b.example/v1", "b.example"),
            ("fallback_keys", "k", "fallback_keys: [Secret(..)]"),
            ("breaker", "off", "breaker: None"),
            ("breaker_window", "1m", "breaker_window: 60s"),
            ("breaker_min", "7", "breaker_min: 7"),
            ("breaker_open", "8s", "breaker_open: 8s"),
            ("breaker_probes", "1", "breaker_probes: 1"),
            ("retries", "5", "retries: 5"),
            ("retry_wait", "6s", "retry_wait: 6s"),
            ("retry_total", "7s", "retry_total: 7s"),
            ("max_streams_per_address", "off", "max_streams_per_address: None"),
            ("max_streams_per_key", "4", "max_streams_per_key: Some(4)"),
            ("max_streams", "8", "max_streams: Some(8)"),
            ("rate_per_key", "9/s", "rate_per_key: Some(Rate { count: 9"),
            ("rate_per_address", "3/m burst 2", "rate_per_address: Some(Rate { count: 3"),
            ("request_body", "7s", "request_body: Some(7s)"),
            ("max_request", "9KiB", "max_request: 9216"),
            ("origins", "https://a.example", "origins: [\"https://a.example\"]"),
            ("credentials", "on", "credentials: true"),
            ("keys", "a,b", "keys: [Secret(..), Secret(..)]"),
            ("provider_key", "k", "provider_key: Some(Secret(..))"),
        ];
        assert_eq!(examples.map(|(name, ..)| name).to_vec(), names());
        for (name, value, shown) in examples {
            let mut config = config();
            assert!(!format!("{config:?}").contains(shown), "{name} is not the default");
            config.set(name, value).unwrap();
            assert!(format!("{config:?}").contains(shown), "{name}: {config:?}");
        }
    }

    fn names() -> Vec<&'static str> {
        SWITCHES.iter().map(|switch| switch.name).collect()
    }

    #[test]
    fn an_unknown_switch_is_refused_with_the_nearest() {
        let error = config().set("hartbeat", "15s").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the relay has no switch `hartbeat`; the nearest is `heartbeat`"
        );
    }

    #[test]
    fn a_wrong_value_is_refused_and_changes_nothing() {
        let mut config = config();
        let error = config.set("idle", "120").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`120` is not a value of the relay's switch `idle`, \
             which takes a time such as `500ms` or `15s`, or `off`"
        );
        assert_eq!(config.idle, Some(Duration::from_mins(2)));
    }

    #[test]
    fn a_value_in_units_of_other_programs_is_refused_with_ours() {
        for (name, value, meant) in [
            ("idle", "5sec", "5s"),
            ("max_request", "10kb", "10KiB"),
            ("rate_per_key", "10/min", "10/m"),
        ] {
            let error = config().set(name, value).unwrap_err().to_string();
            assert!(error.ends_with(&format!("; did you mean `{meant}`?")), "{error}");
        }
        // Nothing that the switch would refuse is proposed.
        let error = config().set("idle", "10kb").unwrap_err().to_string();
        assert!(error.ends_with("or `off`"), "{error}");
    }

    #[test]
    fn a_secret_does_not_show_in_an_error() {
        let error = config().set("keys", "sk-1,,").unwrap_err();
        assert!(!error.to_string().contains("sk-1"), "{error}");
    }

    #[test]
    fn each_value_is_shown_as_it_is_read() {
        let defaults = config();
        for switch in SWITCHES.iter().filter(|switch| !switch.field.about().is_secret) {
            let mut config = config();
            let shown = switch.value_of(&config);
            switch.set(&mut config, &shown).unwrap();
            assert_eq!(format!("{config:?}"), format!("{defaults:?}"), "{} = {shown}", switch.name);
        }
    }

    #[test]
    fn each_word_is_shown_as_it_is_read() {
        for switch in SWITCHES {
            for word in switch.field.about().words {
                let mut config = config();
                switch.set(&mut config, word).unwrap();
                assert_eq!(switch.value_of(&config), word, "{}", switch.name);
            }
        }
    }

    #[test]
    fn a_secret_is_shown_as_stars() {
        let mut config = config();
        config.set("keys", "sk-1,sk-2").unwrap();
        config.set("provider_key", "sk-3").unwrap();
        config.set("fallback_keys", "sk-4").unwrap();
        let secrets = SWITCHES.iter().filter(|switch| switch.field.about().is_secret);
        let shown: Vec<String> = secrets.map(|switch| switch.value_of(&config)).collect();
        assert_eq!(shown, ["***", "***,***", "***"]);
    }
}

//! The switches by name: one table that scenarios, files, the environment, the command line and the
//! reference page share.

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    config::{Config, Secret},
    quantity::{self, count, list, on_or_off, size, some_time, time},
    table::SWITCHES,
};

/// One switch of a `T`.
#[derive(Debug)]
pub struct Switch<T: 'static = Config> {
    /// As scenarios, files and, after `RELAY_` and in capitals, the environment write it; the
    /// command line writes `-` for `_`.
    pub name: &'static str,
    /// Where its value is kept, and how it is written.
    pub field: Field<T>,
    /// What it does. The default is not said here: [`Config::new`] has it.
    pub help: &'static str,
}

/// The place of a switch's value, and how the value is written.
#[derive(Debug)]
pub enum Field<T: 'static> {
    /// A time, which may be zero.
    Time(fn(&mut T) -> &mut Duration),
    /// A time above zero.
    SomeTime(fn(&mut T) -> &mut Duration),
    /// A time above zero, or none.
    TimeOrOff(fn(&mut T) -> &mut Option<Duration>),
    /// A whole number within bounds.
    Number(RangeInclusive<u32>, fn(&mut T) -> &mut u32),
    /// The same, or none.
    NumberOrOff(RangeInclusive<u32>, fn(&mut T) -> &mut Option<u32>),
    /// A whole number above zero.
    Count(fn(&mut T) -> &mut usize),
    /// A whole number above zero, or none.
    CountOrOff(fn(&mut T) -> &mut Option<usize>),
    /// A number of bytes.
    Size(fn(&mut T) -> &mut usize),
    /// Yes or no.
    OnOff(fn(&mut T) -> &mut bool),
    /// One of a few words; the first function is called with one of them only.
    Choice(&'static [&'static str], fn(&mut T, &str), fn(&T) -> &'static str),
    /// Several texts: what they are, how they are taken, and what they are now.
    List(&'static str, fn(&mut T, Vec<String>) -> Option<()>, fn(&T) -> Vec<String>),
    /// A key, or none.
    Secret(fn(&mut T) -> &mut Option<Secret>),
    /// Several keys.
    Secrets(fn(&mut T) -> &mut Vec<Secret>),
    /// Anything else: what it takes, how it is read, and how it is written.
    Other(&'static str, fn(&mut T, &str) -> Option<()>, fn(&T) -> String),
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
    #[error("`{value}` is not a value of the relay's switch `{name}`, which takes {takes}")]
    Value {
        /// The switch.
        name: &'static str,
        /// What was given; stars where it is secret.
        value: String,
        /// What would have been right.
        takes: String,
    },
}

/// What a secret is shown as.
pub const HIDDEN: &str = "***";

/// One row of a table of switches.
pub const fn switch<T>(name: &'static str, field: Field<T>, help: &'static str) -> Switch<T> {
    Switch { name, field, help }
}

/// Sets a field, unless the value could not be read.
pub(crate) fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

/// The same where `off` empties the field.
pub(crate) fn put_or_off<T>(
    place: &mut Option<T>,
    value: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<()> {
    *place = if value == "off" { None } else { Some(read(value)?) };
    Some(())
}

impl<T: Clone> Switch<T> {
    /// Whether the value must not be shown.
    pub const fn is_secret(&self) -> bool {
        matches!(self.field, Field::Secret(_) | Field::Secrets(_))
    }

    /// Whether it takes several values, between commas.
    pub const fn is_list(&self) -> bool {
        matches!(self.field, Field::List(..) | Field::Secrets(_))
    }

    /// The words that it takes among other things.
    pub fn words(&self) -> &'static [&'static str] {
        match self.field {
            Field::Choice(words, ..) => words,
            Field::OnOff(_) => &["on", "off"],
            Field::TimeOrOff(_)
            | Field::NumberOrOff(..)
            | Field::CountOrOff(_)
            | Field::List(..)
            | Field::Secret(_)
            | Field::Secrets(_) => &["off"],
            Field::Time(_)
            | Field::SomeTime(_)
            | Field::Number(..)
            | Field::Count(_)
            | Field::Size(_)
            | Field::Other(..) => &[],
        }
    }

    /// What it takes, in words.
    pub fn takes(&self) -> String {
        match &self.field {
            Field::Time(_) => "a time such as `500ms` or `15s`".to_owned(),
            Field::TimeOrOff(_) => "a time such as `500ms` or `15s`, or `off`".to_owned(),
            Field::SomeTime(_) => "a time above zero, such as `500ms` or `15s`".to_owned(),
            Field::Number(bounds, _) => {
                format!("a whole number from {} to {}", bounds.start(), bounds.end())
            }
            Field::NumberOrOff(bounds, _) => {
                format!("a whole number from {} to {}, or `off`", bounds.start(), bounds.end())
            }
            Field::Count(_) => "a whole number above 0".to_owned(),
            Field::CountOrOff(_) => "a whole number above 0, or `off`".to_owned(),
            Field::Size(_) => "a size such as `64KiB` or `1MiB`".to_owned(),
            Field::OnOff(_) => "`on` or `off`".to_owned(),
            Field::Choice(words, ..) => {
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
            }
            Field::List(..) | Field::Secrets(_) => {
                format!("{}, with commas between them, or `off`", self.takes_each())
            }
            Field::Secret(_) => "a key, or `off`".to_owned(),
            Field::Other(what, ..) => (*what).to_owned(),
        }
    }

    /// What a list takes, without saying that it is one.
    pub const fn takes_each(&self) -> &'static str {
        if let Field::List(what, ..) = &self.field { what } else { "keys" }
    }

    /// Sets its field of `of`.
    ///
    /// # Errors
    /// The value is not what it takes; the field is as it was.
    pub fn set(&self, of: &mut T, value: &str) -> Result<(), SwitchError> {
        self.put(of, value).ok_or_else(|| SwitchError::Value {
            name: self.name,
            // In a URL a password stands before an `@`.
            value: if self.is_secret() || value.contains('@') { HIDDEN } else { value }.to_owned(),
            takes: self.takes(),
        })
    }

    fn put(&self, of: &mut T, value: &str) -> Option<()> {
        match &self.field {
            Field::Time(place) => put(place(of), time(value)),
            Field::TimeOrOff(place) => put_or_off(place(of), value, some_time),
            Field::SomeTime(place) => put(place(of), some_time(value)),
            Field::Number(bounds, place) => {
                put(place(of), value.parse().ok().filter(|number| bounds.contains(number)))
            }
            Field::NumberOrOff(bounds, place) => put_or_off(place(of), value, |value| {
                value.parse().ok().filter(|number| bounds.contains(number))
            }),
            Field::Count(place) => put(place(of), count(value)),
            Field::CountOrOff(place) => put_or_off(place(of), value, count),
            Field::Size(place) => put(place(of), size(value)),
            Field::OnOff(place) => put(place(of), on_or_off(value)),
            Field::Choice(words, set, _) => words.contains(&value).then(|| set(of, value)),
            Field::List(_, take, _) => take(of, list(value)?),
            Field::Secret(place) => put_or_off(place(of), value, |key| {
                (!key.is_empty()).then(|| Secret(key.to_owned()))
            }),
            Field::Secrets(place) => {
                put(place(of), list(value).map(|keys| keys.into_iter().map(Secret).collect()))
            }
            Field::Other(_, set, _) => set(of, value),
        }
    }

    /// Its value in `of`, as [`Switch::set`] reads it; stars for what is secret.
    pub fn value_of(&self, of: &T) -> String {
        // Fields are reached by `&mut` only, so that a row of the table names its field once.
        let mut of = of.clone();
        let of = &mut of;
        match &self.field {
            Field::Time(place) | Field::SomeTime(place) => quantity::show_time(*place(of)),
            Field::TimeOrOff(place) => shown_or_off(place(of).map(quantity::show_time)),
            Field::Number(_, place) => place(of).to_string(),
            Field::NumberOrOff(_, place) => {
                shown_or_off(place(of).map(|number| number.to_string()))
            }
            Field::Count(place) => place(of).to_string(),
            Field::CountOrOff(place) => shown_or_off(place(of).map(|count| count.to_string())),
            Field::Size(place) => quantity::show_size(*place(of)),
            Field::OnOff(place) => if *place(of) { "on" } else { "off" }.to_owned(),
            Field::Choice(_, _, show) => show(of).to_owned(),
            Field::List(_, _, show) => shown_list(&show(of)),
            Field::Secret(place) => shown_or_off(place(of).as_ref().map(|_| HIDDEN.to_owned())),
            Field::Secrets(place) => shown_list(&vec![HIDDEN.to_owned(); place(of).len()]),
            Field::Other(_, _, show) => show(of),
        }
    }
}

pub(crate) fn shown_or_off(text: Option<String>) -> String {
    text.unwrap_or_else(|| "off".to_owned())
}

fn shown_list(words: &[String]) -> String {
    shown_or_off((!words.is_empty()).then(|| words.join(",")))
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
    fn a_secret_does_not_show_in_an_error() {
        let error = config().set("keys", "sk-1,,").unwrap_err();
        assert!(!error.to_string().contains("sk-1"), "{error}");
    }

    #[test]
    fn each_value_is_shown_as_it_is_read() {
        let defaults = config();
        for switch in SWITCHES.iter().filter(|switch| !switch.is_secret()) {
            let mut config = config();
            let shown = switch.value_of(&config);
            switch.set(&mut config, &shown).unwrap();
            assert_eq!(format!("{config:?}"), format!("{defaults:?}"), "{} = {shown}", switch.name);
        }
    }

    #[test]
    fn each_word_of_a_choice_is_shown_as_it_is_read() {
        for switch in SWITCHES {
            let Field::Choice(words, ..) = &switch.field else { continue };
            for word in *words {
                let mut config = config();
                switch.set(&mut config, word).unwrap();
                assert_eq!(switch.value_of(&config), *word, "{}", switch.name);
            }
        }
    }

    #[test]
    fn a_secret_is_shown_as_stars() {
        let mut config = config();
        config.set("keys", "sk-1,sk-2").unwrap();
        config.set("provider_key", "sk-3").unwrap();
        config.set("fallback_keys", "sk-4").unwrap();
        let secrets = SWITCHES.iter().filter(|switch| switch.is_secret());
        let shown: Vec<String> = secrets.map(|switch| switch.value_of(&config)).collect();
        assert_eq!(shown, ["***", "***,***", "***"]);
    }
}

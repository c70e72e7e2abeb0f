//! The switches by name: one table that scenarios, the command line and the help text share.

use crate::{
    config::{Config, Head, MissingDone, Secret},
    quantity::{count, list, on_or_off, size, some_time, time},
    stream::HeartbeatForm,
};

/// One switch.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// As scenarios write it; the command line writes `-` for `_`.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// What it does, with its default.
    pub help: &'static str,
    /// Whether the value must not be shown.
    pub secret: bool,
    set: fn(&mut Config, &str) -> Option<()>,
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
        takes: &'static str,
    },
}

const TIME: &str = "a time such as `500ms` or `15s`";
const TIME_OR_OFF: &str = "a time such as `500ms` or `15s`, or `off`";
const FORM: &str = "`comment` or `event`";
const COUNT_OR_OFF: &str = "a whole number above 0, or `off`";

const fn switch(
    name: &'static str,
    takes: &'static str,
    help: &'static str,
    set: fn(&mut Config, &str) -> Option<()>,
) -> Switch {
    Switch { name, takes, help, secret: false, set }
}

/// Sets a field, unless the value could not be read.
fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

/// The same where `off` empties the field.
fn put_or_off<T>(
    place: &mut Option<T>,
    value: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<()> {
    *place = if value == "off" { None } else { Some(read(value)?) };
    Some(())
}

fn form(text: &str) -> Option<HeartbeatForm> {
    match text {
        "comment" => Some(HeartbeatForm::Comment),
        "event" => Some(HeartbeatForm::Event),
        _ => None,
    }
}

pub(crate) const SWITCHES: &[Switch] = &[
    switch(
        "heartbeat",
        TIME_OR_OFF,
        "Send a heartbeat between events of chat streams after this much silence [default: off]",
        |c, v| put_or_off(&mut c.heartbeat, v, some_time),
    ),
    switch("heartbeat_as", FORM, "What that heartbeat is [default: comment]", |c, v| {
        put(&mut c.heartbeat_as, form(v))
    }),
    switch(
        "heartbeat_responses",
        TIME_OR_OFF,
        "The same for streams of the Responses API [default: off]",
        |c, v| put_or_off(&mut c.heartbeat_responses, v, some_time),
    ),
    switch("heartbeat_responses_as", FORM, "What that heartbeat is [default: comment]", |c, v| {
        put(&mut c.heartbeat_responses_as, form(v))
    }),
    switch(
        "early_heartbeat",
        "`on` or `off`",
        "Whether heartbeats begin before the provider answers, which commits status 200 [default: off]",
        |c, v| put(&mut c.early_heartbeat, on_or_off(v)),
    ),
    switch(
        "head",
        "`at_once` or `at_content`",
        "When a client gets the head of a stream: with the provider's head, or with the first \
         content, so that an error before it is a status or a retry [default: at_once]",
        |c, v| {
            let head = match v {
                "at_once" => Some(Head::AtOnce),
                "at_content" => Some(Head::AtContent),
                _ => None,
            };
            put(&mut c.head, head)
        },
    ),
    switch("connect", TIME_OR_OFF, "Budget to reach the provider [default: 10s]", |c, v| {
        put_or_off(&mut c.connect, v, some_time)
    }),
    switch(
        "first_byte",
        TIME_OR_OFF,
        "Budget until the answer's first body byte [default: 300s]",
        |c, v| put_or_off(&mut c.first_byte, v, some_time),
    ),
    switch(
        "idle_warn",
        TIME_OR_OFF,
        "Silence of the provider mid-answer that is logged [default: 60s]",
        |c, v| put_or_off(&mut c.idle_warn, v, some_time),
    ),
    switch(
        "idle",
        TIME_OR_OFF,
        "Budget for a silence of the provider mid-answer [default: 120s]",
        |c, v| put_or_off(&mut c.idle, v, some_time),
    ),
    switch(
        "stalled_client",
        TIME_OR_OFF,
        "Budget for a client that takes nothing [default: 60s]",
        |c, v| put_or_off(&mut c.stalled_client, v, some_time),
    ),
    switch(
        "read_on",
        TIME_OR_OFF,
        "How long a stream is read on after its client left, for its usage [default: off]",
        |c, v| put_or_off(&mut c.read_on, v, some_time),
    ),
    switch(
        "resume",
        "`on` or `off`",
        "Give events ids, and keep streams to be resumed [default: off]",
        |c, v| put(&mut c.resume, on_or_off(v)),
    ),
    switch(
        "resume_bytes",
        "a size such as `64KiB`, at least `4KiB`",
        "Bytes kept of one stream [default: 1MiB]",
        |c, v| put(&mut c.resume_bytes, size(v).filter(|bytes| *bytes >= 4 << 10)),
    ),
    switch(
        "resume_streams",
        "a whole number above 0",
        "Streams kept in all [default: 1000]",
        |c, v| put(&mut c.resume_streams, count(v)),
    ),
    switch("resume_keep", TIME, "How long a stream is kept after its end [default: 5m]", |c, v| {
        put(&mut c.resume_keep, time(v))
    }),
    switch(
        "resume_wait",
        TIME,
        "How long the provider is read on without a reader [default: 30s]",
        |c, v| put(&mut c.resume_wait, time(v)),
    ),
    switch(
        "drain",
        TIME,
        "How long streams may go on after shutdown began [default: 25s]",
        |c, v| put(&mut c.drain, time(v)),
    ),
    switch(
        "missing_done",
        "`error` or `tolerate`",
        "What a clean end of a chat stream without [DONE] is [default: error]",
        |c, v| {
            let policy = match v {
                "error" => Some(MissingDone::Error),
                "tolerate" => Some(MissingDone::Tolerate),
                _ => None,
            };
            put(&mut c.missing_done, policy)
        },
    ),
    switch(
        "retries",
        "a whole number from 0 to 10",
        "Attempts after the first, before anything reached the client [default: 2]",
        |c, v| put(&mut c.retries, v.parse().ok().filter(|retries| *retries <= 10)),
    ),
    switch("retry_wait", TIME, "Longest single wait before an attempt [default: 10s]", |c, v| {
        put(&mut c.retry_wait, time(v))
    }),
    switch("retry_total", TIME, "Longest sum of waits of a request [default: 20s]", |c, v| {
        put(&mut c.retry_total, time(v))
    }),
    switch(
        "max_streams_per_address",
        COUNT_OR_OFF,
        "Requests under way at once from one address; over it 429 [default: 10]",
        |c, v| put_or_off(&mut c.max_streams_per_address, v, count),
    ),
    switch(
        "max_streams",
        COUNT_OR_OFF,
        "Requests under way at once in all; over it 429 [default: off]",
        |c, v| put_or_off(&mut c.max_streams, v, count),
    ),
    switch(
        "request_body",
        TIME_OR_OFF,
        "Budget for the whole request body; over it 408 [default: 30s]",
        |c, v| put_or_off(&mut c.request_body, v, some_time),
    ),
    switch(
        "max_request",
        "a size such as `64KiB` or `1MiB`",
        "Largest request body; over it 413 [default: 32MiB]",
        |c, v| put(&mut c.max_request, size(v)),
    ),
    switch(
        "origins",
        "origins between commas, such as `https://app.example`, or `*`",
        "Origins whose scripts may call (CORS) [default: none]",
        |c, v| put(&mut c.origins, list(v)),
    ),
    switch(
        "credentials",
        "`on` or `off`",
        "Whether those scripts may send credentials [default: off]",
        |c, v| put(&mut c.credentials, on_or_off(v)),
    ),
    Switch {
        secret: true,
        ..switch(
            "keys",
            "keys between commas",
            "Keys of which clients must show one [default: none, everybody may call]",
            |c, v| put(&mut c.keys, list(v).map(|keys| keys.into_iter().map(Secret).collect())),
        )
    },
    Switch {
        secret: true,
        ..switch(
            "provider_key",
            "a key, or `off`",
            "The key shown to the provider in place of the client's [default: the client's]",
            |c, v| {
                put_or_off(&mut c.provider_key, v, |v| {
                    (!v.is_empty()).then(|| Secret(v.to_owned()))
                })
            },
        )
    },
];

pub(crate) fn set(config: &mut Config, name: &str, value: &str) -> Result<(), SwitchError> {
    let Some(switch) = SWITCHES.iter().find(|switch| switch.name == name) else {
        let nearest = SWITCHES.iter().map(|s| s.name).min_by_key(|known| distance(known, name));
        let nearest = nearest.unwrap_or_default();
        return Err(SwitchError::Unknown { name: name.to_owned(), nearest });
    };
    (switch.set)(config, value).ok_or_else(|| SwitchError::Value {
        name: switch.name,
        value: if switch.secret { "***".to_owned() } else { value.to_owned() },
        takes: switch.takes,
    })
}

/// Letters to insert, delete or change to get from one word to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
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
            ("resume", "on", "resume: true"),
            ("resume_bytes", "64KiB", "resume_bytes: 65536"),
            ("resume_streams", "7", "resume_streams: 7"),
            ("resume_keep", "1m", "resume_keep: 60s"),
            ("resume_wait", "9s", "resume_wait: 9s"),
            ("drain", "4s", "drain: 4s"),
            ("missing_done", "tolerate", "missing_done: Tolerate"),
            ("retries", "5", "retries: 5"),
            ("retry_wait", "6s", "retry_wait: 6s"),
            ("retry_total", "7s", "retry_total: 7s"),
            ("max_streams_per_address", "off", "max_streams_per_address: None"),
            ("max_streams", "8", "max_streams: Some(8)"),
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
    fn a_distance_counts_changed_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "idle"), 4);
        assert_eq!(distance("idle", "idle"), 0);
    }
}

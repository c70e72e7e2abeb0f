//! Who listens to what the relay tells of its streams: standard error, one line an event.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer as _, Registry, filter::Targets, fmt, layer::SubscriberExt as _, registry::LookupSpan,
};

use crate::settings::Program;

/// Where axum tells that a connection cannot be accepted; a second later it tries again.
const LISTENER: &str = "axum::serve::listener";

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One object a line.
    Json,
    /// For people.
    Text,
    /// Not at all.
    Off,
}

/// The least that is worth a line; each word is a level on which the relay tells something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Least {
    /// Streams that are over, and warnings.
    Info,
    /// Warnings only.
    Warn,
}

impl Least {
    /// Libraries tell of the headers that they write, keys included: only the relay itself is heard,
    /// and the listener, that is out of files.
    fn filter(self) -> Targets {
        let level = match self {
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
        };
        Targets::new().with_target("relay", level).with_target(LISTENER, level)
    }
}

/// Writes from now on what the relay tells, of all threads.
pub(crate) fn install(program: &Program) {
    let Some(lines) = lines(program.log) else { return };
    let subscriber = Registry::default().with(lines.with_filter(program.log_level.filter()));
    tracing::subscriber::set_global_default(subscriber).expect("nobody else installs one");
}

fn lines<S>(form: Form) -> Option<Box<dyn tracing_subscriber::Layer<S> + Send + Sync>>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    // A line that cannot be written is lost, and the stream goes on.
    let layer = fmt::layer().with_writer(io::stderr).with_ansi(false);
    match form {
        Form::Json => Some(layer.json().flatten_event(true).boxed()),
        Form::Text => Some(layer.boxed()),
        Form::Off => None,
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn only_the_relay_is_heard_and_from_its_level_on() {
        for (least, target, level, heard) in [
            (Least::Info, "relay::stream", Level::INFO, true),
            (Least::Info, "relay::stream", Level::DEBUG, false),
            (Least::Info, "h2::codec", Level::ERROR, false),
            (Least::Info, "axum::rejection", Level::ERROR, false),
            (Least::Warn, "axum::serve::listener", Level::ERROR, true),
            (Least::Warn, "relay::stream", Level::WARN, true),
            (Least::Warn, "relay::stream", Level::INFO, false),
        ] {
            assert_eq!(least.filter().would_enable(target, &level), heard, "{least:?} {target}");
        }
    }
}

//! Who listens to what the relay tells of its streams: standard error, one line an event.

use std::{io, time::Duration};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, Registry, filter::Targets, fmt, layer::SubscriberExt as _};

use crate::{lines::Lines, settings::Program};

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

/// How long a relay that ends waits for who reads its log.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What was told and may not be written yet.
#[derive(Debug)]
pub(crate) struct Log(Option<Lines>);

impl Log {
    /// Writes the rest, if somebody reads it.
    pub(crate) fn end(self) {
        if let Some(lines) = self.0 {
            lines.wait(LAST_LINES);
        }
    }
}

/// Writes from now on what the relay tells, of all threads; none of them waits for who reads it.
///
/// # Errors
/// There is no thread that could write.
pub(crate) fn install(program: &Program) -> Result<Log, String> {
    if program.log == Form::Off {
        return Ok(Log(None));
    }
    let lines = Lines::written_to(io::stderr())
        .map_err(|error| format!("cannot start the thread that writes the log: {error}"))?;
    let layer = fmt::layer().with_writer(lines.clone()).with_ansi(false);
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match program.log {
        Form::Json => layer.json().flatten_event(true).boxed(),
        Form::Text | Form::Off => layer.boxed(),
    };
    let subscriber = Registry::default().with(layer.with_filter(program.log_level.filter()));
    tracing::subscriber::set_global_default(subscriber).expect("nobody else installs one");
    Ok(Log(Some(lines)))
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

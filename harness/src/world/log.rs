//! What a relay logs becomes facts of the run that it belongs to, and of no other.
//!
//! A run lives on one thread from its beginning to its end, so a listener of this thread hears it
//! alone: nothing is installed for the whole process, and runs on other threads hear themselves.

use std::{
    fmt::{self, Write as _},
    sync::OnceLock,
};

use tracing::{
    Dispatch, Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
};

use crate::{
    net::recorder_on_this_thread,
    plan::Plan,
    trace::{Fact, Name},
};

/// What libraries tell is no word of the relay, and changes with their versions.
fn own() -> Targets {
    Targets::new().with_target("relay", LevelFilter::from_level(Level::INFO))
}

/// Keeps every line of a relay alive in `tracing`, whichever thread tells it first.
///
/// `tracing` remembers for all threads together whether anybody listens to a line. While one
/// listener exists, or none, it asks only the thread that tells the line first, and a line that
/// this thread does not hear is then lost for the one that listens. With two listeners that live
/// as long as the process it asks all. They are on no thread, so they hear nothing.
pub(super) fn is_never_forgotten() {
    static LISTENERS: OnceLock<[Dispatch; 2]> = OnceLock::new();
    LISTENERS.get_or_init(|| [(); 2].map(|()| Dispatch::new(Registry::default().with(own()))));
}

/// Until it is dropped, what the relay of the plan logs on this thread is recorded: only where the
/// plan asks for it, so that the traces of all others stay as they are.
pub(super) fn is_recorded(plan: &Plan) -> Option<DefaultGuard> {
    let asked = plan.expect.iter().any(crate::scenario::Expect::asks_for_the_log);
    asked.then(|| {
        let relay = Relay(plan.relay_name().into());
        tracing::subscriber::set_default(Registry::default().with(relay.with_filter(own())))
    })
}

/// Records each event as seen on the relay's host.
struct Relay(Name);

impl<S: Subscriber> Layer<S> for Relay {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // What is told while the world is torn down belongs to no run.
        let Some(recorder) = recorder_on_this_thread() else { return };
        let mut line = Line::default();
        event.record(&mut line);
        let level = event.metadata().level();
        let text = format!("{level} {}{}", line.message, line.fields);
        recorder.record(&self.0, Fact::Logged { text });
    }
}

/// An event as text: its message, then its fields in their order.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let _infallible = if field.name() == "message" {
            self.message.write_fmt(value)
        } else {
            write!(self.fields, " {}={value}", field.name())
        };
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

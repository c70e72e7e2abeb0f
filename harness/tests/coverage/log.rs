//! What the relay of a run says by `tracing`: the lines of its log, and the branches that it marks.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
};

/// What was said.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Marks of branches: `reached!` in the relay's source.
    pub(crate) reached: BTreeSet<String>,
    /// Lines of its log, each as ` name=value` for every field.
    pub(crate) lines: BTreeSet<String>,
}

impl Heard {
    /// What is said on this thread until `run` is over; a run lives on one thread.
    pub(crate) fn during<T>(run: impl FnOnce() -> T) -> (T, Self) {
        let heard = Arc::new(Mutex::new(Self::default()));
        let own = Targets::new().with_target("relay", LevelFilter::TRACE);
        let ear = Ear(Arc::clone(&heard)).with_filter(own);
        let result = tracing::subscriber::with_default(Registry::default().with(ear), run);
        let heard = mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
        (result, heard)
    }

    /// And what was said elsewhere.
    pub(crate) fn add(&mut self, other: Self) {
        let Self { reached, lines } = other;
        self.reached.extend(reached);
        self.lines.extend(lines);
    }
}

struct Ear(Arc<Mutex<Heard>>);

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if event.metadata().target() == "relay::reached" {
            heard.reached.insert(fields.message);
        } else {
            heard.lines.insert(fields.others);
        }
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            let field = format!(" {}={value:?}", field.name());
            self.others.push_str(&field);
        }
    }
}

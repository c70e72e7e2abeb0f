//! A client that takes bytes as they come, and the browser's own part of a preflight.

use bytes::Bytes;

use super::{application::Application, event_reader::EventReader};
use crate::{
    http1::ResponseHead,
    trace::{BodyEnd, Sight},
};

/// Sees nothing beyond what the connection records. One that comes back keeps the last id of a
/// stream.
#[derive(Debug, Default)]
pub(super) struct Raw {
    events: Option<EventReader>,
}

impl Raw {
    /// Keeps the last id; this one until another comes.
    pub(super) fn keeping(last_event_id: &str) -> Self {
        Self { events: Some(EventReader::continuing(last_event_id)) }
    }

    /// The last id, where it is kept.
    pub(super) fn last_event_id(&self) -> Option<&str> {
        self.events.as_ref().map(EventReader::last_event_id)
    }
}

impl Application for Raw {
    fn head(&mut self, _: &ResponseHead) -> Vec<Sight> {
        Vec::new()
    }

    fn body(&mut self, bytes: &Bytes) -> Vec<Sight> {
        if let Some(events) = &mut self.events {
            events.feed(bytes);
        }
        Vec::new()
    }

    fn ended(&mut self, _: BodyEnd) -> Vec<Sight> {
        Vec::new()
    }
}

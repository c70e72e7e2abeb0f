//! The journal as one connection writes it.

use crate::journal::{Entry, Event, Listener, deaf};

/// Tells entries with the connection's number and that of the request in hand.
#[derive(Clone)]
pub(crate) struct Log {
    listener: Listener,
    connection: u64,
    request: Option<u64>,
}

impl Log {
    pub(crate) fn new(listener: Listener, connection: u64) -> Self {
        Self { listener, connection, request: None }
    }

    /// One that nobody hears.
    pub(crate) fn silent(&self) -> Self {
        Self { listener: deaf(), ..self.clone() }
    }

    /// The same for a request.
    pub(crate) fn about(&self, request: u64) -> Self {
        Self { request: Some(request), ..self.clone() }
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.listener)(Entry { connection: self.connection, request: self.request, event });
    }
}

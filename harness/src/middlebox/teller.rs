//! Records what a middlebox does with one connection of its client's side.

use crate::{
    net::{Host, Stream},
    trace::{Connection, Fact, MiddleboxFact},
};

/// Speaks for one connection.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    host: Host,
    connection: Connection,
}

impl Teller {
    pub(super) fn of(host: &Host, below: &Stream) -> Self {
        Self { host: host.clone(), connection: below.connection() }
    }

    /// For a connection that is not at hand.
    #[cfg(test)]
    pub(super) fn speaking_for(host: Host, connection: Connection) -> Self {
        Self { host, connection }
    }

    pub(super) fn tell(&self, fact: MiddleboxFact) {
        self.host.recorder().record(self.host.name(), Fact::Middlebox(self.connection, fact));
    }

    /// It holds so many bytes now.
    pub(super) fn held(&self, bytes: usize, because: &'static str) {
        if bytes > 0 {
            self.tell(MiddleboxFact::Held { bytes: bytes as u64, because });
        }
    }

    /// It lets so many bytes go.
    pub(super) fn flushed(&self, bytes: usize, because: &'static str) {
        if bytes > 0 {
            self.tell(MiddleboxFact::Flushed { bytes: bytes as u64, because });
        }
    }
}

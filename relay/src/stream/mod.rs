//! The body of an answer on its way through: what is passed, what is added, how it ends.
//!
//! [`Core`] decides and touches neither socket nor clock; `body` drives it.

use std::time::Duration;

pub(crate) mod body;
pub(crate) mod boundary;
mod core;
mod events;
mod family;
pub(crate) mod ids;
mod late_mark;
mod line;
pub(crate) mod lines;
mod members;
pub(crate) mod read_on;

pub(crate) use self::events::{Event, Events};
pub use self::{
    core::{Core, Input, Note, Output, Then},
    family::Family,
};
use crate::{breaker::Verdict, config::MissingDone, errors::ErrorObject};

/// What is decided about a body before it begins. A budget that is `None` is off.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What kind of body it is.
    pub family: Family,
    /// The name of the stream where its events get ids: `<name>-1` and so on, each in a line before
    /// the event's blank line. Without one the bytes stay as they are.
    pub ids: Option<Box<str>>,
    /// What is sent into a silence.
    pub heartbeat: Option<Heartbeat>,
    /// Budget for the first byte, counted from the moment the request was sent.
    pub first_byte: Option<Duration>,
    /// The length of a silence after the first byte that is worth a warning.
    pub idle_warn: Option<Duration>,
    /// Budget for each silence after the first byte.
    pub idle: Option<Duration>,
    /// What a clean end without the family's last event is.
    pub missing_done: MissingDone,
}

/// What is sent into a silence, between events only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// The length of the silence.
    pub every: Duration,
    /// What is sent.
    pub form: HeartbeatForm,
}

/// What a heartbeat looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatForm {
    /// A comment, which parsers drop (HTML 9.2.6). Clients that count only events do not see it.
    Comment,
    /// An event that says nothing: a chunk without choices, or the Responses API's `keepalive`.
    Event,
}

/// How the relaying of an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReason {
    /// The provider ended it well.
    Complete,
    /// The provider told of its failure itself, in an error event.
    ProviderError,
    /// The provider ended it cleanly, but without the family's last event.
    MissingDone,
    /// The provider's connection broke, or its framing is wrong.
    UpstreamBroken,
    /// The first byte of the body did not come in time.
    FirstByteTimeout,
    /// The provider fell silent mid-answer.
    IdleTimeout,
    /// The relay is being stopped.
    Shutdown,
    /// The client went away.
    ClientGone,
    /// The client took nothing for too long.
    ClientStalled,
    /// Nobody came back to read it.
    Abandoned,
    /// It was kept to be resumed, and the store took no more of it.
    StoreFailed,
    /// No answer came; the client got a status of the relay's own.
    Unanswered,
}

impl EndReason {
    /// As metrics name it, what it says of the provider, and what the error event says.
    const fn row(self) -> (&'static str, Verdict, &'static str) {
        use Verdict::{Bad, Good, Unclear};
        match self {
            Self::Complete => ("complete", Good, "the answer is complete"),
            Self::ProviderError => ("provider_error", Bad, "the provider reported an error"),
            Self::MissingDone => {
                let message = "the provider ended the stream without its last event";
                ("upstream_missing_done", Bad, message)
            }
            Self::UpstreamBroken => {
                let message = "the provider's connection broke before the stream's end";
                ("upstream_broken", Bad, message)
            }
            Self::FirstByteTimeout => {
                let message = "the provider sent nothing after its headers in time";
                ("upstream_first_byte_timeout", Bad, message)
            }
            Self::IdleTimeout => {
                let message = "the provider fell silent before the stream's end";
                ("upstream_idle_timeout", Bad, message)
            }
            Self::Shutdown => ("relay_shutdown", Unclear, "the relay is shutting down"),
            Self::ClientGone => ("client_gone", Unclear, "the client went away"),
            Self::ClientStalled => ("client_stalled", Unclear, "the client stopped reading"),
            Self::Abandoned => ("abandoned", Unclear, "nobody read the stream for too long"),
            Self::StoreFailed => {
                ("store_failed", Unclear, "the stream could not be kept any longer")
            }
            Self::Unanswered => ("unanswered", Unclear, "the provider did not answer"),
        }
    }

    /// As metrics name it; also the `code` of the error event.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// What it says of the provider.
    pub(crate) fn verdict(self) -> Verdict {
        self.row().1
    }

    /// What the error event says.
    fn error(self) -> ErrorObject {
        let (code, _, message) = self.row();
        ErrorObject::new(message, "server_error", code)
    }
}

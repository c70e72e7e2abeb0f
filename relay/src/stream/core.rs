//! Decides what a client gets of a body: a state machine without input, output or clock.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};

use super::{EndReason, Family, Policy, boundary::Boundary};
use crate::{config::MissingDone, errors};

/// What is sent after a silence: a comment, and the blank line that ends it.
const HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// What happened at the provider's side.
#[derive(Debug, Clone)]
pub enum Input {
    /// These bytes came.
    Bytes(Bytes),
    /// Nothing is there to be read.
    Silence,
    /// The body ended as its framing promised.
    End,
    /// The body broke off.
    Failed,
    /// The relay is being stopped and can wait no longer.
    Shutdown,
}

/// What to do about it: first emit, then go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Bytes for the client.
    pub emit: Option<Bytes>,
    /// What comes after them.
    pub then: Then,
}

/// How a body goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// With more input.
    Continue,
    /// Not at all: the body is complete as far as its framing goes.
    Finish(EndReason),
    /// Not at all, and the framing must be left unfinished, so that the client can tell.
    Break(EndReason),
}

/// One body. Memory is the same for an event of any length: nothing that was emitted is kept.
///
/// Time is what the caller says it is, counted from the moment the request was sent.
#[derive(Debug, Clone)]
pub struct Core {
    policy: Policy,
    boundary: Boundary,
    begun: bool,
    /// When the caller first found nothing to read. Counted from there and not from the last byte:
    /// while a slow client holds the body up, nobody looks for bytes, and that is no silence.
    silent_since: Option<Duration>,
    heartbeat_at: Option<Duration>,
}

impl Core {
    /// A body of which nothing has come yet.
    pub fn new(policy: Policy) -> Self {
        let boundary = Boundary::new();
        Self { policy, boundary, begun: false, silent_since: None, heartbeat_at: None }
    }

    /// Takes one input at time `now`. After [`Then::Finish`] or [`Then::Break`] there is no more.
    pub fn feed(&mut self, now: Duration, input: Input) -> Output {
        match input {
            Input::Bytes(bytes) => self.pass(bytes),
            Input::Silence => self.wait(now),
            Input::End => self.end(),
            Input::Failed => self.fail(EndReason::UpstreamBroken),
            Input::Shutdown => self.fail(EndReason::Shutdown),
        }
    }

    /// When [`Input::Silence`] must be fed again, if nothing else comes before.
    pub fn wake_at(&self) -> Option<Duration> {
        let (budget, _) = self.budget()?;
        match self.heartbeat_at.filter(|_| self.takes_heartbeat()) {
            Some(heartbeat) => budget.map_or(Some(heartbeat), |at| Some(at.min(heartbeat))),
            None => budget,
        }
    }

    fn pass(&mut self, bytes: Bytes) -> Output {
        self.begun = true;
        self.silent_since = None;
        self.heartbeat_at = None;
        if self.policy.family == Family::Chat {
            self.boundary.read(&bytes);
        }
        Output { emit: Some(bytes), then: Then::Continue }
    }

    /// The running budget: when it is over, and what that means; `None` while nobody waits.
    fn budget(&self) -> Option<(Option<Duration>, EndReason)> {
        let since = self.silent_since?;
        Some(if self.begun {
            (self.policy.idle.map(|idle| since + idle), EndReason::IdleTimeout)
        } else {
            (self.policy.first_byte, EndReason::FirstByteTimeout)
        })
    }

    fn wait(&mut self, now: Duration) -> Output {
        if self.silent_since.is_none() {
            self.silent_since = Some(now);
            self.heartbeat_at = self.policy.heartbeat.map(|interval| now + interval);
        }
        if let Some((Some(over), reason)) = self.budget()
            && now >= over
        {
            return self.fail(reason);
        }
        let due = self.heartbeat_at.is_some_and(|at| now >= at) && self.takes_heartbeat();
        if due {
            self.heartbeat_at = self.policy.heartbeat.map(|interval| now + interval);
        }
        Output { emit: due.then(|| Bytes::from_static(HEARTBEAT)), then: Then::Continue }
    }

    fn takes_heartbeat(&self) -> bool {
        self.policy.family == Family::Chat && self.boundary.is_between() && !self.is_terminated()
    }

    /// Whether the last word was spoken: nothing of ours may follow it.
    fn is_terminated(&self) -> bool {
        self.boundary.is_done() || self.boundary.is_error()
    }

    fn end(&self) -> Output {
        let reason = match self.policy.family {
            Family::Opaque => EndReason::Complete,
            Family::Chat if self.boundary.is_done_begun() => EndReason::Complete,
            Family::Chat if self.boundary.is_error() => EndReason::ProviderError,
            Family::Chat => match self.policy.missing_done {
                MissingDone::Error => return self.fail(EndReason::MissingDone),
                MissingDone::Tolerate => EndReason::MissingDone,
            },
        };
        Output { emit: None, then: Then::Finish(reason) }
    }

    /// Ends what cannot be completed: with an error event where one can stand, and always with
    /// broken framing, which clients that overlook error events still notice.
    ///
    /// No event after `[DONE]`, not even after an unfinished one: the blank line in between would
    /// make it whole, and a stream that was cut would look complete.
    fn fail(&self, reason: EndReason) -> Output {
        let silent = self.policy.family == Family::Opaque
            || self.is_terminated()
            || self.boundary.is_done_begun();
        let emit = (!silent).then(|| {
            let mut bytes = BytesMut::new();
            bytes.put(self.boundary.closing());
            bytes.put(&b"data: "[..]);
            bytes.put(errors::object(reason.message(), "server_error", reason.code()).as_bytes());
            bytes.put(&b"\n\n"[..]);
            bytes.freeze()
        });
        Output { emit, then: Then::Break(reason) }
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;

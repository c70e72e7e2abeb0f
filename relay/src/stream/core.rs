//! Decides what a client gets of a body: a state machine without input, output or clock.

use std::time::Duration;

use bytes::Bytes;

use super::{
    EndReason, Event, Events, Family, HeartbeatForm, Policy,
    boundary::Boundary,
    family::Word,
    ids::{Ids, Numbered},
    late_mark::LateMark,
};
use crate::{breaker::Verdict, config::MissingDone, errors::ErrorObject, reached::reached, retry};

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
    /// Nobody reads the stream any more.
    Abandoned,
    /// There is no body: the provider answered with an error, or not at all.
    Refused(ErrorObject),
}

/// What to do about it: first emit, then go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Bytes for the client.
    pub emit: Option<Bytes>,
    /// What comes after them.
    pub then: Then,
    /// What the relay's operator should know.
    pub note: Option<Note>,
    /// Offsets in the bytes right behind the blank line of each numbered event: see
    /// [`Policy::ids`].
    pub ends: Vec<usize>,
}

impl Output {
    fn nothing(then: Then) -> Self {
        Self { emit: None, then, note: None, ends: Vec::new() }
    }
}

/// What happens in a stream and is no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// A heartbeat was sent.
    Heartbeat,
    /// The provider has been silent for [`Policy::idle_warn`].
    IdleWarning,
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
/// Time is what the caller says it is, counted from any moment.
#[derive(Debug, Clone)]
pub struct Core {
    policy: Policy,
    boundary: Boundary,
    ids: Option<Ids>,
    /// A heartbeat went before the provider's first byte.
    late_mark: Option<LateMark>,
    /// When the request was sent whose answer this is; `None` while none has been answered.
    sent_at: Option<Duration>,
    begun: bool,
    /// When the caller first found nothing to read. Counted from there and not from the last byte:
    /// while a slow client holds the body up, nobody looks for bytes, and that is no silence.
    silent_since: Option<Duration>,
    heartbeat_at: Option<Duration>,
    /// Whether this silence has been warned of.
    warned: bool,
    /// The provider told of an error that is the request's, as an answer with a 4xx does.
    refused: bool,
}

impl Core {
    /// A body of which nothing has come yet; its request was sent at time zero.
    pub fn new(policy: Policy) -> Self {
        let mut core = Self::unanswered(policy);
        core.answered(Duration::ZERO);
        core
    }

    /// The body of an answer that has not come: heartbeats may be sent, and no budget runs until
    /// [`Self::answered`].
    pub fn unanswered(policy: Policy) -> Self {
        Self {
            boundary: Boundary::new(policy.family),
            ids: policy.ids.clone().map(Ids::new),
            late_mark: None,
            policy,
            sent_at: None,
            begun: false,
            silent_since: None,
            heartbeat_at: None,
            warned: false,
            refused: false,
        }
    }

    /// The body is there; its request was sent at that time.
    pub fn answered(&mut self, sent_at: Duration) {
        self.sent_at = Some(sent_at);
    }

    /// Takes one input at time `now`. After [`Then::Finish`] or [`Then::Break`] there is no more.
    pub fn feed(&mut self, now: Duration, input: Input) -> Output {
        match input {
            Input::Bytes(bytes) => self.pass(bytes),
            Input::Silence => self.wait(now),
            Input::End => self.end(),
            Input::Failed => self.fail(EndReason::UpstreamBroken),
            Input::Shutdown => self.fail(EndReason::Shutdown),
            Input::Abandoned => self.fail(EndReason::Abandoned),
            Input::Refused(error) => self.fail_with(EndReason::Unanswered, &error),
        }
    }

    /// How many events of the provider's have come whole; 0 where events are not read.
    pub(crate) fn events(&self) -> u64 {
        self.boundary.events()
    }

    /// What that end says of the provider. One that always leaves its last event out is well, where
    /// that is tolerated; and one that tells of an error is judged as by the error's status.
    pub(crate) fn verdict(&self, end: EndReason) -> Verdict {
        let tolerated =
            end == EndReason::MissingDone && self.policy.missing_done == MissingDone::Tolerate;
        let refused = end == EndReason::ProviderError && self.refused;
        if tolerated || refused {
            reached!("an end that is no good one is no failure of the provider either");
            return Verdict::Good;
        }
        end.verdict()
    }

    /// When [`Input::Silence`] must be fed again, if nothing else comes before.
    pub fn wake_at(&self) -> Option<Duration> {
        let budget = self.budget().map(|(over, _)| over);
        let heartbeat = self.heartbeat_at.filter(|_| self.takes_heartbeat());
        [budget, heartbeat, self.warn_at()].into_iter().flatten().min()
    }

    fn pass(&mut self, bytes: Bytes) -> Output {
        self.begun |= !bytes.is_empty();
        let bytes = match &mut self.late_mark {
            Some(mark) => mark.take_from(bytes),
            None => bytes,
        };
        self.silent_since = None;
        self.heartbeat_at = None;
        self.warned = false;
        if !self.is_opaque() {
            let before = self.boundary.word();
            self.boundary.read(&bytes);
            if before != Word::Error && self.boundary.word() == Word::Error {
                self.refused = tells_of_refusal(self.policy.family, &bytes);
            }
        }
        if bytes.is_empty() && self.late_mark.is_some() {
            return Output::nothing(Then::Continue);
        }
        self.emit(bytes, Then::Continue)
    }

    /// The running budget: when it is over, and what that means.
    fn budget(&self) -> Option<(Duration, EndReason)> {
        let since = self.silent_since?;
        if self.begun {
            Some((since.checked_add(self.policy.idle?)?, EndReason::IdleTimeout))
        } else {
            let over = self.sent_at?.checked_add(self.policy.first_byte?)?;
            Some((over, EndReason::FirstByteTimeout))
        }
    }

    fn warn_at(&self) -> Option<Duration> {
        let since = self.silent_since.filter(|_| self.begun && !self.warned)?;
        since.checked_add(self.policy.idle_warn?)
    }

    fn wait(&mut self, now: Duration) -> Output {
        let every = self.policy.heartbeat.map(|heartbeat| heartbeat.every);
        if self.silent_since.is_none() {
            self.silent_since = Some(now);
            self.heartbeat_at = every.and_then(|every| now.checked_add(every));
        }
        if let Some((_, reason)) = self.budget().filter(|(over, _)| now >= *over) {
            return self.fail(reason);
        }
        if self.warn_at().is_some_and(|at| now >= at) {
            self.warned = true;
            let note = Some(Note::IdleWarning);
            return Output { note, ..Output::nothing(Then::Continue) };
        }
        if self.heartbeat_at.is_none_or(|at| now < at) {
            return Output::nothing(Then::Continue);
        }
        if !self.takes_heartbeat() {
            reached!("a heartbeat is due where none may stand");
            return Output::nothing(Then::Continue);
        }
        self.heartbeat_at = every.and_then(|every| now.checked_add(every));
        if !self.begun {
            reached!("a heartbeat goes before the provider's first byte");
            self.late_mark = Some(LateMark::default());
            self.boundary.lines.begin();
            if let Some(ids) = &mut self.ids {
                ids.begin();
            }
        }
        let note = Some(Note::Heartbeat);
        Output { emit: self.heartbeat(), note, ..Output::nothing(Then::Continue) }
    }

    fn heartbeat(&self) -> Option<Bytes> {
        Some(match self.policy.heartbeat?.form {
            HeartbeatForm::Comment => Family::comment(self.ids.is_some()),
            HeartbeatForm::Event => {
                self.policy.family.empty_event(self.boundary.sequence().unwrap_or(0))
            }
        })
    }

    /// Whether it is passed on as it is, unread.
    pub(crate) fn is_opaque(&self) -> bool {
        self.policy.family == Family::Opaque
    }

    fn takes_heartbeat(&self) -> bool {
        !self.is_opaque() && self.boundary.lines.is_between() && !self.is_terminated()
    }

    /// Whether the last word was spoken: nothing of ours may follow it.
    fn is_terminated(&self) -> bool {
        self.boundary.word() != Word::More
    }

    /// Whether the family's last event has begun, and a blank line would make it count.
    fn ends_in_its_last_event(&self) -> bool {
        self.boundary.word_begun() == Word::End
    }

    fn end(&mut self) -> Output {
        // Readers drop a last event that lacks its blank line; nobody misses what it said then.
        let ends_unfinished = self.ends_in_its_last_event() && self.boundary.is_whole();
        let reason = match (self.policy.family, self.boundary.word()) {
            (Family::Opaque, _) | (_, Word::End) => EndReason::Complete,
            (_, Word::Error) => EndReason::ProviderError,
            (_, Word::More) if ends_unfinished => {
                reached!("a stream ends inside its last event");
                EndReason::Complete
            }
            (_, Word::More) => match self.policy.missing_done {
                MissingDone::Error => return self.fail(EndReason::MissingDone),
                MissingDone::Tolerate => EndReason::MissingDone,
            },
        };
        Output::nothing(Then::Finish(reason))
    }

    fn fail(&mut self, reason: EndReason) -> Output {
        self.fail_with(reason, &reason.error())
    }

    /// Ends what cannot be completed: with an error event where one can stand, and always with
    /// broken framing, which clients that overlook error events still notice.
    ///
    /// No event after the last one, not even after an unfinished one: the blank line in between
    /// would make it whole, and a stream that was cut would look complete.
    fn fail_with(&mut self, reason: EndReason, error: &ErrorObject) -> Output {
        let silent = self.policy.family == Family::Opaque
            || self.is_terminated()
            || self.ends_in_its_last_event();
        if silent {
            reached!("a stream breaks without an error event");
            return Output::nothing(Then::Break(reason));
        }
        let next = self.boundary.sequence().map_or(0, |last| last.saturating_add(1));
        let event = self.policy.family.error_event(error, next);
        let closing = self.boundary.closing(self.ids.is_some());
        if !closing.is_empty() {
            reached!("half an event is closed before an error event");
        }
        let bytes = Bytes::from([closing, event.as_bytes()].concat());
        self.emit(bytes, Then::Break(reason))
    }

    /// Bytes for the client, with their ids in them where events have some.
    fn emit(&mut self, bytes: Bytes, then: Then) -> Output {
        let numbered = match &mut self.ids {
            Some(ids) => ids.number(bytes),
            None => Numbered { bytes, ends: Vec::new() },
        };
        Output { emit: Some(numbered.bytes), ends: numbered.ends, ..Output::nothing(then) }
    }
}

/// Whether an event that is whole in these bytes tells of an error of the request's. Nothing that has
/// passed is kept, so one that came in several pieces counts as the provider's.
fn tells_of_refusal(family: Family, bytes: &[u8]) -> bool {
    let error_in = |event: &Event| match event {
        Event::Data(data) => family.error_in(&serde_json::from_slice(data).ok()?),
        Event::TooLong => None,
    };
    let error = Events::new().read(bytes).iter().find_map(error_in);
    error.is_some_and(|error| retry::verdict(error.status()) == Verdict::Good)
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;

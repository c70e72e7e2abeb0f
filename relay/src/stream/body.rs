//! Drives the stream core: from the provider's body to the client's, one piece at a time.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};

use super::{Core, EndReason, Input, Output, Then, read_on::read_on};
use crate::{
    account::Account,
    errors::ErrorObject,
    state::{Phase, Phases},
    wire::Client,
};

/// The framing of a body is left unfinished.
#[derive(Debug, thiserror::Error)]
#[error("the stream was broken off")]
pub(crate) struct BrokenOff;

/// A body, and when it was asked for; or why there is none.
pub(crate) type Promise =
    Pin<Box<dyn Future<Output = Result<(reqwest::Body, Instant), ErrorObject>> + Send>>;

/// Where the bytes come from.
pub(crate) enum Source {
    /// The provider has not answered.
    Asking(Promise),
    /// The provider's body.
    Body(reqwest::Body),
    /// Nowhere: the end is known.
    Gone,
}

/// The client's body. It takes from the provider only when the client's side asks, so what is
/// held is one piece of the provider and what hyper buffers. Dropped, it drops the provider's
/// connection with it, unless the stream is to be read on.
pub(crate) struct Relayed {
    core: Core,
    /// Dropped as soon as the end is known.
    source: Source,
    /// Time zero of the core.
    zero: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
    phases: Phases,
    ending: Pin<Box<dyn Future<Output = ()> + Send>>,
    client: Client,
    /// Taken only by what goes on after this body is dropped.
    account: Option<Account>,
    read_on: Option<Duration>,
    state: State,
    /// Where events end in the last frame.
    ends: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Passing on; the mark is that of the last thing given to hyper.
    Open { mark: u64 },
    /// All was said, and the body ends as framed.
    Finished,
    /// All was said; once it has left, the framing breaks.
    Breaking { mark: u64 },
}

impl Relayed {
    pub(crate) fn new(
        core: Core,
        source: Source,
        zero: Instant,
        phases: Phases,
        client: Client,
        account: Account,
        read_on: Option<Duration>,
    ) -> Self {
        let state = State::Open { mark: client.mark() };
        let ending = Box::pin(phases.clone().reached(Phase::Ending));
        let account = Some(account);
        Self {
            core,
            source,
            zero,
            alarm: None,
            phases,
            ending,
            client,
            account,
            read_on,
            state,
            ends: Vec::new(),
        }
    }

    /// What is there of the provider, or of the relay's own end.
    fn input(&mut self, cx: &mut Context<'_>) -> Input {
        if self.phases.now() == Phase::Ending {
            return Input::Shutdown;
        }
        if let Source::Asking(answer) = &mut self.source {
            match answer.as_mut().poll(cx) {
                Poll::Ready(Ok((body, sent_at))) => {
                    self.core.answered(sent_at.saturating_duration_since(self.zero));
                    self.source = Source::Body(body);
                }
                Poll::Ready(Err(error)) => return Input::Refused(error),
                Poll::Pending => return Input::Silence,
            }
        }
        match &mut self.source {
            Source::Body(body) => input_of(body, cx),
            Source::Asking(_) | Source::Gone => Input::End,
        }
    }

    /// Ready when the core or a stop of the relay wants attention.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ending.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(at) = self.core.wake_at() else { return Poll::Pending };
        let at = self.zero + at;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if alarm.deadline() != at {
            alarm.as_mut().reset(at);
        }
        alarm.as_mut().poll(cx)
    }

    /// Takes the end together with the last bytes where it is known: hyper does not ask for more
    /// than a `Content-Length` promises, and a stream of events has none.
    fn look_ahead(&mut self, now: Duration) {
        if self.core.is_opaque() && matches!(&self.source, Source::Body(body) if is_whole(body)) {
            let end = self.core.feed(now, Input::End);
            if end.emit.is_none() {
                self.apply(&end);
            }
        }
    }

    /// What the core makes of an input. The end closes the account, so what goes out with it is told before.
    fn feed(&mut self, now: Duration, input: Input) -> Output {
        let mut output = self.core.feed(now, input);
        self.tell(now, &output);
        self.apply(&output);
        self.ends = std::mem::take(&mut output.ends);
        output
    }

    /// What the account has to know of what the core decided.
    fn tell(&mut self, now: Duration, output: &Output) {
        let Some(account) = &mut self.account else { return };
        if let Some(note) = output.note {
            account.note(note);
        }
        if let Some(bytes) = &output.emit {
            let own = output.note.is_some() || output.then != Then::Continue;
            account.relayed(self.zero + now, bytes.len(), own);
        }
        account.events = self.core.events();
    }

    fn apply(&mut self, output: &Output) {
        let mark = match (self.state, &output.emit) {
            (State::Open { mark }, None) => mark,
            _ => self.client.mark(),
        };
        self.state = match output.then {
            Then::Continue => State::Open { mark },
            Then::Finish(_) => State::Finished,
            Then::Break(_) => State::Breaking { mark },
        };
        if let (Then::Finish(reason) | Then::Break(reason), Some(account)) =
            (output.then, &mut self.account)
        {
            account.end_as(reason, self.core.verdict(reason));
        }
        if output.then != Then::Continue {
            self.source = Source::Gone;
        }
    }
}

impl Drop for Relayed {
    /// A body that is dropped before its end has lost its client.
    fn drop(&mut self) {
        let source = std::mem::replace(&mut self.source, Source::Gone);
        if let (Some(budget), Source::Body(body), State::Open { .. }, Some(account)) =
            (self.read_on, source, self.state, self.account.take())
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(read_on(body, account, budget, self.phases.clone()));
        }
    }
}

impl crate::resume::Pumped for Relayed {
    fn take_ends(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.ends)
    }

    fn refused(&mut self) {
        if let Some(account) = &mut self.account {
            account.end(EndReason::StoreFailed);
        }
    }

    fn give_up(&mut self) -> Option<Bytes> {
        self.feed(self.zero.elapsed(), Input::Abandoned).emit
    }
}

/// Whether all has come that the provider's framing promised. HTTP/2 may tell of the end only after the
/// last byte of a known length.
fn is_whole(body: &reqwest::Body) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

/// What is there of a provider's body.
fn input_of(body: &mut reqwest::Body, cx: &mut Context<'_>) -> Input {
    loop {
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Input::Bytes(bytes),
                // Trailers; dropped, as RFC 9110 6.5.1 allows.
                Err(_) => {}
            },
            Poll::Ready(Some(Err(_))) => return Input::Failed,
            Poll::Ready(None) => return Input::End,
            Poll::Pending => return Input::Silence,
        }
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = BrokenOff;

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        loop {
            match self.state {
                State::Finished => return Poll::Ready(None),
                // hyper drops what it has not flushed when a body fails.
                State::Breaking { mark } => {
                    ready!(self.client.poll_flushed(mark, cx));
                    return Poll::Ready(Some(Err(BrokenOff)));
                }
                State::Open { .. } => {}
            }
            let input = self.input(cx);
            let silent = matches!(input, Input::Silence);
            let now = self.zero.elapsed();
            let output = self.feed(now, input);
            if let Some(bytes) = output.emit {
                self.look_ahead(now);
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if silent && output.then == Then::Continue {
                ready!(self.poll_alarm(cx));
            }
        }
    }
}

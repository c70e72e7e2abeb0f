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

use super::{Core, EndReason, Input, Output, Then};
use crate::{
    metrics::Account,
    state::{Phase, Phases},
    wire::Client,
};

/// Why the framing of a body was left unfinished.
#[derive(Debug, thiserror::Error)]
#[error("the stream was broken off: {}", .0.code())]
pub(crate) struct BrokenOff(EndReason);

/// The client's body. It takes from the provider only when the client's side asks, so what is
/// held is one piece of the provider and what hyper buffers. Dropped, it drops the provider's
/// connection with it.
pub(crate) struct Relayed {
    core: Core,
    /// Dropped as soon as the end is known.
    upstream: Option<reqwest::Body>,
    /// Time zero of the core.
    sent_at: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
    phases: Phases,
    ending: Pin<Box<dyn Future<Output = ()> + Send>>,
    client: Client,
    account: Account,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Passing on; the mark is that of the last thing given to hyper.
    Open { mark: u64 },
    /// All was said, and the body ends as framed.
    Finished,
    /// All was said; once it has left, the framing breaks.
    Breaking { mark: u64, reason: EndReason },
}

impl Relayed {
    pub(crate) fn new(
        core: Core,
        upstream: reqwest::Body,
        sent_at: Instant,
        phases: Phases,
        client: Client,
        account: Account,
    ) -> Self {
        let state = State::Open { mark: client.mark() };
        let ending = Box::pin(phases.clone().reached(Phase::Ending));
        let upstream = Some(upstream);
        Self { core, upstream, sent_at, alarm: None, phases, ending, client, account, state }
    }

    /// What is there of the provider, or of the relay's own end.
    fn input(&mut self, cx: &mut Context<'_>) -> Input {
        if self.phases.now() == Phase::Ending {
            return Input::Shutdown;
        }
        let Some(upstream) = &mut self.upstream else { return Input::End };
        loop {
            match Pin::new(&mut *upstream).poll_frame(cx) {
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

    /// Ready when the core or a stop of the relay wants attention.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ending.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(at) = self.core.wake_at() else { return Poll::Pending };
        let at = self.sent_at + at;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if alarm.deadline() != at {
            alarm.as_mut().reset(at);
        }
        alarm.as_mut().poll(cx)
    }

    /// Takes the end together with the last bytes where it is known: hyper does not ask for more
    /// than a `Content-Length` promises.
    fn look_ahead(&mut self, now: Duration) {
        if self.upstream.as_ref().is_some_and(Body::is_end_stream) {
            let end = self.core.feed(now, Input::End);
            if end.emit.is_none() {
                self.apply(&end);
            }
        }
    }

    fn elapsed(&self) -> Duration {
        self.sent_at.elapsed()
    }

    fn apply(&mut self, output: &Output) {
        let mark = match (self.state, &output.emit) {
            (State::Open { mark }, None) => mark,
            _ => self.client.mark(),
        };
        self.state = match output.then {
            Then::Continue => State::Open { mark },
            Then::Finish(reason) => {
                self.account.end(reason);
                State::Finished
            }
            Then::Break(reason) => {
                self.account.end(reason);
                State::Breaking { mark, reason }
            }
        };
        if output.then != Then::Continue {
            self.upstream = None;
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
                State::Breaking { mark, reason } => {
                    ready!(self.client.poll_flushed(mark, cx));
                    return Poll::Ready(Some(Err(BrokenOff(reason))));
                }
                State::Open { .. } => {}
            }
            let input = self.input(cx);
            let silent = matches!(input, Input::Silence);
            let now = self.elapsed();
            let output = self.core.feed(now, input);
            self.apply(&output);
            if let Some(bytes) = output.emit {
                self.account.relayed(bytes.len());
                self.look_ahead(now);
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if silent && output.then == Then::Continue {
                ready!(self.poll_alarm(cx));
            }
        }
    }
}

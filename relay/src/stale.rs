//! Tells a call that failed on a used connection, which the provider was just closing, from one that
//! failed otherwise.
//!
//! No client tells on what kind of connection a request went out; but its connector knows when it
//! dials. It says so by [`dialing`], and a call in whose time nobody dialed went out on a used one.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Instant;
use tower::Service;

use crate::serve::BoxError;

/// How soon it shows that a connection was closed as the request went out: a round trip, and room for
/// a busy machine. Later the provider may be at work on the request.
const SHOWS_WITHIN: Duration = Duration::from_secs(1);

thread_local! {
    /// Whether the call that is being polled dials.
    static DIALS: Cell<bool> = const { Cell::new(false) };
}

/// Says that the call at hand makes a connection of its own. For connectors, when they are called.
pub fn dialing() {
    DIALS.set(true);
}

/// The error of a call on a used connection that broke at once.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Stale(#[source] BoxError);

/// A client whose connector says when it dials: its errors are [`Stale`] where they mean that.
#[derive(Debug, Clone)]
pub struct TellsStale<S>(pub S);

impl<S> Service<reqwest::Request> for TellsStale<S>
where
    S: Service<reqwest::Request>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Call<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: reqwest::Request) -> Self::Future {
        Call { inner: Box::pin(self.0.call(request)), begun: Instant::now(), dialed: false }
    }
}

/// A call, and whether it dialed.
#[derive(Debug)]
pub struct Call<F> {
    inner: Pin<Box<F>>,
    begun: Instant,
    dialed: bool,
}

impl<T, E: Into<BoxError>, F: Future<Output = Result<T, E>>> Future for Call<F> {
    type Output = Result<T, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        DIALS.set(false);
        let polled = self.inner.as_mut().poll(cx);
        self.dialed |= DIALS.take();
        let is_stale = !self.dialed && self.begun.elapsed() < SHOWS_WITHIN;
        Poll::Ready(
            ready!(polled)
                .map_err(Into::into)
                .map_err(|error: BoxError| if is_stale { Box::new(Stale(error)) } else { error }),
        )
    }
}

//! What the answers on one connection ask of it, and what it tells them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use h2::Reason;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::journal::PeerEnd;

/// Headers that say how HTTP/1 carries an answer (RFC 9113 8.2.2).
pub(super) const OF_HTTP_1: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// How an answer ends on its stream or with its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The stream's proper end.
    EndStream,
    /// The stream's end by `RST_STREAM`.
    ResetStream(Reason),
    /// The connection's FIN; all its streams are cut.
    Fin,
    /// The same, and the connection is kept for reading.
    HalfClose,
    /// No more streams; with an error code the connection is closed too.
    GoAway(Reason),
}

/// What is said of a stream's end, shared by who plays on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending(Arc<Mutex<Said>>);

#[derive(Debug)]
struct Said {
    how: Order,
    /// What a proper end carries.
    trailers: HeaderMap,
}

impl Default for Said {
    fn default() -> Self {
        Self { how: Order::Fin, trailers: HeaderMap::new() }
    }
}

impl Ending {
    fn held(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn say(&self, how: Order) {
        self.held().how = how;
    }

    pub(super) fn said(&self) -> Order {
        self.held().how
    }

    /// The trailers, of which HTTP/2 carries those that are not HTTP/1's own.
    pub(crate) fn trail<'a>(&self, trailers: impl Iterator<Item = (&'a str, &'a str)>) {
        let field = |(name, value): (&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
            (!OF_HTTP_1.contains(&name.as_str())).then_some((name, value))
        };
        self.held().trailers = trailers.filter_map(field).collect();
    }

    pub(super) fn trailers(&self) -> HeaderMap {
        std::mem::take(&mut self.held().trailers)
    }
}

/// Shared by a connection and its streams.
#[derive(Debug, Default)]
pub(crate) struct Orders(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    order: Option<Order>,
    is_done: bool,
    /// Whether an answer's end has closed the connection.
    is_cut: bool,
    is_over: bool,
    gone: Option<PeerEnd>,
    /// How often something was queued, and how much of that has left.
    handed: u64,
    left: u64,
    driver: Option<Waker>,
    waiting: Vec<Waker>,
}

impl State {
    fn wake(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}

impl Orders {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who drives the connection.
    pub(super) fn drives(&self, waker: &Waker) {
        self.state().driver = Some(waker.clone());
    }

    /// Something was queued; returns the count so far.
    pub(super) fn hand(&self) -> u64 {
        let mut state = self.state();
        state.handed += 1;
        if let Some(driver) = state.driver.take() {
            driver.wake();
        }
        state.handed
    }

    pub(super) fn handed(&self) -> u64 {
        self.state().handed
    }

    /// All that was queued up to this count has left.
    pub(super) fn left(&self, handed: u64) {
        let mut state = self.state();
        if state.left < handed {
            state.left = handed;
            state.wake();
        }
    }

    /// Whether what was queued up to this count has left; if not, the waker is woken when it has.
    pub(super) fn has_left(&self, handed: u64, waker: &Waker) -> bool {
        let mut state = self.state();
        let left = state.left >= handed || state.is_over || state.is_cut;
        if !left {
            state.waiting.push(waker.clone());
        }
        left
    }

    /// Asks for something that concerns the connection.
    pub(super) fn give(&self, order: Order) {
        {
            let mut state = self.state();
            state.order = Some(order);
            state.is_done = false;
        }
        self.hand();
    }

    pub(super) fn take(&self) -> Option<Order> {
        self.state().order.take()
    }

    /// Whether what was asked for is done.
    pub(super) fn is_done(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        let done = state.is_done || state.is_over || state.is_cut;
        if !done {
            state.waiting.push(waker.clone());
        }
        done
    }

    pub(super) fn done(&self) {
        let mut state = self.state();
        state.is_done = true;
        state.wake();
    }

    pub(super) fn cut(&self) {
        let mut state = self.state();
        state.is_cut = true;
        state.wake();
    }

    pub(super) fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    pub(super) fn over(&self) {
        let mut state = self.state();
        state.is_over = true;
        state.wake();
    }

    /// How the peer went, as the socket showed it first.
    pub(super) fn peer_went(&self, how: PeerEnd) {
        let mut state = self.state();
        state.gone.get_or_insert(how);
        state.wake();
    }

    pub(crate) fn gone(&self) -> Option<PeerEnd> {
        self.state().gone
    }

    pub(super) fn watch(&self, waker: &Waker) {
        let mut state = self.state();
        if !state.waiting.iter().any(|other| other.will_wake(waker)) {
            state.waiting.push(waker.clone());
        }
    }
}

//! What a Rust application sees through the `eventsource-stream` crate.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use eventsource_stream::{EventStream, EventStreamError, Eventsource as _};
use futures_util::Stream;

use super::application::Application;
use crate::{
    http1::ResponseHead,
    trace::{BodyEnd, Sight},
};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Feeds the body of a 2xx answer to the crate as it came; an application looks at the status
/// before it parses.
pub(super) struct EventsourceStream {
    feed: Feed,
    parser: Option<EventStream<Feed>>,
    /// The first bytes of the body, up to the length of a byte order mark.
    start: Vec<u8>,
}

impl Default for EventsourceStream {
    fn default() -> Self {
        let feed = Feed::default();
        Self { parser: Some(feed.clone().eventsource()), feed, start: Vec::new() }
    }
}

/// The body as a stream, fed from outside.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<Fed>>);

#[derive(Default)]
struct Fed {
    pieces: VecDeque<Result<Bytes, String>>,
    ended: bool,
}

impl Feed {
    fn with<T>(&self, change: impl FnOnce(&mut Fed) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stream for Feed {
    type Item = Result<Bytes, String>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.with(|fed| match fed.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(piece)),
            None if fed.ended => Poll::Ready(None),
            None => Poll::Pending,
        })
    }
}

impl EventsourceStream {
    /// All that the crate dispatches from what it was fed.
    fn drain(&mut self) -> Vec<Sight> {
        let mut sights = Vec::new();
        while let Some(parser) = &mut self.parser {
            let mut context = Context::from_waker(Waker::noop());
            let polled =
                catch_unwind(AssertUnwindSafe(|| Pin::new(parser).poll_next(&mut context)));
            match polled {
                Ok(Poll::Pending) => break,
                Ok(Poll::Ready(Some(Ok(event)))) => {
                    let eventsource_stream::Event { event, data, id, retry: _ } = event;
                    sights.push(Sight::Event { event, id, data });
                }
                Ok(Poll::Ready(Some(Err(error)))) => {
                    // After its source has failed an application polls no more.
                    if matches!(error, EventStreamError::Transport(_)) {
                        self.parser = None;
                    }
                    sights.push(Sight::Error { text: error.to_string() });
                }
                Ok(Poll::Ready(None)) => {
                    self.parser = None;
                    sights.push(Sight::End);
                }
                Err(_) => sights.push(self.panicked()),
            }
        }
        sights
    }

    fn panicked(&mut self) -> Sight {
        self.parser = None;
        Sight::Error { text: "eventsource-stream panics".to_owned() }
    }

    /// Whether the body begins with a byte order mark: eventsource-stream 0.2.3 cuts it off as one
    /// byte of three, and panics. It is not let run into that: a panic hook would hear it.
    fn begins_with_a_mark(&mut self, bytes: &[u8]) -> bool {
        let missing = BYTE_ORDER_MARK.len() - self.start.len();
        self.start.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        missing > 0 && self.start == BYTE_ORDER_MARK
    }
}

impl Application for EventsourceStream {
    fn head(&mut self, head: &ResponseHead) -> Vec<Sight> {
        if !(200..300).contains(&head.status) {
            self.parser = None;
        }
        Vec::new()
    }

    fn body(&mut self, bytes: &Bytes) -> Vec<Sight> {
        if self.parser.is_none() {
            return Vec::new();
        }
        if self.begins_with_a_mark(bytes) {
            return vec![self.panicked()];
        }
        self.feed.with(|fed| fed.pieces.push_back(Ok(bytes.clone())));
        self.drain()
    }

    fn ended(&mut self, how: BodyEnd) -> Vec<Sight> {
        self.feed.with(|fed| {
            match how {
                BodyEnd::Complete => {}
                BodyEnd::Truncated => {
                    fed.pieces.push_back(Err("unexpected end of file".to_owned()))
                }
                BodyEnd::Reset => fed.pieces.push_back(Err("connection reset".to_owned())),
                BodyEnd::Garbled => fed.pieces.push_back(Err("invalid HTTP".to_owned())),
            }
            fed.ended = true;
        });
        self.drain()
    }
}

#[cfg(test)]
mod tests;

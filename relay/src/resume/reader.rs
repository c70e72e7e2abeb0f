//! The body of a client that reads a stream out of the store.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame};

use super::{
    EventId, StreamId,
    live::Attached,
    store::{End, Opened, Place, Read, Store, StoreError},
};
use crate::{
    stream::{Family, body::BrokenOff, boundary::Boundary},
    wire::Client,
};

/// Reads from a place on to the stream's end, and ends as the stream did.
///
/// If the rest cannot be had, it says so in an event and breaks its framing; it never ends well.
pub(crate) struct Reader {
    store: Arc<dyn Store>,
    stream: StreamId,
    opened: Opened,
    /// Where the stream is written here; else nobody waits for this reader.
    attached: Option<Attached>,
    /// The store keeps the stream meanwhile.
    place: Option<Place>,
    client: Client,
    /// The mark of the last thing given to hyper.
    mark: u64,
    boundary: Boundary,
    state: State,
}

enum State {
    Idle,
    Reading(BoxFuture<'static, Result<Read, StoreError>>),
    Finished,
    /// Once everything has left, the framing breaks.
    Breaking,
}

impl Reader {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        stream: StreamId,
        opened: Opened,
        attached: Option<Attached>,
        place: Place,
        client: Client,
    ) -> Self {
        let place = Some(place);
        let mark = client.mark();
        let state = State::Idle;
        let mut boundary = Boundary::new(Family::Opaque);
        if opened.offset > 0 {
            boundary.lines.begin();
        }
        Self { store, stream, opened, attached, place, client, mark, boundary, state }
    }

    fn begin_read(&self) -> State {
        let (store, stream, offset) = (Arc::clone(&self.store), self.stream, self.opened.offset);
        if let Some(attached) = &self.attached {
            attached.at(offset);
        }
        State::Reading(Box::pin(async move { store.read(stream, offset).await }))
    }

    /// What goes to the client because of what was read.
    fn take(&mut self, read: Result<Read, StoreError>) -> Option<Bytes> {
        match read {
            Ok(Read::Bytes(bytes)) => {
                self.opened.offset += bytes.len() as u64;
                self.boundary.read(&bytes);
                self.state = State::Idle;
                Some(bytes)
            }
            Ok(Read::End(End::Whole)) => {
                self.state = State::Finished;
                None
            }
            Ok(Read::End(End::Broken)) => {
                self.state = State::Breaking;
                None
            }
            Err(error) => {
                self.state = State::Breaking;
                Some(self.news(&error)).filter(|bytes| !bytes.is_empty())
            }
        }
    }

    /// What tells the client why the rest cannot be had. That a writer is lost has a number, as the
    /// last event: a client that comes back behind it is told that it had all.
    fn news(&self, error: &StoreError) -> Bytes {
        let closing = self.boundary.closing(true);
        let farewell = &self.opened.label.farewell[..];
        let (StoreError::WriterLost { last_event }, Some(open)) =
            (error, farewell.strip_suffix(b"\n"))
        else {
            return [closing, farewell].concat().into();
        };
        let id = EventId { stream: self.stream, number: last_event + 1 };
        [closing, open, format!("id: {id}\n\n").as_bytes()].concat().into()
    }
}

impl Body for Reader {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        loop {
            match &mut self.state {
                State::Idle => self.state = self.begin_read(),
                State::Reading(read) => {
                    let read = ready!(read.as_mut().poll(cx));
                    if let Some(bytes) = self.take(read) {
                        self.mark = self.client.mark();
                        self.client.give(bytes.len() as u64);
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                }
                State::Finished => {
                    (self.attached, self.place) = (None, None);
                    return Poll::Ready(None);
                }
                State::Breaking => {
                    ready!(self.client.poll_flushed(self.mark, cx));
                    return Poll::Ready(Some(Err(BrokenOff)));
                }
            }
        }
    }
}

//! Streams that a client can come back to: each is kept for a while, and read from any event on.
//!
//! A [`pump`] of its own carries each stream from the provider into the [`Store`]; every client, the
//! first one too, is a [`reader`] of the store. `Resume::begin` names a new stream, `Resume::carry`
//! keeps it, `Resume::rest` answers a POST that names one of its events, and `Resume::get` answers
//! by the stream's name.
//!
//! What it does not do: it never asks the provider again, and never sends what it did not get.

mod id;
mod live;
pub mod memory;
mod order;
mod owner;
mod pump;
mod reader;
#[cfg(feature = "redis")]
pub mod redis;
pub mod store;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::task::JoinSet;

pub(crate) use self::pump::Pumped;
pub use self::{
    id::{EventId, NotAnId, StreamId},
    memory::{Bounds, MemoryStore},
    owner::Owner,
    store::{Store, StoreError},
};
use self::{
    live::{Attached, Live},
    pump::Pump,
    reader::Reader,
    store::{Label, Opened, Place},
};
use crate::{
    access::{self, Caller},
    config::Config,
    errors::Failure,
    headers,
    lock::Locked as _,
    reached::reached,
    unsaid::Unsaid,
    wire::Client,
};

/// The header that names the stream of an answer.
const STREAM_ID: HeaderName = HeaderName::from_static("x-stream-id");

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How many names are tried for a stream. Relays that share a store and a seed make the same ones.
const NAMES: usize = 16;

/// The streams that are written here.
type Lives = BTreeMap<StreamId, Arc<Live>>;

/// A stream's place among those; dropped with its pump.
struct Listed(Arc<Mutex<Lives>>, StreamId);

impl Drop for Listed {
    fn drop(&mut self) {
        self.0.locked().remove(&self.1);
    }
}

/// A stream that has its place in the store, and of which nothing has come yet.
pub(crate) struct Begun {
    pub(crate) stream: StreamId,
    label: Label,
}

/// The streams of one relay.
#[derive(Debug)]
pub(crate) struct Resume {
    store: Arc<dyn Store>,
    seed: u64,
    window: usize,
    wait: Duration,
    begun: AtomicU64,
    live: Arc<Mutex<Lives>>,
    /// Dropped with the relay, and the pumps with it.
    pumps: Mutex<JoinSet<()>>,
}

impl Resume {
    pub(crate) fn new(config: &Config) -> Self {
        let own = || Arc::new(MemoryStore::new(Bounds::of(config))) as Arc<dyn Store>;
        Self {
            store: config.store.clone().unwrap_or_else(own),
            seed: config.seed,
            window: config.resume_bytes / 2,
            wait: config.resume_wait,
            begun: AtomicU64::new(0),
            live: Arc::default(),
            pumps: Mutex::default(),
        }
    }

    /// Gives a new stream its name and its place in the store.
    ///
    /// # Errors
    /// The store has no room or cannot be used.
    pub(crate) async fn begin(&self, caller: Caller, farewell: Bytes) -> Result<Begun, StoreError> {
        for _ in 0..NAMES {
            let stream = StreamId::new(self.seed, self.begun.fetch_add(1, Ordering::Relaxed));
            let label = Label { farewell: farewell.clone(), owner: caller.owner(stream) };
            match self.store.begin(stream, label.clone()).await {
                Err(StoreError::Exists) => {}
                begun => return begun.map(|()| Begun { stream, label }),
            }
        }
        Err(StoreError::Exists)
    }

    /// Carries a stream that has begun from its source into the store, from now on; the body is that
    /// of the first client. What the store took counts as flushed to `pumped`.
    pub(crate) fn carry<S>(
        &self,
        Begun { stream, label }: Begun,
        source: S,
        pumped: Client,
        client: &Client,
    ) -> Body
    where
        S: Pumped<Error: Send> + Send + Unpin + 'static,
    {
        let live = Arc::new(Live::default());
        let attached = Attached::new(Arc::clone(&live), 0);
        self.live.locked().insert(stream, Arc::clone(&live));
        let listed = Listed(Arc::clone(&self.live), stream);
        let place = self.store.attach(stream);
        let store = Arc::clone(&self.store);
        let pump = Pump { stream, store, live, window: self.window, wait: self.wait };
        let mut pumps = self.pumps.locked();
        while pumps.try_join_next().is_some() {}
        pumps.spawn(async move {
            let _listed = listed;
            pump.run(source, pumped).await;
        });
        drop(pumps);
        let opened = Opened { offset: 0, label };
        Body::new(self.reader(stream, opened, Some(attached), place, client))
    }

    /// Answers `GET /v1/streams/{id}`: from the event that `Last-Event-ID` names, else from the
    /// beginning. Who shows a key must be the caller who began the stream; a browser's `EventSource`
    /// can show none, and the stream's name must do.
    pub(crate) async fn get(
        &self,
        id: &str,
        headers: &HeaderMap,
        client: &Client,
    ) -> Result<Response, Failure> {
        let event = event_of(id, headers)?;
        let shows = headers.contains_key(header::AUTHORIZATION);
        let caller = Caller::of(access::shown(headers));
        self.rest(event, shows.then_some(caller), client).await
    }

    /// Answers with what follows an event, to the caller who began the stream.
    pub(crate) async fn rest(
        &self,
        event: EventId,
        caller: Option<Caller>,
        client: &Client,
    ) -> Result<Response, Failure> {
        let stream = event.stream;
        let place = self.store.attach(stream);
        let opened = match self.store.open(stream, event.number).await {
            // EventSource reconnects after any end but this one (HTML 9.2.3).
            Err(StoreError::Over) => {
                let body = Body::new(Unsaid);
                return Ok(response(StatusCode::NO_CONTENT, HeaderMap::new(), None, body));
            }
            opened => opened?,
        };
        if caller.is_some_and(|caller| caller.owner(stream) != opened.label.owner) {
            reached!("a kept stream is asked for with another key");
            // As if it were not there: to others it is not.
            return Err(Failure::StreamUnknown);
        }
        let live = self.live.locked().get(&stream).cloned();
        if live.is_some() {
            reached!("a reader comes back to a stream that still runs");
        } else {
            reached!("a reader comes back to what is kept of a stream");
        }
        let attached = live.map(|live| Attached::new(live, opened.offset));
        let body = Body::new(self.reader(stream, opened, attached, place, client));
        let mut head = HeaderMap::new();
        head.insert(header::CONTENT_TYPE, headers::EVENT_STREAM);
        head.insert(header::CACHE_CONTROL, headers::NO_CACHE);
        headers::mark_event_stream(&mut head);
        Ok(response(StatusCode::OK, head, Some(stream), body))
    }

    fn reader(
        &self,
        stream: StreamId,
        opened: Opened,
        attached: Option<Attached>,
        place: Place,
        client: &Client,
    ) -> Reader {
        Reader::new(Arc::clone(&self.store), stream, opened, attached, place, client.clone())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unknown | StoreError::Exists | StoreError::Over => Self::StreamUnknown,
            StoreError::Dropped | StoreError::WriterLost { .. } => Self::StreamDropped,
            StoreError::Full | StoreError::Unavailable(_) => Self::StoreUnavailable,
        }
    }
}

/// The event that a request names, if it is one of ours.
pub(crate) fn named_event(headers: &HeaderMap) -> Option<EventId> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
}

fn event_of(id: &str, headers: &HeaderMap) -> Result<EventId, Failure> {
    let stream: StreamId = id.parse().map_err(|_| Failure::StreamUnknown)?;
    let Some(last) = headers.get(LAST_EVENT_ID) else { return Ok(EventId { stream, number: 0 }) };
    let event: Option<EventId> = last.to_str().ok().and_then(|text| text.parse().ok());
    event.filter(|event| event.stream == stream).ok_or(Failure::OtherEvent)
}

/// An answer, with the name of its stream if that is kept.
pub(crate) fn response(
    status: StatusCode,
    headers: HeaderMap,
    stream: Option<StreamId>,
    body: Body,
) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Some(stream) = stream {
        let name = HeaderValue::try_from(stream.to_string());
        let name = name.expect("hexadecimal digits stand in a header");
        response.headers_mut().insert(STREAM_ID, name);
    }
    response
}

#[cfg(test)]
mod tests;

//! Spreads exchanges over several clients of one provider. One client has one connection of HTTP/2 to it, and
//! what is more than the provider allows there waits without a word, until its budget is over.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use tower::Service;

use crate::lock::Locked as _;

/// How many exchanges one client has under way before the next gets some: what a provider should allow
/// on a connection at least (RFC 9113 6.5.2).
const MOST: usize = 100;

/// A client for as many exchanges as there are. A clone shares its clients.
pub struct Spread<S> {
    lanes: Arc<Mutex<Vec<Lane<S>>>>,
    /// Makes one more client; none where that fails.
    more: Arc<dyn Fn() -> Option<S> + Send + Sync>,
}

#[derive(Debug)]
struct Lane<S> {
    service: S,
    /// Each exchange under way holds one.
    place: Arc<()>,
}

impl<S> Lane<S> {
    fn under_way(&self) -> usize {
        Arc::strong_count(&self.place) - 1
    }
}

impl<S: Clone> Spread<S> {
    /// Begins with that client.
    pub fn new(first: S, more: impl Fn() -> Option<S> + Send + Sync + 'static) -> Self {
        let lanes = vec![Lane { service: first, place: Arc::default() }];
        Self { lanes: Arc::new(Mutex::new(lanes)), more: Arc::new(more) }
    }

    /// The first client that has room, so that few have connections; else a new one; else the least busy.
    fn pick(&self) -> (S, Arc<()>) {
        let mut lanes = self.lanes.locked();
        if lanes.iter().all(|lane| lane.under_way() >= MOST)
            && let Some(service) = (self.more)()
        {
            lanes.push(Lane { service, place: Arc::default() });
        }
        let has_room = lanes.iter().find(|lane| lane.under_way() < MOST);
        let lane = has_room.or_else(|| lanes.iter().min_by_key(|lane| lane.under_way()));
        let lane = lane.expect("there is the first one");
        (lane.service.clone(), Arc::clone(&lane.place))
    }
}

impl<S> Clone for Spread<S> {
    fn clone(&self) -> Self {
        Self { lanes: Arc::clone(&self.lanes), more: Arc::clone(&self.more) }
    }
}

impl<S> fmt::Debug for Spread<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spread")
            .field("clients", &self.lanes.locked().len())
            .finish_non_exhaustive()
    }
}

impl<S> Service<reqwest::Request> for Spread<S>
where
    S: Service<reqwest::Request, Response = reqwest::Response> + Clone,
    S::Future: Send + 'static,
{
    type Response = reqwest::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<reqwest::Response, S::Error>> + Send>>;

    /// Clients of HTTP always are; they wait in their calls.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: reqwest::Request) -> Self::Future {
        let (mut service, place) = self.pick();
        let answer = service.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            // A connection of HTTP/1.1 carries one exchange at a time anyway.
            if answer.version() != Version::HTTP_2 {
                return Ok(answer);
            }
            let answer = http::Response::<reqwest::Body>::from(answer);
            Ok(answer.map(|body| reqwest::Body::wrap(Placed { body, _place: place })).into())
        })
    }
}

/// A body that holds its exchange's place.
struct Placed {
    body: reqwest::Body,
    _place: Arc<()>,
}

impl Body for Placed {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_client_is_made_only_when_all_are_busy_and_places_come_back() {
        let made = Arc::new(Mutex::new(0));
        let count = Arc::clone(&made);
        // The second one more cannot be made.
        let spread = Spread::new(0, move || {
            *count.locked() += 1;
            (*count.locked() == 1).then_some(1)
        });
        let mut places: Vec<_> = (0..2 * MOST).map(|_| spread.pick()).collect();
        let clients: Vec<_> = places.iter().map(|(client, _)| *client).collect();
        assert_eq!(clients, [vec![0; MOST], vec![1; MOST]].concat());
        assert_eq!(*made.locked(), 1);

        let (client, _place) = spread.pick();
        assert_eq!(
            (client, *made.locked()),
            (0, 2),
            "the least busy takes what nobody has room for"
        );
        places.truncate(MOST - 10);
        let next: Vec<_> = (0..3).map(|_| spread.pick()).collect();
        assert!(next.iter().all(|(client, _)| *client == 0), "the first with room");
        assert_eq!(*made.locked(), 2);
    }
}

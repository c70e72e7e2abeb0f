//! How many streams one address may have at once.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, StatusCode, header};

use super::{error_object, json};

/// A cap, and what its relay makes of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::broken) struct Cap {
    /// How many; any number where it is `None`.
    pub(in crate::broken) most: Option<usize>,
    /// Whether a place is given back when its stream is dropped half read.
    pub(in crate::broken) gives_back: bool,
    /// Whether a refusal says when to come again.
    pub(in crate::broken) says_when: bool,
}

type Taken = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

/// Puts the cap around a router.
pub(in crate::broken) fn around(router: Router, cap: Cap) -> Router {
    let state = (cap, Taken::default());
    router.layer(from_fn_with_state(
        state,
        async |State((cap, taken)): State<(Cap, Taken)>, request: Request, next: Next| {
            let Some(most) = cap.most else { return next.run(request).await };
            let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
            let address =
                peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
            let Some(place) = Place::take(&taken, address, most, cap.gives_back) else {
                return refusal(cap.says_when);
            };
            next.run(request).await.map(|body| held(body, place))
        },
    ))
}

fn refusal(says_when: bool) -> Response {
    let error = error_object("too many streams of this address", "rate_limit_error");
    let mut response = json(StatusCode::TOO_MANY_REQUESTS, &error);
    if says_when {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A body that holds a place until it has been read to its end.
fn held(body: Body, place: Place) -> Body {
    let reading = (body.into_data_stream(), place);
    Body::from_stream(stream::unfold(reading, async |(mut body, mut place)| {
        let item = body.next().await;
        if item.is_none() {
            place.gives_back = true;
        }
        Some((item?, (body, place)))
    }))
}

/// One place.
struct Place {
    taken: Taken,
    address: IpAddr,
    gives_back: bool,
}

impl Place {
    fn take(taken: &Taken, address: IpAddr, most: usize, gives_back: bool) -> Option<Self> {
        let mut counts = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Self { taken: Arc::clone(taken), address, gives_back })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address).filter(|_| self.gives_back) {
            *count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::broken::parts::{
        right,
        testing::{Act, DONE, Provider, Reply, chat, send},
    };

    const RIGHT: Cap = Cap { most: Some(1), gives_back: true, says_when: true };

    /// Statuses of three requests: while the first is read, and after it was dropped half read.
    async fn statuses(cap: Cap) -> [u16; 3] {
        let endless = Reply::stream(vec![send("data: 1\n\n"), Act::Hang]);
        let relay = around(right(Provider::new(vec![endless]).setup()), cap);
        let ask = async || relay.clone().oneshot(chat()).await.unwrap();
        let first = ask().await;
        let status = first.status().as_u16();
        let mut body = first.into_body().into_data_stream();
        body.next().await.unwrap().unwrap();
        let second = ask().await.status().as_u16();
        drop(body);
        [status, second, ask().await.status().as_u16()]
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_given_back_when_its_stream_is_dropped() {
        assert_eq!(statuses(RIGHT).await, [200, 429, 200]);
        assert_eq!(statuses(Cap { gives_back: false, ..RIGHT }).await, [200, 429, 429]);
        assert_eq!(statuses(Cap { most: None, ..RIGHT }).await, [200, 200, 200]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_given_back_at_the_end_in_any_case() {
        let whole = Reply::stream(vec![send(DONE)]);
        let cap = Cap { gives_back: false, ..RIGHT };
        let relay = around(right(Provider::new(vec![whole]).setup()), cap);
        for _ in 0..3 {
            let response = relay.clone().oneshot(chat()).await.unwrap();
            assert_eq!(response.status(), 200);
            axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_says_when_to_come_again_or_not() {
        for (says_when, said) in [(true, Some("1")), (false, None)] {
            let response = refusal(says_when);
            let header = response.headers().get("retry-after");
            assert_eq!(header.map(|value| value.to_str().unwrap()), said);
        }
    }
}

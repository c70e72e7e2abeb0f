//! One id for a request, at the client, in the log and at the provider.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{names::name, state::Relay};

const NAME: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a client, in bytes: a UUID has 36, `OpenAI`'s own ids fewer
/// than 64, and `X-Client-Request-Id` takes up to 512; a log line must not grow by more than this.
const LONGEST: usize = 128;

/// The id of a request under way.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// Gives a request its id, and the answer too, unless the provider sent one.
pub(crate) async fn give(
    State(relay): State<Arc<Relay>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = taken(request.headers())
        .map_or_else(|| made(relay.config.seed, relay.next_id()), str::to_owned);
    // Both kinds of id can stand in a header.
    let value = HeaderValue::from_str(&id).ok();
    if let Some(value) = value.clone() {
        request.headers_mut().insert(NAME, value);
    }
    request.extensions_mut().insert(RequestId(id.into()));
    let mut response = next.run(request).await;
    if let Some(value) = value {
        response.headers_mut().entry(NAME).or_insert(value);
    }
    response
}

/// The client's own id: one, short, of visible ASCII, so that it can neither break a log line nor
/// fill it.
fn taken(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(NAME).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return None };
    let id = one.to_str().ok()?;
    let sane = (1..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    sane.then_some(id)
}

/// The id of request number `ordinal`. Clients, the provider and readers of the log see it.
fn made(seed: u64, ordinal: u64) -> String {
    format!("{:032x}", name("whitewater relay request id", seed, ordinal))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (NAME, HeaderValue::from_bytes(value.as_bytes()).unwrap()))
            .collect()
    }

    #[test]
    fn a_sane_id_is_taken_and_any_other_is_not() {
        assert_eq!(taken(&with(&["req-1"])), Some("req-1"));
        let longest = "x".repeat(LONGEST);
        assert_eq!(taken(&with(&[&longest])), Some(&*longest));
        let too_long = "x".repeat(LONGEST + 1);
        for wrong in [&[""][..], &["a b"], &["a\tb"], &["é"], &[&too_long], &["a", "b"], &[]] {
            assert_eq!(taken(&with(wrong)), None, "{wrong:?}");
        }
    }

    #[test]
    fn made_ids_differ_by_request_and_seed_and_are_the_same_in_every_run() {
        assert_eq!(made(1, 2), made(1, 2));
        let all: std::collections::BTreeSet<_> =
            (0..10).flat_map(|seed| (0..10).map(move |ordinal| made(seed, ordinal))).collect();
        assert_eq!(all.len(), 100);
        assert!(all.iter().all(|id| taken(&with(&[id])) == Some(id) && id.len() == 32));
    }
}

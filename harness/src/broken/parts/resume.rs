//! Keeps streams, and gives a client that comes back what it asks for, or thinks that it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::sync::Notify;

use super::{Answer, Blocks, Body, Item, Setup, error_object, relay, right, with_error_event};

/// At which event the rest begins, of the number of the last one that the client has and of how many
/// there are by now.
pub(in crate::broken) type From = fn(last: usize, kept: usize) -> usize;

/// The right relay, which keeps streams where the switch `resume` is on.
pub(in crate::broken) fn resuming(setup: Setup, from: From) -> Router {
    if !setup.is_on("resume") {
        return right(setup);
    }
    let all = Arc::new(Mutex::new(Vec::<Arc<Kept>>::new()));
    relay(setup, move |upstream, mut call| {
        let all = Arc::clone(&all);
        async move {
            if let Some(id) = call.headers.remove("last-event-id") {
                let found = place(&id)
                    .and_then(|(stream, last)| Some((Arc::clone(locked(&all).get(stream)?), last)));
                return Ok(found.map_or_else(unknown, |(kept, last)| {
                    let begin = from(last, locked(&kept.log).events.len());
                    Answer { status: StatusCode::OK, headers: of_stream(), body: read(kept, begin) }
                }));
            }
            let answer = Answer::from(call.send(&upstream).await?);
            Ok(answer.change_stream(|body| {
                let kept = Arc::new(Kept::default());
                let mut all = locked(&all);
                tokio::spawn(fill(with_error_event(body), Arc::clone(&kept), all.len()));
                all.push(Arc::clone(&kept));
                read(kept, 0)
            }))
        }
    })
}

/// One stream.
#[derive(Default)]
struct Kept {
    log: Mutex<Log>,
    grown: Notify,
}

#[derive(Default)]
struct Log {
    events: Vec<Bytes>,
    /// Whether nothing more comes, and whether that was the provider's wish.
    over: Option<bool>,
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stream and the event that an id names: `0-7`.
fn place(id: &HeaderValue) -> Option<(usize, usize)> {
    let (stream, event) = id.to_str().ok()?.split_once('-')?;
    Some((stream.parse().ok()?, event.parse().ok()?))
}

/// Reads the provider's answer to its end, whoever is there to read it.
async fn fill(mut body: Body, kept: Arc<Kept>, stream: usize) {
    let (mut blocks, mut before, mut clean) = (Blocks::default(), BytesMut::new(), true);
    while let Some(item) = body.next().await {
        let Ok(bytes) = item else {
            clean = false;
            break;
        };
        for block in blocks.push(&bytes) {
            before.extend_from_slice(&block);
            let is_event = block.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"data"));
            if is_event {
                let mut log = locked(&kept.log);
                let id = format!("id: {stream}-{}\n\n", log.events.len() + 1);
                before.truncate(before.len() - blank(&block));
                before.extend_from_slice(id.as_bytes());
                log.events.push(before.split().freeze());
            }
        }
        kept.grown.notify_waiters();
    }
    before.extend_from_slice(&blocks.rest());
    let mut log = locked(&kept.log);
    if !before.is_empty() {
        log.events.push(before.freeze());
    }
    log.over = Some(clean);
    kept.grown.notify_waiters();
}

/// How long the blank line of a block is.
fn blank(block: &[u8]) -> usize {
    if block.ends_with(b"\r\n") { 2 } else { 1 }
}

/// What follows so many events.
fn read(kept: Arc<Kept>, begin: usize) -> Body {
    stream::unfold((kept, begin, false), async |(kept, at, broken)| {
        if broken {
            return None;
        }
        loop {
            let grown = kept.grown.notified();
            let (event, over) = {
                let log = locked(&kept.log);
                (log.events.get(at).cloned(), log.over)
            };
            let item: Item = match (event, over) {
                (Some(event), _) => Ok(event),
                (None, Some(true)) => return None,
                (None, Some(false)) => Err("the provider's stream broke".into()),
                (None, None) => {
                    grown.await;
                    continue;
                }
            };
            let broken = item.is_err();
            drop(grown);
            return Some((item, (kept, at + 1, broken)));
        }
    })
    .boxed()
}

fn of_stream() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    headers
}

/// 404: there is no such stream.
fn unknown() -> Answer {
    let error = error_object("there is no such stream", "invalid_request_error").to_string();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = stream::once(async move { Ok(Bytes::from(error)) }).boxed();
    Answer { status: StatusCode::NOT_FOUND, headers, body }
}

#[cfg(test)]
pub(in crate::broken) mod tests {
    use axum::body::to_bytes;
    use tower::ServiceExt as _;

    use super::*;
    use crate::broken::parts::testing::{Provider, Reply, chat, send};

    /// A stream of twelve events is read; then somebody comes back with an id. Status and body.
    pub(in crate::broken) async fn comes_back(
        relay: fn(Setup) -> Router,
        id: &'static str,
    ) -> (u16, String) {
        let events = (1..=12).map(|number| send(&format!("data: {number}\n\n"))).collect();
        let provider = Provider::new(vec![Reply::stream(events)]).switched("resume", "on");
        let relay = relay(provider.setup());
        let first = relay.clone().oneshot(chat()).await.unwrap();
        let all = to_bytes(first.into_body(), 1000).await.unwrap();
        assert!(all.starts_with(b"data: 1\nid: 0-1\n\n"), "{all:?}");
        let mut request = chat();
        request.headers_mut().insert("last-event-id", HeaderValue::from_static(id));
        let answer = relay.oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn right_is_what_follows_the_last_event() {
        let relay = |setup| resuming(setup, |last, _| last);
        let (status, rest) = comes_back(relay, "0-10").await;
        assert_eq!((status, &*rest), (200, "data: 11\nid: 0-11\n\ndata: 12\nid: 0-12\n\n"));
        assert_eq!(comes_back(relay, "0-12").await, (200, String::new()));
        for unknown in ["1-1", "x", "x-y"] {
            assert_eq!(comes_back(relay, unknown).await.0, 404, "{unknown}");
        }
    }
}

//! A provider that plays scripted answers, and a client that notes what it gets, for tests.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use indexmap::IndexMap;
use tokio::time::{Instant, sleep};
use tower::{ServiceExt as _, service_fn, util::BoxCloneSyncService};

use super::Setup;
use crate::net::{BoxError, Upstream};

/// The terminator.
pub(in crate::broken) const DONE: &str = "data: [DONE]\n\n";

/// One thing that a body does.
#[derive(Clone)]
pub(in crate::broken) enum Act {
    Send(Bytes),
    Wait(Duration),
    Break,
    Hang,
    Trail(&'static str, &'static str),
}

/// Sends a text.
pub(in crate::broken) fn send(text: &str) -> Act {
    Act::Send(Bytes::copy_from_slice(text.as_bytes()))
}

/// Waits so many milliseconds.
pub(in crate::broken) fn wait(millis: u64) -> Act {
    Act::Wait(Duration::from_millis(millis))
}

/// Sends a trailer.
pub(in crate::broken) fn trail(name: &'static str, value: &'static str) -> Act {
    Act::Trail(name, value)
}

/// What the provider answers.
#[derive(Clone)]
pub(in crate::broken) struct Reply {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    acts: Vec<Act>,
}

impl Reply {
    pub(in crate::broken) fn stream(acts: Vec<Act>) -> Self {
        Self { status: 200, headers: vec![("content-type", "text/event-stream")], acts }
    }

    /// The same with another status.
    pub(in crate::broken) fn of_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with one more header.
    pub(in crate::broken) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(in crate::broken) fn error(status: u16) -> Self {
        let headers = vec![
            ("content-type", "application/json"),
            ("content-length", "16"),
            ("retry-after", "7"),
            ("connection", "keep-alive"),
        ];
        Self { status, headers, acts: vec![send(r#"{"error":"wait"#), send("\"}")] }
    }
}

/// A provider: the nth call gets the nth reply, and the last one again when they are used up.
#[derive(Clone, Default)]
pub(in crate::broken) struct Provider {
    replies: Vec<Reply>,
    calls: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    taken: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<reqwest::Request>>>,
    switches: IndexMap<String, String>,
}

impl Provider {
    pub(in crate::broken) fn new(replies: Vec<Reply>) -> Self {
        Self { replies, ..Self::default() }
    }

    /// How often it was called.
    pub(in crate::broken) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// What it was asked last.
    pub(in crate::broken) fn asked(&self) -> reqwest::Request {
        self.asked.lock().unwrap().pop().unwrap()
    }

    /// How many of its answers somebody still holds.
    pub(in crate::broken) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many body bytes were taken from it.
    pub(in crate::broken) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// What a relay of it is given.
    pub(in crate::broken) fn setup(&self) -> Setup {
        Setup::new(self.upstream(), &self.switches)
    }

    /// The same where a relay is given one more switch.
    pub(in crate::broken) fn switched(mut self, name: &str, value: &str) -> Self {
        self.switches.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(in crate::broken) fn upstream(&self) -> Upstream {
        let this = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: reqwest::Request| {
            let this = this.clone();
            async move {
                this.asked.lock().unwrap().push(request);
                this.reply()
            }
        }))
    }

    fn reply(&self) -> Result<reqwest::Response, BoxError> {
        let nth = self.calls.fetch_add(1, Ordering::Relaxed);
        let Some(reply) = self.replies.get(nth).or_else(|| self.replies.last()).cloned() else {
            return Err("connection refused".into());
        };
        let body = reqwest::Body::wrap(StreamBody::new(played(reply.acts, self)));
        let mut response = Response::builder().status(reply.status).body(body)?;
        for (name, value) in reply.headers {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        Ok(response.into())
    }
}

/// Says that an answer is no longer held.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn played(
    acts: Vec<Act>,
    provider: &Provider,
) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, BoxError>> + Send + 'static {
    provider.open.fetch_add(1, Ordering::Relaxed);
    let (held, taken) = (Held(Arc::clone(&provider.open)), Arc::clone(&provider.taken));
    stream::unfold((acts.into_iter(), held, taken), async |(mut acts, held, taken)| {
        loop {
            match acts.next()? {
                Act::Send(bytes) => {
                    taken.fetch_add(bytes.len(), Ordering::Relaxed);
                    return Some((Ok(Frame::data(bytes)), (acts, held, taken)));
                }
                Act::Wait(time) => sleep(time).await,
                Act::Break => return Some((Err("cut".into()), (acts, held, taken))),
                Act::Hang => std::future::pending().await,
                Act::Trail(name, value) => {
                    let field = (HeaderName::from_static(name), HeaderValue::from_static(value));
                    let trailers = Frame::trailers(HeaderMap::from_iter([field]));
                    return Some((Ok(trailers), (acts, held, taken)));
                }
            }
        }
    })
}

/// What a client got.
#[derive(Debug)]
pub(in crate::broken) struct Seen {
    pub(in crate::broken) status: StatusCode,
    pub(in crate::broken) headers: HeaderMap,
    /// Pieces of the body with their times in milliseconds.
    pub(in crate::broken) pieces: Vec<(u128, String)>,
    /// Whether the body failed at its end.
    pub(in crate::broken) broke: bool,
}

impl Seen {
    pub(in crate::broken) fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    pub(in crate::broken) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A chat request, from a page of the origin that the parts allow.
pub(in crate::broken) fn chat() -> Request<Body> {
    Request::post("/v1/chat/completions")
        .header("origin", "https://app.example")
        .header("authorization", "Bearer k1")
        .body(Body::from(r#"{"stream":true}"#))
        .unwrap()
}

/// The preflight that a browser sends before it.
pub(in crate::broken) fn preflight() -> Request<Body> {
    Request::options("/v1/chat/completions")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type")
        .body(Body::empty())
        .unwrap()
}

/// Sends a request to a relay and reads the answer to its end.
pub(in crate::broken) async fn ask(
    relay: fn(Setup) -> Router,
    provider: &Provider,
    request: Request<Body>,
) -> Seen {
    let start = Instant::now();
    let response = relay(provider.setup()).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let mut body = body.into_data_stream();
    let (mut pieces, mut broke) = (Vec::new(), false);
    while let Some(item) = body.next().await {
        match item {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                pieces.push((start.elapsed().as_millis(), text));
            }
            Err(_) => {
                broke = true;
                break;
            }
        }
    }
    Seen { status: head.status, headers: head.headers, pieces, broke }
}

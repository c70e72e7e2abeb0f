//! Script that calls `fetch`, and what it sees.

use bytes::Bytes;

use super::{cors, preflight};
use crate::{
    client::{
        application::Application,
        course::Course,
        exchange::{Exchange, Outcome},
        raw::Raw,
        session::Session,
        text::TextDecoder,
    },
    http1::{ResponseHead, header},
    plan::Request,
    trace::{BodyEnd, Sight},
};

/// The request as Fetch sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::client) struct Mode {
    /// The page's origin, serialized.
    pub(in crate::client) origin: String,
    /// Whether the request goes to another origin.
    pub(in crate::client) cross_origin: bool,
    /// Whether its credentials mode is `include`.
    pub(in crate::client) credentials: bool,
}

/// One `fetch`. The head of the answer as script sees it: without its hidden headers, so that a
/// retry honours only what is exposed.
pub(in crate::client) async fn fetch(
    session: &mut Session,
    course: &mut Course,
    attempt: u64,
) -> Option<ResponseHead> {
    let mode = Mode::new(session);
    let request = with_the_browsers_headers(&session.client.request, &mode);
    if mode.cross_origin && preflight::is_needed(&request) {
        let asked = preflight::request(&request, &mode);
        let outcome =
            Exchange::run(session, &asked, &mut Course::default(), None, &mut Raw::default()).await;
        if let Err(why) = preflight_outcome(outcome, &request, &mode)? {
            session.record_sights(vec![Sight::Blocked { why }]);
            return None;
        }
    }
    let mut page = Page::new(mode.clone());
    let head = session.ask(&request, course, attempt, &mut page).await.into_answer()?;
    Some(cors::filtered(head, &mode))
}

/// Nothing where the client went away by itself.
fn preflight_outcome(
    outcome: Outcome,
    request: &Request,
    mode: &Mode,
) -> Option<Result<(), String>> {
    match outcome {
        Outcome::Left | Outcome::Failed | Outcome::Refused => None,
        Outcome::Over(Some(head)) => Some(preflight::check(&head, request, mode)),
        Outcome::Over(None) => Some(Err("preflight: network error, no response".to_owned())),
    }
}

impl Mode {
    /// The simulated network has no TLS: the request's own origin is `http` and its host.
    pub(in crate::client) fn new(session: &Session) -> Self {
        let client = &session.client;
        let host = header(&client.request.headers, "host").unwrap_or_default();
        let own = format!("http://{}", host.to_ascii_lowercase());
        let origin = client.origin.clone().unwrap_or_else(|| own.clone());
        Self { cross_origin: origin != own, origin, credentials: client.credentials }
    }
}

/// Fetch, "append a request `Origin` header" and "HTTP-network-or-cache fetch" (`Accept`).
fn with_the_browsers_headers(request: &Request, mode: &Mode) -> Request {
    let mut request = request.clone();
    if header(&request.headers, "accept").is_none() {
        request.headers.push(("accept".to_owned(), "*/*".to_owned()));
    }
    let safe_method = matches!(request.method.as_str(), "GET" | "HEAD");
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("origin"));
    if mode.cross_origin || !safe_method {
        request.headers.push(("origin".to_owned(), mode.origin.clone()));
    }
    request
}

struct Page {
    mode: Mode,
    text: TextDecoder,
    answered: bool,
    blocked: bool,
}

impl Page {
    fn new(mode: Mode) -> Self {
        Self { mode, text: TextDecoder::default(), answered: false, blocked: false }
    }
}

fn text(text: String) -> Option<Sight> {
    (!text.is_empty()).then_some(Sight::Text { text })
}

impl Application for Page {
    fn head(&mut self, head: &ResponseHead) -> Vec<Sight> {
        self.answered = true;
        let redirect = matches!(head.status, 301 | 302 | 303 | 307 | 308);
        let checked = if redirect {
            Err(format!("status {}: redirects are not followed here", head.status))
        } else if self.mode.cross_origin {
            cors::check(&head.headers, &self.mode)
        } else {
            Ok(())
        };
        if let Err(why) = checked {
            self.blocked = true;
            return vec![Sight::Blocked { why }];
        }
        let seen = cors::filtered(head.clone(), &self.mode);
        vec![Sight::Response { status: seen.status, headers: seen.headers }]
    }

    fn body(&mut self, bytes: &Bytes) -> Vec<Sight> {
        text(self.text.decode(bytes)).into_iter().collect()
    }

    fn ended(&mut self, how: BodyEnd) -> Vec<Sight> {
        let failed = |what: &str| Sight::Error { text: format!("TypeError: {what}") };
        match (self.answered, how) {
            (false, _) => vec![failed("network error")],
            (true, BodyEnd::Complete) => {
                text(self.text.flush()).into_iter().chain([Sight::End]).collect()
            }
            (
                true,
                BodyEnd::Truncated
                | BodyEnd::Reset
                | BodyEnd::StreamReset(_)
                | BodyEnd::TurnedAway(_)
                | BodyEnd::Garbled,
            ) => vec![failed("network error while reading the body")],
        }
    }

    fn reads_on(&self) -> bool {
        !self.blocked
    }
}

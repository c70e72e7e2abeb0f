//! A browser's `EventSource`, by HTML 9.2.2 and 9.2.3: what it asks, when it comes back, what script sees.
//!
//! Not modelled: redirects (none is followed), cookies, a longer wait after several failures, which
//! the standard allows.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::{
    application::Application,
    browser::{self, Mode},
    course::Course,
    event_reader::EventReader,
    exchange::{Exchange, Outcome},
    session::Session,
};
use crate::{
    http1::{ResponseHead, header},
    plan::Request,
    trace::{BodyEnd, ClientFact, Sight},
};

/// The standard leaves the first reconnection time to the browser: "a few seconds". Chromium has 3.
const RECONNECTION_TIME: Duration = Duration::from_secs(3);

/// Plays one `EventSource` until it is closed: by script, as the plan says, or by an answer.
pub(super) async fn live(session: &mut Session) {
    let mode = Mode::new(session);
    let plain = session.client.request.clone();
    let mut course = Course::of(&session.client.does);
    let mut waits = (RECONNECTION_TIME, "the browser's own time");
    let mut last_event_id = String::new();
    loop {
        let request = request(&plain, &mode, &last_event_id);
        let mut connection = Connection {
            mode: &mode,
            events: EventReader::continuing(&last_event_id),
            failed: false,
            end: None,
        };
        let outcome = Exchange::run(session, &request, &mut course, Some(0), &mut connection).await;
        let why = match outcome {
            // Script called `close()`, or was told that the source is closed.
            Outcome::Left | Outcome::Refused => return,
            Outcome::Over(Some(_)) if connection.failed => return,
            // The end came with the last event that script waited for.
            Outcome::Over(Some(_)) if course.leaves() => return,
            Outcome::Over(Some(_)) if connection.end == Some(BodyEnd::Complete) => {
                "the stream is over"
            }
            Outcome::Over(_) | Outcome::Failed => "network error",
        };
        connection.events.last_event_id().clone_into(&mut last_event_id);
        if let Some(millis) = connection.events.retry_ms() {
            waits = (Duration::from_millis(millis), "retry");
        }
        session.record_sights(vec![error("CONNECTING", why)]);
        session.record(ClientFact::Waits { time: waits.0, because: waits.1 });
        sleep(waits.0).await;
    }
}

/// The request of a first connection, or of a later one.
fn request(plain: &Request, mode: &Mode, last_event_id: &str) -> Request {
    let mut request = plain.clone();
    if mode.cross_origin {
        request.headers.push(("origin".to_owned(), mode.origin.clone()));
    }
    request.set_last_event_id(last_event_id);
    request
}

/// What script sees of an error: an event without words, and the state of the source. Why stands in
/// the browser's console.
fn error(state: &str, why: &str) -> Sight {
    Sight::Error { text: format!("readyState {state} ({why})") }
}

/// One connection of a source.
struct Connection<'a> {
    mode: &'a Mode,
    events: EventReader,
    /// The source is closed for good.
    failed: bool,
    /// How the body ended.
    end: Option<BodyEnd>,
}

impl Connection<'_> {
    /// Whether this answer is a stream that the source may read.
    fn check(&self, head: &ResponseHead) -> Result<(), String> {
        if self.mode.cross_origin {
            browser::check(&head.headers, self.mode)?;
        }
        if head.status != 200 {
            return Err(format!("status {}", head.status));
        }
        let value = header(&head.headers, "content-type").unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("text/event-stream") {
            return Err(format!("content type `{value}`"));
        }
        Ok(())
    }
}

impl Application for Connection<'_> {
    fn head(&mut self, head: &ResponseHead) -> Vec<Sight> {
        match self.check(head) {
            Ok(()) => vec![Sight::Open],
            Err(why) => {
                self.failed = true;
                vec![error("CLOSED", &why)]
            }
        }
    }

    fn body(&mut self, bytes: &Bytes) -> Vec<Sight> {
        self.events.feed(bytes)
    }

    fn ended(&mut self, how: BodyEnd) -> Vec<Sight> {
        self.end = Some(how);
        Vec::new()
    }

    fn reads_on(&self) -> bool {
        !self.failed
    }
}

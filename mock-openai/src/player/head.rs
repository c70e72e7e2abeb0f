//! The head of an answer: when it is sent, and what stands in it.

use std::{borrow::Cow, time::Duration};

use tokio::time::Instant;

use super::{Halt, Player, outgoing::Outgoing};
use crate::{
    http::status,
    script::{Framing, Head, HeadWhen, Headers, Step, dates},
    wire::Wire,
};

/// What the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A stream of events.
    Events,
    /// One JSON text of so many bytes, where the whole of it is known.
    Json(Option<u64>),
}

/// How the end of the body is told, for the peer at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Chunked,
    Length(u64),
    UntilClose,
    /// By the end of a stream of HTTP/2.
    Stream,
    /// The answer has no body at all, whatever the script sends.
    NoBody,
}

/// What is planned, until it is sent.
#[derive(Debug, Default)]
pub(super) struct State {
    status: Option<u16>,
    headers: Vec<(String, Vec<String>)>,
    trailers: Vec<(String, Vec<String>)>,
    framing: Framing,
    /// Set when it is sent.
    pub(super) sent: Option<Ended>,
}

/// The value that takes a usual header away.
const ABSENT: &str = "absent";

impl State {
    fn plan(&mut self, head: &Head) {
        self.status = Some(head.status);
        self.headers = listed(&head.headers);
        self.trailers = listed(&head.trailers);
        self.framing = head.framing;
    }

    /// The trailer section's lines: one for each value.
    pub(super) fn trailers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.trailers.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| (name.as_str(), value.as_str()))
        })
    }

    /// Plans the head of an error; a head that the script gave goes before.
    pub(super) fn plan_error(&mut self, status: u16, headers: Vec<(String, Vec<String>)>) {
        self.status.get_or_insert(status);
        self.headers.extend(headers);
    }
}

/// The headers of a script, each with its values.
pub(super) fn listed(headers: &Headers) -> Vec<(String, Vec<String>)> {
    headers.iter().map(|(name, values)| (name.clone(), values.0.clone())).collect()
}

/// Puts a header in the place of the usual one of that name, or behind all.
fn set(headers: &mut Vec<(String, String)>, name: &str, values: Vec<String>) {
    let at = headers.iter().position(|(usual, _)| usual.eq_ignore_ascii_case(name));
    headers.retain(|(usual, _)| !usual.eq_ignore_ascii_case(name));
    let values = values.into_iter().filter(|value| value != ABSENT);
    let at = at.unwrap_or(headers.len());
    headers.splice(at..at, values.map(|value| (name.to_owned(), value)));
}

impl<W: Wire> Player<'_, W> {
    /// A head goes out at once, unless the script lets it wait for the body. Where the answer is one
    /// JSON text it always does, since the text's length stands in it. A second head has no meaning
    /// and is not sent.
    pub(super) async fn announce(&mut self, head: &Head, rest: &[Step]) -> Result<(), Halt> {
        if self.head.sent.is_some() {
            return Ok(());
        }
        self.head.plan(head);
        let is_whole = matches!(rest.first(), Some(Step::Json(_) | Step::Error(_)));
        if is_whole || head.when == HeadWhen::WithFirstFrame {
            return Ok(());
        }
        self.open(body_kind(rest).unwrap_or(Kind::Events)).await
    }

    /// Sends the head, if it is not sent.
    pub(super) async fn open(&mut self, kind: Kind) -> Result<(), Halt> {
        let mut outgoing = Outgoing::default();
        self.add_head(kind, &mut outgoing);
        self.write(outgoing).await
    }

    /// Adds the head to a write, if it is not sent.
    pub(super) fn add_head(&mut self, kind: Kind, outgoing: &mut Outgoing) -> Ended {
        if let Some(sent) = self.head.sent {
            return sent;
        }
        let status = self.head.status.unwrap_or(200);
        let told = self.framing(kind);
        let ended = if self.is_bodiless() { Ended::NoBody } else { told };
        self.head.sent = Some(ended);

        let mut headers = self.usual_headers(kind);
        match told {
            Ended::Chunked if !status::is_bodiless(status) => {
                headers.push(("transfer-encoding".into(), "chunked".into()));
            }
            Ended::Length(len) if !status::is_bodiless(status) => {
                headers.push(("content-length".into(), len.to_string()));
            }
            Ended::Chunked
            | Ended::Length(_)
            | Ended::UntilClose
            | Ended::Stream
            | Ended::NoBody => {}
        }
        if matches!(ended, Ended::Chunked | Ended::Stream) && !self.head.trailers.is_empty() {
            let names: Vec<&str> = self.head.trailers.iter().map(|(name, _)| &**name).collect();
            headers.push(("trailer".into(), names.join(", ")));
        }
        if ended == Ended::UntilClose || !self.request.head.persists() {
            headers.push(("connection".into(), "close".into()));
        }
        let now = self.unix_time();
        for (name, values) in std::mem::take(&mut self.head.headers) {
            // A script that was checked has no date that is none.
            let dated = |value: &String| dates::filled(value, now).map(Cow::into_owned);
            let values = values.iter().filter_map(|value| dated(value).ok()).collect();
            set(&mut headers, &name, values);
        }
        outgoing.head(status, &render(status, &headers));
        ended
    }

    /// Whether the answer has no body, whatever the script sends.
    pub(super) fn is_bodiless(&self) -> bool {
        let status = self.head.status.unwrap_or(200);
        self.request.head.method == "HEAD" || status::is_bodiless(status)
    }

    fn framing(&self, kind: Kind) -> Ended {
        match (self.head.framing, kind) {
            (Framing::UntilClose, _) if !self.socket.is_stream() => Ended::UntilClose,
            (Framing::Length(len), _) => Ended::Length(len),
            // Trailers have no place behind a body whose length is told.
            (Framing::Chunked, Kind::Json(Some(len))) if self.head.trailers.is_empty() => {
                Ended::Length(len)
            }
            _ if self.socket.is_stream() => Ended::Stream,
            // HTTP/1.0 knows no chunks.
            (Framing::Chunked, _) if self.request.head.minor_version == 0 => Ended::UntilClose,
            (Framing::Chunked | Framing::UntilClose, _) => Ended::Chunked,
        }
    }

    /// Since the request was read.
    fn spent(&self) -> Duration {
        Instant::now().duration_since(self.answering.received)
    }

    /// By the provider's clock, now.
    fn unix_time(&self) -> Duration {
        self.answering.unix + self.spent()
    }

    fn usual_headers(&self, kind: Kind) -> Vec<(String, String)> {
        let spent = self.spent();
        let content_type = match kind {
            Kind::Events => "text/event-stream; charset=utf-8",
            Kind::Json(_) => "application/json",
        };
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("x-request-id".to_owned(), self.answering.identity.request_id()),
            ("openai-processing-ms".to_owned(), spent.as_millis().to_string()),
            ("openai-version".to_owned(), "2020-10-01".to_owned()),
        ];
        if kind == Kind::Events {
            headers.push(("cache-control".to_owned(), "no-cache".to_owned()));
        }
        headers.extend(self.answering.quota.iter().cloned());
        headers
    }
}

/// What the first of these steps that has a body sends.
fn body_kind(steps: &[Step]) -> Option<Kind> {
    steps.iter().find_map(|step| match step {
        Step::Stream(_) | Step::Send(_) => Some(Kind::Events),
        Step::Json(_) | Step::Error(_) => Some(Kind::Json(None)),
        Step::Cut(cut) => body_kind(&cut.steps),
        Step::Repeat(repeat) => body_kind(&repeat.steps),
        Step::Head(_) | Step::Wait(_) | Step::Trip(_) | Step::End(_) | Step::Mark(_) => None,
    })
}

fn render(status: u16, headers: &[(String, String)]) -> String {
    let mut text = format!("HTTP/1.1 {status} {}\r\n", status::reason(status));
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            text.push_str(part);
        }
    }
    text.push_str("\r\n");
    text
}

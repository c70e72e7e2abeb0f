//! What each client asked, and what it got for it.

use bytes::Bytes;

use super::{
    frames::Frames,
    message::{header, is_event_stream},
    moment::{Moment, TimedBytes},
    terminator::Family,
};
use crate::{
    http2::code_name,
    scenario::Leave,
    trace::{BodyEnd, ClientFact, Connection, Fact, Name, Trace},
};

/// One request of a client, and its response as the client saw it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Who asked.
    pub client: Name,
    /// Its number among the requests of that client, preflights included.
    pub request: u64,
    /// Over which connection.
    pub connection: Connection,
    /// `POST`.
    pub method: String,
    /// `/v1/chat/completions`.
    pub target: String,
    /// Headers of the request.
    pub headers: Vec<(String, String)>,
    /// Body of the request.
    pub asks: Bytes,
    /// The client's name in that body, by which it is known again behind the relay.
    pub user: Option<String>,
    /// When it was sent.
    pub sent: Moment,
    /// The head of the response.
    pub head: Option<Head>,
    /// The body of the response, after transfer decoding.
    pub body: TimedBytes,
    /// When and how the response ended, where it did.
    pub ended: Option<(Moment, BodyEnd)>,
    /// When and how the client went away before that, by its own will.
    pub left: Option<(Moment, Leaving)>,
    /// When it shut its sending side alone: it still reads.
    pub half_closed: Option<Moment>,
}

/// The head of a response.
#[derive(Debug, Clone)]
pub struct Head {
    /// When it arrived.
    pub moment: Moment,
    /// Status code.
    pub status: u16,
    /// In order, names as received.
    pub headers: Vec<(String, String)>,
}

/// How a client goes before its response has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// As its scenario says.
    Left(Leave),
    /// Its patience ended, by this budget.
    GaveUp(&'static str),
}

impl Exchange {
    /// The exchanges of a trace, in the order in which they were asked.
    pub fn all(trace: &Trace) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (ordinal, event) in trace.events.iter().enumerate() {
            if let Fact::Client(fact) = &event.fact {
                take(&mut all, &event.actor, fact, Moment { at: event.at, ordinal });
            }
        }
        all
    }

    /// Status of the response.
    pub fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status)
    }

    /// A header of the response.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.as_ref().and_then(|head| header(&head.headers, name))
    }

    /// Whether the response is an event stream that succeeded.
    pub fn is_stream(&self) -> bool {
        self.head
            .as_ref()
            .is_some_and(|head| (200..300).contains(&head.status) && is_event_stream(&head.headers))
    }

    /// Whether it is a preflight of CORS.
    pub fn is_preflight(&self) -> bool {
        self.method == "OPTIONS"
    }

    /// Of which family of streams it is.
    pub fn family(&self) -> Family {
        Family::of(&self.target)
    }

    /// The frames of the body.
    pub fn frames(&self) -> Frames<'_> {
        Frames::of(&self.body.bytes)
    }

    /// When the client had the whole of what ends at an offset of the body.
    pub fn had(&self, end: usize) -> Moment {
        end.checked_sub(1).and_then(|last| self.body.marks.when(last)).unwrap_or(self.sent)
    }

    /// When nothing more came: it ended, or the client went; `None` while it is open.
    pub fn over(&self) -> Option<Moment> {
        let ended = self.ended.map(|(moment, _)| moment);
        ended.or_else(|| self.left.map(|(moment, _)| moment))
    }

    /// When the head arrived, else the last that the client saw.
    pub fn answered_at(&self) -> Moment {
        self.head.as_ref().map_or_else(|| self.last_seen(), |head| head.moment)
    }

    /// Where the client first told that this is over, else the last that it saw of it.
    pub fn last_seen(&self) -> Moment {
        let head = self.head.as_ref().map_or(self.sent, |head| head.moment);
        let body = self.body.marks.iter().last().map_or(head, |(_, moment)| moment);
        self.over().unwrap_or(body)
    }

    /// The end of the response in words, for a report.
    pub fn ending(&self) -> String {
        let frames = self.frames();
        let what = match (self.status(), frames.count()) {
            (None, _) => "no response".to_owned(),
            (Some(status), 0) => format!("status {status} and {} B", self.body.bytes.len()),
            (Some(status), 1) => format!("status {status} and 1 frame"),
            (Some(status), count) => format!("status {status} and {count} frames"),
        };
        let error = if frames.tell_error() { ", an error event among them" } else { "" };
        let how = match (self.ended, self.left) {
            (Some((_, BodyEnd::Complete)), _) => "a clean end of the body",
            (Some((_, BodyEnd::Truncated)), _) => "FIN in mid-response",
            (Some((_, BodyEnd::Reset)), _) => "RST",
            (Some((_, BodyEnd::StreamReset(code))), _) => {
                return format!("{what}{error}, then RST_STREAM, {}", code_name(code));
            }
            (Some((_, BodyEnd::TurnedAway(code))), _) => {
                return format!("{what}{error}, then GOAWAY, {}", code_name(code));
            }
            (Some((_, BodyEnd::Garbled)), _) => "bytes that are no HTTP",
            (None, Some((_, Leaving::Left(_)))) => "the client's leaving",
            (None, Some((_, Leaving::GaveUp(_)))) => "the client's giving up",
            (None, None) => "silence",
        };
        format!("{what}{error}, then {how}")
    }
}

/// The `user` of a JSON body: by it, requests are told apart wherever they pass.
pub(super) fn user(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    value.get("user")?.as_str().map(str::to_owned)
}

fn take(all: &mut Vec<Exchange>, client: &Name, fact: &ClientFact, moment: Moment) {
    match fact {
        ClientFact::Sent { connection, request, method, target, headers, body } => {
            all.push(Exchange {
                client: client.clone(),
                request: *request,
                connection: *connection,
                method: method.clone(),
                target: target.clone(),
                headers: headers.clone(),
                asks: body.clone(),
                user: user(body),
                sent: moment,
                head: None,
                body: TimedBytes::default(),
                ended: None,
                left: None,
                half_closed: None,
            });
        }
        ClientFact::Head { request, status, headers, .. } => {
            if let Some(exchange) = find(all, client, *request) {
                exchange.head = Some(Head { moment, status: *status, headers: headers.clone() });
            }
        }
        ClientFact::Body { request, bytes } => {
            if let Some(exchange) = find(all, client, *request) {
                exchange.body.push(bytes, moment);
            }
        }
        ClientFact::Ended { request, how } => {
            if let Some(exchange) = find(all, client, *request) {
                exchange.ended = Some((moment, *how));
            }
        }
        ClientFact::Left { how: Leave::HalfClose } => half_close(all, client, moment),
        ClientFact::Left { how } => leave(all, client, moment, Leaving::Left(*how)),
        ClientFact::GaveUp { budget } => leave(all, client, moment, Leaving::GaveUp(budget)),
        ClientFact::Queues
        | ClientFact::NoConnection { .. }
        | ClientFact::Trailers { .. }
        | ClientFact::Waits { .. }
        | ClientFact::Saw(_)
        | ClientFact::Done => {}
    }
}

fn find<'a>(all: &'a mut [Exchange], client: &Name, request: u64) -> Option<&'a mut Exchange> {
    all.iter_mut().rev().find(|e| e.client == *client && e.request == request)
}

fn leave(all: &mut [Exchange], client: &Name, moment: Moment, how: Leaving) {
    let last = all.iter_mut().rev().find(|exchange| exchange.client == *client);
    if let Some(exchange) = last.filter(|exchange| exchange.over().is_none()) {
        exchange.left = Some((moment, how));
    }
}

fn half_close(all: &mut [Exchange], client: &Name, moment: Moment) {
    let last = all.iter_mut().rev().find(|exchange| exchange.client == *client);
    if let Some(exchange) = last.filter(|exchange| exchange.over().is_none()) {
        exchange.half_closed.get_or_insert(moment);
    }
}

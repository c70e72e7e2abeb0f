//! What the provider was asked, and what it answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use mock_openai::script::End;

use super::{
    client::{Exchange, user},
    connection::Connections,
    frames::Frames,
    message::{header, is_event_stream},
    moment::{Moment, TimedBytes},
    terminator::Family,
    turn::{Turn, serves},
};
use crate::{
    http1::is_gzip,
    trace::{Connection, Fact, PeerEnd, ProviderEvent, ProviderFact, Trace},
};

/// One request to the provider, and its answer as the provider played it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its number in the provider's journal.
    pub request: u64,
    /// The journal's number of its connection.
    pub journal_connection: u64,
    /// The same connection in the trace, where sockets are recorded.
    pub connection: Option<Connection>,
    /// `POST`.
    pub method: String,
    /// As sent.
    pub target: String,
    /// Headers of the request.
    pub headers: Vec<(String, String)>,
    /// Body of the request.
    pub asks: Bytes,
    /// When it had been read whole.
    pub received: Moment,
    /// When the head of the answer was written, and its status.
    pub head: Option<(Moment, u16)>,
    /// Headers of the answer, where sockets are recorded.
    pub answer_headers: Vec<(String, String)>,
    /// Body bytes handed to the socket, before chunk framing.
    pub body: TimedBytes,
    /// When and how the script ended the answer.
    pub ended: Option<(Moment, End)>,
    /// When and how the peer went away, after the request.
    pub peer_gone: Option<(Moment, PeerEnd)>,
    /// Index of the client's exchange that it serves.
    pub exchange: Option<usize>,
    /// Index of its turn on the provider's connection, where sockets are recorded.
    pub turn: Option<usize>,
}

impl Answer {
    /// Status of the answer.
    pub fn status(&self) -> Option<u16> {
        self.head.map(|(_, status)| status)
    }

    /// A header of the answer, where sockets are recorded.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.answer_headers, name)
    }

    /// Whether it succeeds: 2xx.
    pub fn succeeds(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }

    /// Of which family of streams it is.
    pub fn family(&self) -> Family {
        Family::of(&self.target)
    }

    /// Whether it is a stream that needs a terminator and has none. Where no socket is recorded its
    /// type is not known, and what the script says of its end counts alone.
    pub fn lacks_terminator(&self) -> bool {
        let stream = is_event_stream(&self.answer_headers);
        let complete = || self.family().is_complete(&Frames::of(&self.body.bytes));
        self.family().needs_terminator() && stream && self.succeeds() && !complete()
    }

    /// Whether it was still open at a moment: asked, and not ended except by holding on.
    pub fn open_at(&self, moment: Moment) -> bool {
        self.ended.is_none_or(|(ended, how)| ended > moment || how == End::Hold)
    }

    /// The answers of a trace, in the order in which they were asked.
    pub fn all(
        trace: &Trace,
        connections: &Connections,
        turns: &[Turn],
        exchanges: &[Exchange],
    ) -> Vec<Self> {
        let mut journal = Journal::default();
        for (ordinal, event) in trace.events.iter().enumerate() {
            let moment = Moment { at: event.at, ordinal };
            if let Fact::Provider(entry) = &event.fact {
                journal.take(entry, moment, connections);
            }
        }
        let mut all = journal.answers;
        let mut nth: BTreeMap<Connection, usize> = BTreeMap::new();
        let mut served: BTreeMap<usize, usize> = BTreeMap::new();
        for answer in &mut all {
            if let Some(connection) = answer.connection {
                let count = nth.entry(connection).or_default();
                let mut on = (0..turns.len()).filter(|i| turns[*i].connection == connection);
                answer.turn = on.nth(*count);
                *count += 1;
            }
            let turn = answer.turn.map(|index| &turns[index]);
            if let Some(response) = turn.and_then(|turn| turn.response.as_ref()) {
                answer.answer_headers.clone_from(&response.headers);
                if is_gzip(&answer.answer_headers) {
                    answer.body = answer.body.gunzipped();
                } else if response.end.is_some() {
                    // What the provider sends behind the length that it told is no part of it.
                    answer.body.truncate(response.body.len());
                }
            }
            let count = |exchange| served.get(&exchange).copied().unwrap_or(0);
            answer.exchange = turn.and_then(|turn| turn.exchange).or_else(|| {
                serves(exchanges, user(&answer.asks).as_deref(), answer.received, count)
            });
            if let Some(exchange) = answer.exchange {
                *served.entry(exchange).or_default() += 1;
            }
        }
        all
    }
}

#[derive(Default)]
struct Journal {
    answers: Vec<Answer>,
    connections: BTreeMap<u64, Connection>,
}

impl Journal {
    fn take(&mut self, entry: &ProviderFact, moment: Moment, connections: &Connections) {
        match &entry.event {
            ProviderEvent::Accepted { peer } => {
                let same = |(_, tcp): &(&Connection, &super::connection::Tcp)| {
                    tcp.opener.address == Some(*peer)
                        && tcp.acceptor.opened.is_some_and(|opened| opened <= moment)
                };
                if let Some((number, _)) = connections.open.iter().rev().find(same) {
                    self.connections.insert(entry.connection, *number);
                }
            }
            ProviderEvent::Request { method, target, headers, body } => {
                self.answers.push(Answer {
                    request: entry.request.unwrap_or(u64::MAX),
                    journal_connection: entry.connection,
                    connection: self.connections.get(&entry.connection).copied(),
                    method: method.clone(),
                    target: target.clone(),
                    headers: headers.clone(),
                    asks: body.clone(),
                    received: moment,
                    head: None,
                    answer_headers: Vec::new(),
                    body: TimedBytes::default(),
                    ended: None,
                    peer_gone: None,
                    exchange: None,
                    turn: None,
                });
            }
            ProviderEvent::Head { .. }
            | ProviderEvent::Wrote { .. }
            | ProviderEvent::Ended { .. }
            | ProviderEvent::PeerGone { .. } => self.play(entry, moment),
            ProviderEvent::BadRequest { .. }
            | ProviderEvent::Matched { .. }
            | ProviderEvent::Unmatched { .. }
            | ProviderEvent::Limited { .. }
            | ProviderEvent::Unauthorized { .. }
            | ProviderEvent::NotAccepted { .. }
            | ProviderEvent::Marked { .. }
            | ProviderEvent::Closed => {}
        }
    }

    /// An entry about an answer that is played, or about the connection that carries it.
    fn play(&mut self, entry: &ProviderFact, moment: Moment) {
        let of_entry = |answer: &&mut Answer| match entry.request {
            Some(request) => answer.request == request,
            None => answer.journal_connection == entry.connection,
        };
        let Some(answer) = self.answers.iter_mut().rev().find(of_entry) else { return };
        if let ProviderEvent::Head { status } = &entry.event {
            answer.head = Some((moment, *status));
        } else if let ProviderEvent::Wrote { bytes, .. } = &entry.event {
            answer.body.push(bytes, moment);
        } else if let ProviderEvent::Ended { how } = &entry.event {
            answer.ended.get_or_insert((moment, *how));
        } else if let ProviderEvent::PeerGone { how, .. } = &entry.event {
            answer.peer_gone.get_or_insert((moment, *how));
        }
    }
}

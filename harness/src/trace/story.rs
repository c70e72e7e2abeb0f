//! A trace as each client lived it: the text that snapshots hold.
//!
//! One block a client, one line an event, times relative to its first request; after them a block for
//! each middlebox that did something. Clients that lived
//! the same to the letter share a block. Frames stand as they were received, with invisible
//! characters made visible; a long frame is shortened, and the hash of its bytes stands for the rest.

use std::{fmt::Write as _, time::Duration};

use super::{BodyEnd, ClientFact, Connection, Event, Fact, Sight, SocketFact, Trace, boxes};
use crate::{
    http1::header,
    http2::code_name,
    plan::Plan,
    scenario::Leave,
    visible::{Notation, visible as show_all},
    wire::{self, FrameKind},
};

/// A frame longer than this is shortened.
const LONGEST_FRAME: usize = 400;

/// How much of a shortened frame is shown.
const SHOWN_OF_LONG_FRAME: usize = 120;

/// Response headers that say something about streaming, caching, limits or CORS.
const TELLING_HEADERS: &[&str] = &[
    "content-type",
    "content-encoding",
    "content-length",
    "transfer-encoding",
    "connection",
    "cache-control",
    "x-accel-buffering",
    "retry-after",
    "retry-after-ms",
    "allow",
    "vary",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-expose-headers",
];

/// The story of every client of a run, and of every middlebox that held, ended or refused something.
pub fn story(plan: &Plan, trace: &Trace) -> String {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for client in &plan.clients {
        let text = Telling::of(trace, &client.name).text;
        match told.iter_mut().find(|(other, _)| *other == text) {
            Some((_, names)) => names.push(&client.name),
            None => told.push((text, vec![&client.name])),
        }
    }
    let mut story = format!("{}\n", plan.title);
    for (text, names) in told {
        let count = if names.len() == 1 { String::new() } else { format!(" ({})", names.len()) };
        let _infallible = write!(story, "\n{}{count}\n{text}", names.join(", "));
    }
    for hop in &plan.hops {
        let text = boxes::told(trace, &hop.name);
        if !text.is_empty() {
            let _infallible = write!(story, "\n{}\n{text}", hop.name);
        }
    }
    story
}

/// One client's lines.
struct Telling<'a> {
    trace: &'a Trace,
    name: &'a str,
    text: String,
    began: Option<Duration>,
    connection: Option<Connection>,
    /// Whether the response that is being received says that it is an event stream.
    streams: bool,
    /// Body bytes of the response that is being received, with the time of each piece's end.
    body: Vec<u8>,
    arrivals: Vec<(usize, Duration)>,
}

impl<'a> Telling<'a> {
    fn of(trace: &'a Trace, name: &'a str) -> Self {
        let mut telling = Self {
            trace,
            name,
            text: String::new(),
            began: None,
            connection: None,
            streams: false,
            body: Vec::new(),
            arrivals: Vec::new(),
        };
        for event in &trace.events {
            if *event.actor == *name
                && let Fact::Client(fact) = &event.fact
            {
                telling.tell(event, fact);
            }
        }
        telling
    }

    fn tell(&mut self, event: &Event, fact: &ClientFact) {
        let at = event.at;
        match fact {
            ClientFact::Sent { connection, method, target, headers, body, .. } => {
                self.began.get_or_insert(at);
                self.connection = Some(*connection);
                self.line(at, format_args!("> {method} {target}, {} B of body", body.len()));
                self.headers(
                    headers,
                    &["origin", "access-control-request-headers", "last-event-id"],
                    '>',
                );
            }
            ClientFact::Queues => {
                self.began.get_or_insert(at);
                self.line(at, format_args!("waits for a connection of its browser's"));
            }
            ClientFact::NoConnection { error } => {
                self.began.get_or_insert(at);
                self.line(at, format_args!("no connection: {error}"));
            }
            ClientFact::Head { version, status, headers, .. } => {
                let kind = header(headers, "content-type").unwrap_or_default();
                self.streams = kind.to_ascii_lowercase().starts_with("text/event-stream");
                self.line(at, format_args!("< {} {status}", version_name(*version)));
                self.headers(headers, TELLING_HEADERS, '<');
            }
            ClientFact::Body { bytes, .. } => {
                self.body.extend_from_slice(bytes);
                self.arrivals.push((self.body.len(), at));
            }
            ClientFact::Trailers { fields, .. } => {
                self.frames();
                self.line(at, format_args!("< trailers"));
                for (name, value) in fields {
                    let _infallible = writeln!(self.text, "          <   {name}: {value}");
                }
            }
            ClientFact::Ended { how, .. } => {
                self.frames();
                self.line(at, format_args!("body {}", ending(*how)));
                self.closing();
            }
            ClientFact::Left { how } => {
                self.frames();
                self.line(at, format_args!("{}", leaving(*how)));
                self.closing();
            }
            ClientFact::GaveUp { budget } => {
                self.frames();
                self.line(at, format_args!("gives up: {budget}"));
            }
            ClientFact::Waits { time, because } => {
                self.line(at, format_args!("waits {:.3} s ({because})", time.as_secs_f64()));
            }
            ClientFact::Saw(sight) => self.sight(at, sight),
            ClientFact::Done => self.frames(),
        }
    }

    fn line(&mut self, at: Duration, what: std::fmt::Arguments<'_>) {
        let since = at.saturating_sub(self.began.unwrap_or(at));
        let _infallible = writeln!(self.text, "{:9.3} {what}", since.as_secs_f64());
    }

    fn headers(&mut self, headers: &[(String, String)], telling: &[&str], mark: char) {
        for (name, value) in headers {
            if telling.contains(&name.to_ascii_lowercase().as_str()) {
                let _infallible = writeln!(self.text, "          {mark}   {name}: {value}");
            }
        }
    }

    /// Tells what was received of a body so far: of a stream its frames, each at the time at which
    /// its last byte arrived; of anything else the whole.
    fn frames(&mut self) {
        let body = std::mem::take(&mut self.body);
        let arrivals = std::mem::take(&mut self.arrivals);
        if let (false, Some((_, at))) = (self.streams, arrivals.last()) {
            self.line(*at, format_args!("= {}", visible(&body)));
            return;
        }
        for frame in wire::frames(&body) {
            let end = frame.range.end;
            let arrived = arrivals.iter().find(|(up_to, _)| *up_to >= end);
            let at = arrived.map_or(Duration::ZERO, |(_, at)| *at);
            let mark = match frame.kind {
                FrameKind::Whole => '|',
                FrameKind::Unfinished => '~',
                FrameKind::BlankLines => ' ',
            };
            let bytes = &body[frame.range];
            self.line(at, format_args!("{mark} {}", visible(bytes)));
        }
    }

    fn sight(&mut self, at: Duration, sight: &Sight) {
        match sight {
            Sight::Event { event, id, data } => self.line(
                at,
                format_args!("saw event {event:?}, id {id:?}: {}", visible(data.as_bytes())),
            ),
            Sight::Open => self.line(at, format_args!("saw open")),
            Sight::Error { text } => self.line(at, format_args!("saw error: {text}")),
            Sight::End => self.line(at, format_args!("saw the end")),
            Sight::Answer { said, tool_arguments, finish } => {
                let called = if tool_arguments.is_empty() {
                    String::new()
                } else {
                    format!(", called tools with {}", visible(tool_arguments.as_bytes()))
                };
                let finish = finish.as_deref().unwrap_or("none");
                let said = visible(said.as_bytes());
                self.line(at, format_args!("saw \"{said}\"{called}, finish: {finish}"));
            }
            Sight::Response { status, headers } => {
                self.line(at, format_args!("script may read: {status}"));
                self.headers(headers, TELLING_HEADERS, '=');
            }
            Sight::Text { text } => {
                self.line(at, format_args!("script reads {}", visible(text.as_bytes())));
            }
            Sight::Blocked { why } => self.line(at, format_args!("script is refused: {why}")),
        }
    }

    /// Who ended the connection first, and how.
    fn closing(&mut self) {
        let Some(connection) = self.connection else { return };
        let Some((ordinal, how)) = first_end(self.trace, connection) else {
            let _infallible = writeln!(self.text, "          the connection is left open");
            return;
        };
        let Event { at, actor, .. } = &self.trace.events[ordinal];
        let who = if **actor == *self.name { "the client" } else { actor };
        self.line(*at, format_args!("connection ended first by {who}: {how}"));
    }
}

/// As status lines have it; HTTP/2 has none, and is called so.
fn version_name(version: http::Version) -> String {
    if version == http::Version::HTTP_2 { "HTTP/2".to_owned() } else { format!("{version:?}") }
}

/// How a client goes, in words.
fn leaving(how: Leave) -> &'static str {
    match how {
        Leave::Fin => "leaves by FIN",
        Leave::Rst => "leaves by RST",
        Leave::Vanish => "vanishes, and nobody is told",
        Leave::HalfClose => "shuts its sending side",
        Leave::StreamReset => "gives up its stream",
    }
}

/// How a response ended, in words.
fn ending(how: BodyEnd) -> String {
    match how {
        BodyEnd::Complete => "complete".to_owned(),
        BodyEnd::Truncated => "truncated".to_owned(),
        BodyEnd::Reset => "reset".to_owned(),
        BodyEnd::Garbled => "garbled".to_owned(),
        BodyEnd::StreamReset(code) => format!("ended by RST_STREAM, {}", code_name(code)),
        BodyEnd::TurnedAway(code) => format!("ended by GOAWAY, {}", code_name(code)),
    }
}

/// The first FIN or RST on a connection, by its ordinal and its kind: by the packets where they are
/// shown, else by what the applications did. What the application of a host that has vanished lets go
/// of, nobody is told of.
pub fn first_end(trace: &Trace, connection: Connection) -> Option<(usize, &'static str)> {
    let find = |how: fn(&Fact, Connection) -> Option<&'static str>| {
        let mut events = trace.events.iter().enumerate();
        events.find_map(|(ordinal, event)| Some((ordinal, how(&event.fact, connection)?)))
    };
    let begins = |event: &Event| matches!(&event.fact, Fact::Packet(p) if p.connection == connection && p.flags.syn);
    find(by_packet).or_else(|| {
        let shows_packets = trace.events.iter().any(begins);
        if shows_packets { None } else { find(by_socket) }
    })
}

fn by_packet(fact: &Fact, connection: Connection) -> Option<&'static str> {
    let Fact::Packet(packet) = fact else { return None };
    let ends = packet.connection == connection && (packet.flags.rst || packet.flags.fin);
    ends.then_some(if packet.flags.rst { "RST" } else { "FIN" })
}

fn by_socket(fact: &Fact, connection: Connection) -> Option<&'static str> {
    let Fact::Socket(of, fact) = fact else { return None };
    let ends = matches!(fact, SocketFact::Reset | SocketFact::ShutDown | SocketFact::Dropped);
    (ends && *of == connection).then_some(if *fact == SocketFact::Reset { "RST" } else { "FIN" })
}

/// Bytes with everything invisible made visible; long ones shortened.
pub fn visible(bytes: &[u8]) -> String {
    if bytes.len() <= LONGEST_FRAME {
        return show_all(bytes, Notation::Glyphs);
    }
    let hash = &blake3::hash(bytes).to_hex()[..16];
    let shown = show_all(&bytes[..SHOWN_OF_LONG_FRAME], Notation::Glyphs);
    format!("{shown}… ({} B, blake3 {hash})", bytes.len())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Fate, Flags, Name, Packet},
        *,
    };

    #[test]
    fn long_bytes_are_shortened_and_told_apart_by_their_hash() {
        let (a, mut b) = (vec![b'x'; 1_000], vec![b'x'; 1_000]);
        b[999] = b'y';
        assert!(visible(&a).contains("… (1000 B, blake3 "));
        assert_ne!(visible(&a), visible(&b));
    }
    /// A client connects, has vanished by 5 s, and lets go then.
    fn vanished(shows_packets: bool) -> Trace {
        let address = ([10, 0, 0, 1], 80).into();
        let calls = Packet {
            connection: Connection(0),
            link: "client-relay".into(),
            to: "relay".into(),
            addresses: (address, address),
            flags: Flags { syn: true, ..Flags::default() },
            seq: 0,
            ack: 0,
            window: 0,
            payload: bytes::Bytes::new(),
            fate: Fate::Dropped,
        };
        let dropped = Fact::Socket(Connection(0), SocketFact::Dropped);
        let facts = [Fact::Packet(calls), dropped].into_iter().skip(usize::from(!shows_packets));
        let (at, actor) = (Duration::from_secs(5), Name::from("gone"));
        let events = facts.map(|fact| Event { at, actor: actor.clone(), fact }).collect();
        Trace { events }
    }

    #[test]
    fn what_is_let_go_of_and_never_sent_has_ended_nothing() {
        assert_eq!(first_end(&vanished(true), Connection(0)), None);
        assert_eq!(first_end(&vanished(false), Connection(0)), Some((0, "FIN")));
    }
}

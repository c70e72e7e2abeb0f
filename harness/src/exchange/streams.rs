//! The streams of an HTTP/2 connection as turns that the rules read like any other: messages with
//! their place on the wire, and for each stream a connection of its own.

use super::{
    connection::{Direction, End, Tcp, TcpEnd},
    message::Message,
    moment::{Marks, Moment},
};
use crate::http2::{Half, Reset, Stream, WINDOW, Window};

/// One stream: what was asked, what was answered, and the connection as this stream had it.
pub(super) struct Talk {
    pub(super) request: Message,
    pub(super) response: Option<Message>,
    pub(super) tcp: Tcp,
}

/// The streams of a connection, in the order in which they were opened; `None` where it does not
/// speak HTTP/2.
pub(super) fn talks(tcp: &Tcp) -> Option<Vec<Talk>> {
    if !Half::begins(&tcp.up.wrote.bytes) {
        return None;
    }
    let up = Half::of_client(&tcp.up.wrote.bytes);
    let down = Half::of_server(&tcp.down.wrote.bytes);
    let talks = up.streams.iter().filter(|(_, stream)| !stream.fields.is_empty());
    let talks = talks.map(|(number, asked)| {
        let answered = down.streams.get(number);
        Talk {
            request: message(asked),
            response: answered.filter(|stream| !stream.fields.is_empty()).map(message),
            tcp: alone(tcp, (&up, &down), (*number, asked, answered)),
        }
    });
    Some(talks.collect())
}

fn message(stream: &Stream) -> Message {
    let pseudo = |name: &str| {
        let found = stream.fields.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let headers = stream.fields.iter().filter(|(name, _)| !name.starts_with(':'));
    Message {
        coded: false,
        start: stream.start,
        head_end: stream.head_end,
        method: pseudo(":method").to_owned(),
        status: pseudo(":status").parse().unwrap_or(0),
        headers: headers.cloned().collect(),
        ends_by_close: false,
        body: stream.body.clone(),
        trailers: stream.trailers.clone(),
        end: stream.end,
        pieces: stream.pieces.clone(),
    }
}

/// The connection as one of its streams has it: its ends let go where the stream does, and it is
/// full where the stream's window is shut. Places on the wire stay those of the connection.
fn alone(
    tcp: &Tcp,
    (up, down): (&Half, &Half),
    (number, asked, answered): (u32, &Stream, Option<&Stream>),
) -> Tcp {
    let reset = |way: &Direction, stream: Option<&Stream>| {
        let Reset { end, .. } = stream?.reset?;
        Some((way.wrote.marks.when(end - 1)?, way.read.when(end - 1)))
    };
    let given_up = reset(&tcp.up, Some(asked));
    let cut = reset(&tcp.down, answered);
    let said_all = answered.and_then(|stream| tcp.down.wrote.marks.when(stream.end? - 1));
    let opener = end(&tcp.opener, given_up, cut, None);
    let acceptor = end(&tcp.acceptor, cut, given_up, said_all);
    let head = answered.and_then(|stream| tcp.down.wrote.marks.when(stream.start));
    let over = first(&[acceptor.finished, acceptor.dropped]);
    let shut = shut(tcp, up, down, number);
    let during = |(since, until): (Moment, Option<Moment>)| {
        let since = since.max(head?);
        let until = first(&[until, over]);
        until.is_none_or(|until| until > since).then_some((since, until))
    };
    let blocked = tcp.down.blocked.iter().copied().chain(shut).filter_map(during);
    let mut down = tcp.down.without_bytes();
    down.blocked = joined(blocked.collect());
    let mut up = tcp.up.without_bytes();
    if let Some((wrote, _)) = given_up.filter(|_| !up.arrived.is_empty()) {
        let arrived = asked.reset.and_then(|reset| up.arrived.when(reset.end - 1));
        up.end = End {
            sent: first(&[Some(wrote), up.end.sent]),
            arrived: first(&[arrived, up.end.arrived]),
        };
    }
    Tcp { opener, acceptor, up, down }
}

fn first(moments: &[Option<Moment>]) -> Option<Moment> {
    moments.iter().copied().flatten().min()
}

/// When a reset was written, and when the other end read it.
type Seen = Option<(Moment, Option<Moment>)>;

/// One end of a stream. A stream that was reset by either end is let go of by both.
fn end(of: &TcpEnd, own: Seen, others: Seen, said_all: Option<Moment>) -> TcpEnd {
    let wrote = own.map(|(wrote, _)| wrote);
    let read = others.and_then(|(_, read)| read);
    TcpEnd {
        finished: first(&[of.finished, wrote, said_all]),
        dropped: first(&[of.dropped, wrote, read]),
        saw_end: first(&[of.saw_end, read]),
        ..of.clone()
    }
}

/// From when to when the answering end could send nothing of a stream: its window or the
/// connection's was used up (RFC 9113 6.9). Windows grow when the sender has read that they do.
fn shut(tcp: &Tcp, up: &Half, down: &Half, number: u32) -> Vec<(Moment, Option<Moment>)> {
    let when = |marks: &Marks, end: usize| {
        marks.when(end - 1).or_else(|| marks.iter().last().map(|(_, moment)| moment))
    };
    let grown = up
        .credits
        .iter()
        .filter_map(|credit| Some((tcp.up.read.when(credit.end - 1)?, credit.window)));
    let used = down.data.iter().filter_map(|(end, stream, len)| {
        let moment = when(&tcp.down.wrote.marks, *end)?;
        Some((moment, Window::Stream(*stream, -len)))
    });
    let mut changes: Vec<(Moment, Window)> = grown.chain(used).collect();
    changes.sort_by_key(|(moment, _)| *moment);
    let (mut connection, mut stream, mut initial) = (WINDOW, WINDOW, WINDOW);
    let mut shut: Vec<(Moment, Option<Moment>)> = Vec::new();
    for (moment, change) in changes {
        match change {
            Window::Connection(more) => connection += more,
            Window::Initial(size) => {
                stream += size - initial;
                initial = size;
            }
            Window::Stream(of, more) => {
                // What is sent counts for both; a credit for one stream is that stream's.
                if more < 0 {
                    connection += more;
                }
                if of == number {
                    stream += more;
                }
            }
        }
        let is_shut = connection.min(stream) <= 0;
        let was_shut = shut.last().is_some_and(|(_, until)| until.is_none());
        match (was_shut, is_shut) {
            (false, true) => shut.push((moment, None)),
            (true, false) => {
                if let Some((_, until)) = shut.last_mut() {
                    *until = Some(moment);
                }
            }
            (true, true) | (false, false) => {}
        }
    }
    shut
}

/// Times that overlap or touch, put together.
fn joined(mut times: Vec<(Moment, Option<Moment>)>) -> Vec<(Moment, Option<Moment>)> {
    times.sort_unstable_by_key(|(since, _)| *since);
    let mut joined: Vec<(Moment, Option<Moment>)> = Vec::new();
    for (since, until) in times {
        match joined.last_mut() {
            Some((_, last)) if last.is_none_or(|last| since <= last) => {
                *last = last.zip(until).map(|(last, until)| last.max(until));
            }
            _ => joined.push((since, until)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::{
        exchange::Connections,
        http2::{PREFACE, testing::frame},
        trace::{Connection, Event, Fact, Name, SocketFact, Trace},
    };

    const HEADERS: u8 = 1;
    const DATA: u8 = 0;
    const SETTINGS: u8 = 4;
    const RST_STREAM: u8 = 3;
    const WINDOW_UPDATE: u8 = 8;
    /// `:status: 200`, `:method: POST` (RFC 7541, Appendix A).
    const OK: &[u8] = &[0x88];
    const POST: &[u8] = &[0x83];

    /// A connection between `a` and `b`, told write by write; each is read at once.
    #[derive(Default)]
    struct Told(Trace);

    impl Told {
        fn fact(&mut self, ms: u64, actor: &str, fact: SocketFact) -> usize {
            let (at, actor) = (Duration::from_millis(ms), Name::from(actor));
            self.0.events.push(Event { at, actor, fact: Fact::Socket(Connection(0), fact) });
            self.0.events.len() - 1
        }

        /// The ordinals of the write and of the read.
        fn says(&mut self, ms: u64, (from, to): (&str, &str), bytes: Vec<u8>) -> (usize, usize) {
            let len = bytes.len();
            let wrote = self.fact(ms, from, SocketFact::Wrote { bytes: Bytes::from(bytes) });
            (wrote, self.fact(ms, to, SocketFact::Read { len }))
        }

        fn talks(&self) -> Option<Vec<Talk>> {
            talks(&Connections::of(&self.0).open[&Connection(0)])
        }
    }

    const UP: (&str, &str) = ("a", "b");
    const DOWN: (&str, &str) = ("b", "a");

    /// Streams 1 and 3 are open, and each may send 4 bytes.
    fn opened() -> Told {
        let mut told = Told::default();
        let address = |last| ([10, 0, 0, last], 80).into();
        let (local, peer) = (address(1), address(2));
        told.fact(0, "a", SocketFact::Connected { local, peer, to: "b".into() });
        let hello = [
            PREFACE.to_vec(),
            frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 4]),
            frame(HEADERS, 5, 1, POST),
            frame(HEADERS, 5, 3, POST),
        ];
        told.says(1, UP, hello.concat());
        told.says(2, DOWN, [frame(HEADERS, 4, 1, OK), frame(HEADERS, 4, 3, OK)].concat());
        told
    }

    fn ordinals(times: &[(Moment, Option<Moment>)]) -> Vec<(usize, Option<usize>)> {
        times.iter().map(|(from, to)| (from.ordinal, to.map(|to| to.ordinal))).collect()
    }

    #[test]
    fn each_stream_has_its_own_messages_and_ends() {
        let mut told = opened();
        told.says(3, DOWN, [frame(DATA, 0, 3, b"cd"), frame(DATA, 1, 1, b"ab")].concat());
        let (wrote, read) = told.says(4, UP, frame(RST_STREAM, 0, 3, &[0, 0, 0, 8]));
        let talks = told.talks().unwrap();
        assert_eq!(talks.len(), 2);
        let [first, second] = &talks[..] else { unreachable!() };
        let response = first.response.as_ref().unwrap();
        assert_eq!((first.request.method.as_str(), response.status), ("POST", 200));
        assert_eq!((response.body.as_slice(), response.end.is_some()), (&b"ab"[..], true));
        let finished = first.tcp.acceptor.finished.map(|moment| moment.ordinal);
        assert_eq!((finished, first.tcp.acceptor.saw_end), (Some(wrote - 2), None));
        let response = second.response.as_ref().unwrap();
        assert_eq!((response.body.as_slice(), response.end), (&b"cd"[..], None));
        let ordinal = |moment: Option<Moment>| moment.map(|moment| moment.ordinal);
        let (opener, acceptor) = (&second.tcp.opener, &second.tcp.acceptor);
        assert_eq!(ordinal(opener.finished), Some(wrote));
        assert_eq!(ordinal(opener.dropped), Some(wrote));
        assert!(second.tcp.up.end.sent.is_none(), "without packets nothing is lost on its way");
        assert_eq!((ordinal(acceptor.saw_end), acceptor.finished), (Some(read), None));
        assert_eq!(ordinal(acceptor.dropped), Some(read));
    }

    #[test]
    fn a_stream_is_full_while_its_window_or_the_connections_is_shut() {
        let mut told = opened();
        let (used, _) = told.says(3, DOWN, frame(DATA, 0, 1, b"abcd"));
        let (_, more) = told.says(4, UP, frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 9]));
        let talks = told.talks().unwrap();
        assert_eq!(ordinals(&talks[0].tcp.down.blocked), [(used, Some(more))]);
        assert_eq!(ordinals(&talks[1].tcp.down.blocked), []);
        // 65,535 for the whole connection: the other stream uses it up, padding included.
        told.says(5, UP, frame(WINDOW_UPDATE, 0, 3, &[0, 1, 0, 0]));
        let long = |len| frame(DATA, 0, 3, &vec![b'x'; len]);
        told.says(6, DOWN, [long(16_384), long(16_384), long(16_384)].concat());
        let (all, _) = told.says(7, DOWN, frame(DATA, 8, 3, &vec![0; 65_535 - 4 - 3 * 16_384]));
        let gone = told.fact(8, "b", SocketFact::Dropped);
        let talks = told.talks().unwrap();
        let both = talks.iter().map(|talk| ordinals(&talk.tcp.down.blocked)).collect::<Vec<_>>();
        assert_eq!(both, [vec![(used, Some(more)), (all, Some(gone))], vec![(all, Some(gone))]]);
    }

    #[test]
    fn a_full_socket_is_full_for_all_and_times_are_counted_once() {
        let mut told = opened();
        let (used, _) = told.says(3, DOWN, frame(DATA, 0, 1, b"abcd"));
        let full = told.fact(4, "b", SocketFact::Blocked);
        let empty = told.fact(5, "b", SocketFact::Unblocked);
        let talks = told.talks().unwrap();
        assert_eq!(ordinals(&talks[0].tcp.down.blocked), [(used, None)]);
        assert_eq!(ordinals(&talks[1].tcp.down.blocked), [(full, Some(empty))]);
    }

    #[test]
    fn http_1_has_none() {
        let mut told = Told::default();
        let address = ([10, 0, 0, 1], 80).into();
        let connected = SocketFact::Connected { local: address, peer: address, to: "b".into() };
        told.fact(0, "a", connected);
        told.says(0, UP, b"GET / HTTP/1.1\r\n\r\n".to_vec());
        assert!(told.talks().is_none());
    }
}

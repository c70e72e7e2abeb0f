//! A recorded byte stream as messages whose bodies know when each byte of them passed.

use std::time::Duration;

use super::{
    decoder::{Closing, Decoder, Item},
    head::{Head, Headers, RequestHead, ResponseHead},
};
use crate::trace::BodyEnd;

/// When something passed: virtual time, and the ordinal of the trace's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Virtual time since the run began.
    pub at: Duration,
    /// Ordinal of the event that carried it.
    pub ordinal: usize,
}

/// A body whose bytes know when they passed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimedBody {
    /// After transfer decoding.
    pub bytes: Vec<u8>,
    /// Up to each of these offsets, the bytes passed at that mark; offsets rise.
    pub marks: Vec<(usize, Mark)>,
}

impl TimedBody {
    /// Adds a piece.
    pub fn push(&mut self, mark: Mark, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes.extend_from_slice(bytes);
            self.marks.push((self.bytes.len(), mark));
        }
    }

    /// When the byte at `offset` passed. A frame has passed when its last byte has:
    /// `time_of(frame.range.end - 1)`.
    pub fn time_of(&self, offset: usize) -> Option<Mark> {
        let index = self.marks.partition_point(|(end, _)| *end <= offset);
        self.marks.get(index).map(|(_, mark)| *mark)
    }
}

/// The first line of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Of a request.
    Request {
        /// `POST`.
        method: String,
        /// `/v1/chat/completions`.
        target: String,
    },
    /// Of a response.
    Response {
        /// Status code.
        status: u16,
        /// Reason phrase.
        reason: String,
    },
}

/// One message of a byte stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its first line.
    pub start: Start,
    /// `HTTP/1.1`: 1; `HTTP/1.0`: 0.
    pub minor_version: u8,
    /// In order.
    pub headers: Headers,
    /// When its head was complete.
    pub head: Mark,
    /// Its body.
    pub body: TimedBody,
    /// The trailer section.
    pub trailers: Headers,
    /// How it ended, and when its end passed; nothing where it was still under way. The close of
    /// the connection bears the mark of the last piece.
    pub end: Option<(BodyEnd, Mark)>,
}

/// Which way a byte stream goes.
#[derive(Debug, Clone, Copy)]
pub enum Side<'a> {
    /// From client to server.
    Requests,
    /// From server to client; with the methods of the requests that were answered, in order.
    Responses(&'a [String]),
}

/// Decodes one direction of a connection: pieces with the time and ordinal at which each passed,
/// and how that direction ended, where it did.
///
/// A message without a head (the connection ended before it, or the bytes are not HTTP) is left
/// out. After bytes that are not HTTP nothing more is read.
pub fn decode_stream<'a>(
    side: Side<'_>,
    pieces: impl IntoIterator<Item = (Duration, usize, &'a [u8])>,
    closing: Option<Closing>,
) -> Vec<Message> {
    match side {
        Side::Requests => decode::<RequestHead>(&[], pieces, closing),
        Side::Responses(methods) => decode::<ResponseHead>(methods, pieces, closing),
    }
}

fn decode<'a, H: Head + PartialEq + Into<Message>>(
    methods: &[String],
    pieces: impl IntoIterator<Item = (Duration, usize, &'a [u8])>,
    closing: Option<Closing>,
) -> Vec<Message> {
    let mut methods = methods.iter().cloned();
    let mut decoder = Decoder::<H>::start(methods.next().unwrap_or_default());
    let mut messages: Vec<Message> = Vec::new();
    let mut mark = Mark { at: Duration::ZERO, ordinal: 0 };
    for (at, ordinal, mut bytes) in pieces {
        mark = Mark { at, ordinal };
        while !bytes.is_empty() {
            let fed = decoder.feed(bytes);
            bytes = &bytes[fed.taken..];
            let garbled = fed.items.contains(&Item::End(BodyEnd::Garbled));
            for item in fed.items {
                take(&mut messages, item, mark);
            }
            if garbled {
                return messages;
            }
            if decoder.is_over() {
                decoder = Decoder::start(methods.next().unwrap_or_default());
            }
        }
    }
    if let Some(end) = closing.and_then(|how| decoder.close(how)) {
        // Between two messages there is nothing that it could end.
        take::<H>(&mut messages, Item::End(end), mark);
    }
    messages
}

fn take<H: Into<Message>>(messages: &mut Vec<Message>, item: Item<H>, mark: Mark) {
    if let Item::Head(head) = item {
        let mut message: Message = head.into();
        message.head = mark;
        messages.push(message);
        return;
    }
    let Some(message) = messages.last_mut().filter(|message| message.end.is_none()) else { return };
    match item {
        Item::Head(_) => {}
        Item::Body(bytes) => message.body.push(mark, &bytes),
        Item::Trailers(trailers) => message.trailers = trailers,
        Item::End(end) => message.end = Some((end, mark)),
    }
}

impl Message {
    fn new(start: Start, minor_version: u8, headers: Headers) -> Self {
        Self {
            start,
            minor_version,
            headers,
            head: Mark { at: Duration::ZERO, ordinal: 0 },
            body: TimedBody::default(),
            trailers: Headers::new(),
            end: None,
        }
    }
}

impl From<RequestHead> for Message {
    fn from(head: RequestHead) -> Self {
        let RequestHead { minor_version, method, target, headers } = head;
        Self::new(Start::Request { method, target }, minor_version, headers)
    }
}

impl From<ResponseHead> for Message {
    fn from(head: ResponseHead) -> Self {
        let ResponseHead { minor_version, status, reason, headers } = head;
        Self::new(Start::Response { status, reason }, minor_version, headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn each_byte_of_a_body_knows_its_piece() {
        let pieces: [(Duration, usize, &[u8]); 4] = [
            (at(1), 10, b"HTTP/1.1 200 OK\r\ntransfer-enc"),
            (at(2), 11, b"oding: chunked\r\n\r\n6\r\ndata"),
            (at(5), 12, b":a\r\n2\r\n\n\n\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n"),
            (at(9), 13, b"\r\nHTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
        ];
        let methods = ["POST", "POST", "GET"].map(String::from);
        let messages = decode_stream(Side::Responses(&methods), pieces, Some(Closing::Reset));
        let [first, second, third] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!(first.body.bytes, b"data:a\n\n");
        assert_eq!(first.head, Mark { at: at(2), ordinal: 11 });
        let times: Vec<_> = (0..9).map(|i| first.body.time_of(i).map(|m| m.ordinal)).collect();
        let expected = [11, 11, 11, 11, 12, 12, 12, 12].map(Some);
        assert_eq!(times, [&expected[..], &[None]].concat());
        assert_eq!(first.end, Some((BodyEnd::Complete, Mark { at: at(5), ordinal: 12 })));
        assert_eq!(second.end.map(|(end, _)| end), Some(BodyEnd::Complete));
        assert_eq!(third.body.bytes, b"half");
        assert_eq!(third.end, Some((BodyEnd::Reset, Mark { at: at(9), ordinal: 13 })));
    }

    #[test]
    fn a_quiet_connection_and_one_still_open_have_no_ending() {
        let request: [(Duration, usize, &[u8]); 1] =
            [(at(1), 1, b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi")];
        let messages = decode_stream(Side::Requests, request, Some(Closing::Fin));
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].end.map(|(end, _)| end), Some(BodyEnd::Complete));
        let half: [(Duration, usize, &[u8]); 1] =
            [(at(1), 1, b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nh")];
        assert_eq!(decode_stream(Side::Requests, half, None)[0].end, None);
        assert_eq!(decode_stream(Side::Requests, [], Some(Closing::Fin)), []);
    }

    #[test]
    fn nothing_is_read_after_bytes_that_are_not_http() {
        let pieces: [(Duration, usize, &[u8]); 3] = [
            (at(1), 1, b"HTTP/1.1 204 No Content\r\n\r\n"),
            (at(2), 2, b"what is this?\r\n\r\n"),
            (at(3), 3, b"HTTP/1.1 200 OK\r\n\r\n"),
        ];
        assert_eq!(decode_stream(Side::Responses(&[]), pieces, None).len(), 1);
    }
}

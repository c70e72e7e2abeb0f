//! What of the bytes that pass are requests and answers, for hops that only look on.

use std::collections::VecDeque;

use super::pipe::{Event, Way};
use crate::http1::{Item, RequestDecoder, ResponseDecoder, header};

/// Looks on at one connection's bytes, both ways.
#[derive(Debug, Default)]
pub(super) struct Watch {
    requests: RequestDecoder,
    /// The methods of requests that are not answered yet.
    methods: VecDeque<String>,
    /// The answer that comes, or is to come.
    answer: Option<ResponseDecoder>,
    streams: bool,
}

/// What an event brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Bytes of event streams.
    pub(super) stream: Vec<u8>,
    /// Whether there was anything else: requests, heads, other bodies, what is no HTTP.
    pub(super) other: bool,
}

impl Watch {
    /// Takes what came.
    pub(super) fn see(&mut self, event: &Event) -> Seen {
        let mut seen = Seen::default();
        match event {
            Event::Came(Way::Up, bytes) => {
                seen.other = true;
                self.up(bytes);
            }
            Event::Came(Way::Down, bytes) => self.down(bytes, &mut seen),
            Event::Ended(_) => {}
        }
        seen
    }

    /// Whether a request has come, or begun to, that is not answered to its end.
    pub(super) fn is_open(&self) -> bool {
        self.answer.is_some() || !self.methods.is_empty() || !self.requests.is_idle()
    }

    fn up(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let fed = self.requests.feed(bytes);
            for item in fed.items {
                if let Item::Head(head) = item {
                    self.methods.push_back(head.method);
                }
            }
            if !self.requests.is_over() {
                return;
            }
            bytes = &bytes[fed.taken..];
            self.requests.next_message("");
        }
    }

    fn down(&mut self, mut bytes: &[u8], seen: &mut Seen) {
        while !bytes.is_empty() {
            let asked = &mut self.methods;
            let answer = self.answer.get_or_insert_with(|| {
                ResponseDecoder::answering(&asked.pop_front().unwrap_or_default())
            });
            let fed = answer.feed(bytes);
            seen.other |= fed.items.is_empty() && answer.framing().is_none();
            for item in fed.items {
                match item {
                    Item::Head(head) => {
                        let kind = header(&head.headers, "content-type").unwrap_or_default();
                        self.streams = kind.to_ascii_lowercase().starts_with("text/event-stream");
                        seen.other = true;
                    }
                    Item::Body(body) if self.streams => seen.stream.extend_from_slice(&body),
                    Item::Body(_) | Item::Trailers(_) | Item::End(_) => seen.other = true,
                }
            }
            if !answer.is_over() {
                return;
            }
            self.answer = None;
            bytes = &bytes[fed.taken..];
        }
    }
}

/// Tells comments and blank lines of an event stream from what carries data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Lines {
    #[default]
    Start,
    Comment,
    Field,
}

impl Lines {
    /// Whether these bytes, the next ones, hold any of a line that is neither blank nor a comment.
    pub(super) fn carry_data(&mut self, bytes: &[u8]) -> bool {
        let mut found = false;
        for byte in bytes {
            *self = match (*self, byte) {
                (_, b'\r' | b'\n') => Self::Start,
                (Self::Start, b':') => Self::Comment,
                (Self::Start, _) => Self::Field,
                (state, _) => state,
            };
            found |= *self == Self::Field;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const STREAM: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

    fn came(way: Way, bytes: &[u8]) -> Event {
        Event::Came(way, Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn an_exchange_is_open_from_its_first_byte_to_the_end_of_its_answer() {
        let mut watch = Watch::default();
        assert!(!watch.is_open());
        watch.see(&came(Way::Up, b"GET / HT"));
        assert!(watch.is_open());
        watch.see(&came(Way::Up, b"TP/1.1\r\n\r\n"));
        watch.see(&came(Way::Down, STREAM));
        assert!(watch.is_open());
        let seen = watch.see(&came(Way::Down, b"3\r\n: b\r\n"));
        assert_eq!(seen, Seen { stream: b": b".to_vec(), other: false });
        watch.see(&came(Way::Down, b"0\r\n\r\n"));
        assert!(!watch.is_open());
    }

    #[test]
    fn answers_to_head_have_no_body_and_pipelined_ones_follow_each_other() {
        let mut watch = Watch::default();
        watch.see(&came(Way::Up, b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"));
        let two = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nh";
        watch.see(&came(Way::Down, two));
        assert!(watch.is_open());
        watch.see(&came(Way::Down, b"i"));
        assert!(!watch.is_open());
    }

    #[test]
    fn comments_and_blank_lines_carry_no_data_however_they_are_cut() {
        for (text, carries) in [
            (": keep-alive\n\n", false),
            ("\r\n\r\n", false),
            (":\rdata", true),
            (": x\ndata: 1\n\n", true),
            ("id: 7\n", true),
        ] {
            assert_eq!(Lines::default().carry_data(text.as_bytes()), carries, "{text:?}");
            let mut lines = Lines::default();
            let mut bytewise = false;
            for byte in text.bytes() {
                bytewise |= lines.carry_data(&[byte]);
            }
            assert_eq!(bytewise, carries, "{text:?}");
        }
    }
}

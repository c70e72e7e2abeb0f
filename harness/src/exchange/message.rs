//! Messages with where each byte of a body lay on the wire; those of an HTTP/1 connection.

use crate::http1::{
    Body, Framing, Gunzip, HEAD_BYTES_MAX, Head, Headers, Part, RequestHead, ResponseHead, is_gzip,
};

/// One message: a head, and as much of its body as was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where its first byte lies on the wire.
    pub start: usize,
    /// Where its body begins.
    pub head_end: usize,
    /// `POST`, for a request.
    pub method: String,
    /// Status code, for a response; 0 for a request.
    pub status: u16,
    /// In order, names as written.
    pub headers: Vec<(String, String)>,
    /// Whether only the connection's close tells its end: so where the head says nothing else, or
    /// contradicts itself (RFC 9112 6.3, items 4 and 5). A stream of HTTP/2 always tells.
    pub ends_by_close: bool,
    /// The body, after transfer and content decoding.
    pub body: Vec<u8>,
    /// The trailer section, where there is one.
    pub trailers: Headers,
    /// Where on the wire it ends; `None` where it never did. A body that ends by the connection's
    /// close has no end here.
    pub end: Option<usize>,
    /// Pieces of the body: offset in the body, offset on the wire.
    pub(super) pieces: Vec<(usize, usize)>,
    /// Whether the body was compressed: then a piece is what could be read since one byte of the wire.
    pub(super) coded: bool,
}

impl Message {
    /// Where a byte of the body lies on the wire.
    pub fn on_wire(&self, offset: usize) -> usize {
        let index = self.pieces.partition_point(|(body, _)| *body <= offset).saturating_sub(1);
        let within = |body| if self.coded { 0 } else { offset - body };
        self.pieces.get(index).map_or(self.head_end, |(body, wire)| wire + within(*body))
    }

    /// How many bytes of the body lie before an offset of the wire.
    pub fn body_before(&self, wire_offset: usize) -> usize {
        let index = self.pieces.partition_point(|(_, wire)| *wire < wire_offset);
        let Some((body, wire)) = index.checked_sub(1).map(|last| self.pieces[last]) else {
            return 0;
        };
        let piece_end = self.pieces.get(index).map_or(self.body.len(), |(body, _)| *body);
        if self.coded { piece_end } else { (body + (wire_offset - wire)).min(piece_end) }
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// The first header of that name, compared without regard to case.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The media type without its parameters, in lower case: `text/event-stream`.
pub fn essence(headers: &[(String, String)]) -> Option<String> {
    let value = header(headers, "content-type")?;
    Some(value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase())
}

/// Whether headers speak of an event stream (HTML 9.2.3).
pub fn is_event_stream(headers: &[(String, String)]) -> bool {
    essence(headers).as_deref() == Some("text/event-stream")
}

/// The requests that were written to a connection.
pub(super) fn requests(wire: &[u8]) -> Vec<Message> {
    let parts = |head: RequestHead| (head.method, 0, head.headers);
    messages(wire, |_| "", parts)
}

/// The responses that were written to a connection on which these requests were asked; interim
/// ones (1xx) are left out.
pub(super) fn responses(wire: &[u8], asked: &[Message]) -> Vec<Message> {
    let parts = |head: ResponseHead| (String::new(), head.status, head.headers);
    messages(wire, |index| asked.get(index).map_or("", |request| &request.method), parts)
}

/// Reads messages one after the other; `asked` gives the method that a response answers.
fn messages<'a, H: Head>(
    wire: &[u8],
    asked: impl Fn(usize) -> &'a str,
    parts: impl Fn(H) -> (String, u16, Headers),
) -> Vec<Message> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Ok(Some((head, len))) = H::parse(&wire[start..]) {
        if len > HEAD_BYTES_MAX {
            break;
        }
        let head_end = start + len;
        if head.is_interim() {
            start = head_end;
            continue;
        }
        let framing = head.framing(asked(found.len())).unwrap_or(Framing::UntilClose);
        let (method, status, headers) = parts(head);
        let mut message = Message {
            start,
            head_end,
            method,
            status,
            headers,
            ends_by_close: framing == Framing::UntilClose,
            body: Vec::new(),
            trailers: Headers::new(),
            end: None,
            pieces: Vec::new(),
            coded: false,
        };
        message.read_body(framing, wire);
        if is_gzip(&message.headers) {
            message.gunzip(wire);
        }
        let end = message.end;
        found.push(message);
        let Some(end) = end else { break };
        start = end;
    }
    found
}

impl Message {
    /// Puts what the bytes of a compressed body stand for in their place. What is not gzip all the same
    /// stays as it is.
    fn gunzip(&mut self, wire: &[u8]) {
        let (mut gunzip, mut body, mut pieces) = (Gunzip::default(), Vec::new(), Vec::new());
        for offset in 0..self.body.len() {
            let at = self.on_wire(offset);
            let Ok(plain) = gunzip.feed(&wire[at..=at]) else { return };
            if !plain.is_empty() {
                pieces.push((body.len(), at));
                body.extend_from_slice(&plain);
            }
        }
        (self.body, self.pieces, self.coded) = (body, pieces, true);
    }

    /// Reads the body as far as it was written; what is not as its framing says ends it unfinished.
    fn read_body(&mut self, framing: Framing, wire: &[u8]) {
        let mut body = Body::new(framing);
        let mut at = self.head_end;
        loop {
            match body.take(&wire[at..]) {
                Ok(Part::Data(0) | Part::Framing(0)) | Err(_) => return,
                Ok(Part::Data(len)) => {
                    self.pieces.push((self.body.len(), at));
                    self.body.extend_from_slice(&wire[at..at + len]);
                    at += len;
                }
                Ok(Part::Framing(len)) => at += len,
                Ok(Part::Over(len, trailers)) => {
                    (self.end, self.trailers) = (Some(at + len), trailers);
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_connection_follow_each_other() {
        let wire = b"POST /a HTTP/1.1\r\ncontent-length: 2\r\n\r\nhiGET /b HTTP/1.1\r\n\r\n";
        let found = requests(wire);
        assert_eq!(found.iter().map(|m| m.method.as_str()).collect::<Vec<_>>(), ["POST", "GET"]);
        assert_eq!(found[0].body, b"hi");
        assert_eq!(found[1].start, 41);
    }

    #[test]
    fn interim_responses_answer_nothing_and_no_content_has_no_body() {
        let asked = requests(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        let wire = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\nrest";
        let found = responses(wire, &asked);
        assert_eq!(found.iter().map(|m| m.status).collect::<Vec<_>>(), [204, 200]);
        assert_eq!(found[1].body, b"rest");
        assert_eq!((found[1].ends_by_close, found[1].end), (true, None));
    }

    #[test]
    fn each_body_byte_knows_its_place_on_the_wire() {
        let asked = requests(b"GET / HTTP/1.1\r\n\r\n");
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let wire = format!("{head}3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        let message = responses(wire.as_bytes(), &asked).remove(0);
        assert_eq!(message.body, b"abcde");
        for (offset, byte) in message.body.iter().enumerate() {
            assert_eq!(wire.as_bytes()[message.on_wire(offset)], *byte);
        }
        assert_eq!(message.end, Some(wire.len()));
        // Before the first data byte there is none; between the chunks, three; at the end, five.
        let places = [head.len() + 7, head.len() + 9, head.len() + 12, wire.len()];
        assert_eq!(places.map(|place| message.body_before(place)), [0, 2, 3, 5]);
    }

    #[test]
    fn a_body_that_was_cut_has_no_end() {
        // The grammar of RFC 9112 7.1.
        for (chunks, body) in [
            ("5\r\nab", "ab"),
            ("2\r\nab\r\n", "ab"),
            ("2\r\nab\r\n0\r\n", "ab"),
            ("2\r\nabXX0\r\n\r\n", "ab"),
            ("zz\r\n", ""),
            ("ffffffffffffffff\r\nab", "ab"),
        ] {
            let wire = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
            let message = responses(wire.as_bytes(), &[]).remove(0);
            assert_eq!((message.body.as_slice(), message.end), (body.as_bytes(), None), "{chunks}");
        }
        let message = responses(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", &[]).remove(0);
        assert_eq!((message.body.as_slice(), message.end), (&b"ab"[..], None));
    }

    #[test]
    fn many_fields_and_a_list_of_codings_are_read_as_the_client_reads_them() {
        let fields =
            (0..200).map(|number| format!("x-{number}: 1\r\n")).collect::<Vec<_>>().concat();
        let head = format!("HTTP/1.1 200 OK\r\n{fields}transfer-encoding: gzip, Chunked\r\n\r\n");
        let wire = format!("{head}A;n=v\r\n0123456789\r\n0\r\nt: 1\r\n\r\nHTTP/1.1 204 N\r\n\r\n");
        let found = responses(wire.as_bytes(), &[]);
        assert_eq!(found.iter().map(|message| message.status).collect::<Vec<_>>(), [200, 204]);
        assert_eq!((found[0].headers.len(), found[0].body.as_slice()), (201, &b"0123456789"[..]));
        assert!(!found[0].ends_by_close);
        assert_eq!(found[0].trailers, [("t".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_length_that_is_none_leaves_the_end_to_the_close() {
        let wire = b"HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\nrest";
        let message = responses(wire, &[]).remove(0);
        assert_eq!((message.ends_by_close, message.body.as_slice()), (true, &b"rest"[..]));
    }
}

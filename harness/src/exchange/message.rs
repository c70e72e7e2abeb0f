//! The HTTP/1 messages of one connection, with where each byte of a body lay on the wire.

use super::dechunk::dechunk;

/// How the end of a body is told (RFC 9112 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body, whatever the headers say.
    None,
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// `Content-Length`.
    Length(usize),
    /// The close of the connection.
    UntilClose,
}

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
    /// How its end is told.
    pub framing: Framing,
    /// The body, after transfer decoding.
    pub body: Vec<u8>,
    /// Where on the wire it ends; `None` where it never did. A body that ends by the connection's
    /// close has no end here.
    pub end: Option<usize>,
    /// Pieces of the body: offset in the body, offset on the wire.
    pieces: Vec<(usize, usize)>,
}

impl Message {
    /// Where a byte of the body lies on the wire.
    pub fn on_wire(&self, offset: usize) -> usize {
        let index = self.pieces.partition_point(|(body, _)| *body <= offset).saturating_sub(1);
        self.pieces.get(index).map_or(self.head_end, |(body, wire)| wire + (offset - body))
    }

    /// How many bytes of the body lie before an offset of the wire.
    pub fn body_before(&self, wire_offset: usize) -> usize {
        let index = self.pieces.partition_point(|(_, wire)| *wire < wire_offset);
        let Some((body, wire)) = index.checked_sub(1).map(|last| self.pieces[last]) else {
            return 0;
        };
        let piece_end = self.pieces.get(index).map_or(self.body.len(), |(body, _)| *body);
        (body + (wire_offset - wire)).min(piece_end)
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

/// The requests that were written to a connection.
pub(super) fn requests(wire: &[u8]) -> Vec<Message> {
    messages(wire, |_| None)
}

/// The responses that were written to a connection on which these requests were asked; interim
/// ones (1xx) are left out.
pub(super) fn responses(wire: &[u8], asked: &[Message]) -> Vec<Message> {
    messages(wire, |index| Some(asked.get(index).map_or("", |request| &request.method)))
}

/// Reads messages one after the other; `asked` gives the method that a response answers, `None`
/// for a request.
fn messages<'a>(wire: &[u8], asked: impl Fn(usize) -> Option<&'a str>) -> Vec<Message> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < wire.len() {
        let Some(mut message) = head(wire, start, asked(found.len())) else { break };
        read_body(&mut message, wire);
        let next = message.end;
        if !(100..200).contains(&message.status) {
            found.push(message);
        }
        match next {
            Some(next) => start = next,
            None => break,
        }
    }
    found
}

fn head(wire: &[u8], start: usize, asked: Option<&str>) -> Option<Message> {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let (method, status, len, fields) = if asked.is_some() {
        let mut response = httparse::Response::new(&mut fields);
        let len = response.parse(&wire[start..]).ok().filter(httparse::Status::is_complete)?;
        (String::new(), response.code?, len.unwrap(), &*response.headers)
    } else {
        let mut request = httparse::Request::new(&mut fields);
        let len = request.parse(&wire[start..]).ok().filter(httparse::Status::is_complete)?;
        (request.method?.to_owned(), 0, len.unwrap(), &*request.headers)
    };
    let headers: Vec<(String, String)> = fields
        .iter()
        .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
        .collect();
    let framing = framing(&headers, asked, status);
    let head_end = start + len;
    let (body, pieces) = (Vec::new(), Vec::new());
    Some(Message { start, head_end, method, status, headers, framing, body, end: None, pieces })
}

fn framing(headers: &[(String, String)], asked: Option<&str>, status: u16) -> Framing {
    if asked == Some("HEAD") || matches!(status, 100..=199 | 204 | 304) {
        return Framing::None;
    }
    if header(headers, "transfer-encoding").is_some_and(|te| te.eq_ignore_ascii_case("chunked")) {
        return Framing::Chunked;
    }
    match header(headers, "content-length").and_then(|length| length.trim().parse().ok()) {
        Some(length) => Framing::Length(length),
        None if asked.is_some() => Framing::UntilClose,
        None => Framing::None,
    }
}

fn read_body(message: &mut Message, wire: &[u8]) {
    let start = message.head_end;
    match message.framing {
        Framing::None => message.end = Some(start),
        Framing::Chunked => {
            let (pieces, end) = dechunk(wire, start);
            for piece in pieces {
                message.pieces.push((message.body.len(), piece.start));
                message.body.extend_from_slice(&wire[piece]);
            }
            message.end = end;
        }
        Framing::Length(length) => {
            let end = start.saturating_add(length);
            message.pieces.push((0, start));
            message.body.extend_from_slice(&wire[start..end.min(wire.len())]);
            message.end = (end <= wire.len()).then_some(end);
        }
        Framing::UntilClose => {
            message.pieces.push((0, start));
            message.body.extend_from_slice(&wire[start..]);
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
        assert_eq!((found[1].framing, found[1].end), (Framing::UntilClose, None));
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
}

//! An incremental decoder of one HTTP/1 message after another.

use std::marker::PhantomData;

use bytes::Bytes;

use super::{
    body::{Body, Framing, Part},
    head::{HEAD_BYTES_MAX, Head, Headers, RequestHead, ResponseHead},
};
use crate::trace::BodyEnd;

/// The bytes are not HTTP/1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garbled;

impl From<httparse::Error> for Garbled {
    fn from(_: httparse::Error) -> Self {
        Self
    }
}

/// How a connection's incoming half ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// By FIN.
    Fin,
    /// By RST, or by any other error of the socket.
    Reset,
}

/// What a decoder finds, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<H> {
    /// A head; interim ones (1xx) are skipped.
    Head(H),
    /// Bytes of the body, after transfer decoding.
    Body(Bytes),
    /// The trailer section, where it is not empty.
    Trailers(Headers),
    /// The message is over.
    End(BodyEnd),
}

/// What came of feeding some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fed<H> {
    /// In order; adjacent body pieces of one call are one.
    pub items: Vec<Item<H>>,
    /// How many of the bytes were taken: all, unless the message ended among them.
    pub taken: usize,
}

#[derive(Debug, Clone)]
enum State {
    /// The bytes of a head so far.
    Head(Vec<u8>),
    Body(Framing, Body),
    Over,
}

/// Decodes one message; [`Decoder::next_message`] readies it for the next.
#[derive(Debug, Clone)]
pub struct Decoder<H> {
    state: State,
    method: String,
    /// Whether chunked coding is understood.
    knows_codings: bool,
    head: PhantomData<H>,
}

/// Decodes responses.
pub type ResponseDecoder = Decoder<ResponseHead>;

/// Decodes requests.
pub type RequestDecoder = Decoder<RequestHead>;

impl ResponseDecoder {
    /// A decoder of the response to a request with this method: one to `HEAD` has no body.
    pub fn answering(method: &str) -> Self {
        Self::start(method.to_owned())
    }

    /// The same for one who speaks HTTP/1.0, and so knows no transfer coding (RFC 9112 6.1, A.2):
    /// chunks that are sent to it all the same are bytes of the body.
    pub fn answering_http_1_0(method: &str) -> Self {
        Self { knows_codings: false, ..Self::answering(method) }
    }
}

impl RequestDecoder {
    /// A decoder of a request.
    pub fn new() -> Self {
        Self::start(String::new())
    }
}

impl Default for RequestDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Head> Decoder<H> {
    fn start(method: String) -> Self {
        Self { state: State::Head(Vec::new()), method, knows_codings: true, head: PhantomData }
    }

    /// Forgets the message that is over; `method` is that of the request that the next one answers.
    pub fn next_message(&mut self, method: &str) {
        *self = Self { knows_codings: self.knows_codings, ..Self::start(method.to_owned()) };
    }

    /// Whether the message is over, well or badly.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether nothing of a message has come yet.
    pub fn is_idle(&self) -> bool {
        matches!(&self.state, State::Head(bytes) if bytes.iter().all(|b| matches!(b, b'\r' | b'\n')))
    }

    /// How the body is framed, while it lasts.
    pub fn framing(&self) -> Option<Framing> {
        match &self.state {
            State::Body(framing, _) => Some(*framing),
            State::Head(_) | State::Over => None,
        }
    }

    /// The fewest bytes that can still come before the message is over; `None` in a head, and where
    /// only the connection's close tells.
    pub fn least_to_come(&self) -> Option<u64> {
        match &self.state {
            State::Body(_, body) => body.least_to_come(),
            State::Over => Some(0),
            State::Head(_) => None,
        }
    }

    /// Takes bytes as they came.
    pub fn feed(&mut self, bytes: &[u8]) -> Fed<H> {
        let mut items = Items { found: Vec::new(), body: Vec::new() };
        let taken = self.advance(bytes, &mut items).unwrap_or_else(|Garbled| {
            self.state = State::Over;
            items.push(Item::End(BodyEnd::Garbled));
            bytes.len()
        });
        items.end_piece();
        Fed { items: items.found, taken }
    }

    /// The connection's incoming half ended: how the message did, unless it was over before.
    pub fn close(&mut self, how: Closing) -> Option<BodyEnd> {
        let end = match (&self.state, how) {
            (State::Over, _) => return None,
            (_, Closing::Reset) => BodyEnd::Reset,
            (State::Body(_, Body::UntilClose), Closing::Fin) => BodyEnd::Complete,
            (State::Head(_) | State::Body(..), Closing::Fin) => BodyEnd::Truncated,
        };
        self.state = State::Over;
        Some(end)
    }

    fn advance(&mut self, bytes: &[u8], items: &mut Items<H>) -> Result<usize, Garbled> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            match &mut self.state {
                State::Over => return Ok(taken),
                State::Head(_) if rest.is_empty() => return Ok(taken),
                State::Head(so_far) => {
                    let before = so_far.len();
                    so_far.extend_from_slice(rest);
                    let Some((head, len)) = H::parse(so_far)? else {
                        return if so_far.len() > HEAD_BYTES_MAX {
                            Err(Garbled)
                        } else {
                            Ok(bytes.len())
                        };
                    };
                    if len > HEAD_BYTES_MAX {
                        return Err(Garbled);
                    }
                    // A head ends in the bytes that complete it, never before them.
                    taken += len.saturating_sub(before);
                    if head.is_interim() {
                        self.state = State::Head(Vec::new());
                        continue;
                    }
                    let framing = match head.framing(&self.method)? {
                        Framing::Chunked if !self.knows_codings => Framing::UntilClose,
                        framing @ (Framing::Length(_) | Framing::Chunked | Framing::UntilClose) => {
                            framing
                        }
                    };
                    items.push(Item::Head(head));
                    self.state = State::Body(framing, Body::new(framing));
                }
                State::Body(_, body) => match body.take(rest)? {
                    Part::Over(len, trailers) => {
                        taken += len;
                        self.state = State::Over;
                        if !trailers.is_empty() {
                            items.push(Item::Trailers(trailers));
                        }
                        items.push(Item::End(BodyEnd::Complete));
                    }
                    Part::Data(0) | Part::Framing(0) => return Ok(taken),
                    Part::Framing(len) => taken += len,
                    Part::Data(len) => {
                        items.body.extend_from_slice(&rest[..len]);
                        taken += len;
                    }
                },
            }
        }
    }
}

struct Items<H> {
    found: Vec<Item<H>>,
    /// The body piece that is being joined.
    body: Vec<u8>,
}

impl<H> Items<H> {
    fn push(&mut self, item: Item<H>) {
        self.end_piece();
        self.found.push(item);
    }

    fn end_piece(&mut self) {
        if !self.body.is_empty() {
            self.found.push(Item::Body(std::mem::take(&mut self.body).into()));
        }
    }
}

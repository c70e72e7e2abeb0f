//! One answer on its way from the next hop to the client.

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;

use super::{Client, Exchange, PIECE_BYTES, heads};
use crate::{
    http1::{Closing, Item, RequestHead, ResponseDecoder},
    middlebox::{
        framing::{Down, Framing},
        teller::Teller,
        upstream::{self, Answered},
    },
    net::Stream,
    trace::{BodyEnd, MiddleboxFact},
};

/// An answer, and what is to be written of it.
pub(super) struct Passing {
    teller: Teller,
    exchange: Box<dyn Exchange>,
    /// Nothing once it is over.
    upstream: Option<Stream>,
    decoder: ResponseDecoder,
    framing: Framing,
    keeps_alive: bool,
    out: Bytes,
}

/// What happens next.
enum Event {
    Wrote(usize),
    Read(Vec<u8>),
    UpstreamClosed(Closing),
    ClientGone,
}

impl Passing {
    /// An answer whose head was read.
    pub(super) fn new(
        teller: Teller,
        mut exchange: Box<dyn Exchange>,
        request: &RequestHead,
        upstream: Stream,
        mut answered: Answered,
    ) -> Self {
        let mut decoder = ResponseDecoder::answering(&request.method);
        // The body is framed as the next hop said it, whatever becomes of the head.
        let nothing = decoder.feed(answered.head_bytes());
        exchange.answer(&mut answered.head);
        let Down { head, framing, keeps_alive } =
            heads::down(request, exchange.versions().down, &answered.head);
        let upstream = Some(upstream);
        let mut passing =
            Self { teller, exchange, upstream, decoder, framing, keeps_alive, out: head.into() };
        for item in nothing.items {
            passing.take(item);
        }
        passing.read(answered.ahead());
        passing
    }

    /// Passes the answer on to its end; whether the connection serves another request.
    pub(super) async fn pass_on(mut self, client: &mut Client) -> bool {
        while self.upstream.is_some() || !self.out.is_empty() {
            match self.next(client).await {
                Event::Wrote(len) => drop(self.out.split_to(len)),
                Event::Read(bytes) => self.read(&bytes),
                Event::UpstreamClosed(how) => {
                    if let Some(end) = self.decoder.close(how) {
                        self.finish(end);
                    }
                }
                Event::ClientGone => return false,
            }
        }
        self.keeps_alive
    }

    /// Nothing is read while something waits to be written.
    async fn next(&mut self, client: &mut Client) -> Event {
        let Client { incoming, writer, .. } = client;
        let writes = !self.out.is_empty();
        tokio::select! {
            biased;
            written = writer.write(&self.out), if writes => match written {
                Ok(len) if len > 0 => Event::Wrote(len),
                Ok(_) | Err(_) => Event::ClientGone,
            },
            came = upstream::read(&mut self.upstream, PIECE_BYTES), if !writes => {
                came.map_or_else(Event::UpstreamClosed, Event::Read)
            }
            () = incoming.gone() => Event::ClientGone,
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        for item in self.decoder.feed(bytes).items {
            self.take(item);
        }
    }

    fn take(&mut self, item: Item<crate::http1::ResponseHead>) {
        match item {
            Item::Body(piece) => {
                let piece = self.exchange.body(piece);
                self.send(&piece);
            }
            Item::End(end) => self.finish(end),
            Item::Head(_) | Item::Trailers(_) => {}
        }
    }

    /// Sends a piece of the body; an empty chunk would end it.
    fn send(&mut self, piece: &[u8]) {
        if piece.is_empty() {
            return;
        }
        let framed = match self.framing {
            Framing::AsSaid | Framing::UntilClose => piece.to_vec(),
            Framing::Chunked => {
                [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
            }
        };
        self.push(&framed);
    }

    /// The next hop is done with, and closed. Only a whole answer ends well for the client.
    fn finish(&mut self, end: BodyEnd) {
        self.upstream = None;
        if end != BodyEnd::Complete {
            self.keeps_alive = false;
            let how = if end == BodyEnd::Reset { "RST" } else { "FIN inside the body" };
            let shows = self.framing != Framing::UntilClose;
            self.teller.tell(MiddleboxFact::CutShort { how, shows });
            return;
        }
        let rest = self.exchange.end();
        self.send(&rest);
        if self.framing == Framing::Chunked {
            self.push(b"0\r\n\r\n");
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.out = [&self.out, bytes].concat().into();
    }
}

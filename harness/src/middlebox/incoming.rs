//! What the client of a hop sends: its requests, and the end of its patience.

use tokio::io::{AsyncReadExt as _, ReadHalf};

use crate::{
    http1::{Item, RequestDecoder, RequestHead},
    net::Stream,
};

/// A kernel's receive buffer; behind more that nobody reads, no FIN can come.
const READ_AHEAD_BYTES_MAX: usize = 64 * 1024;

/// A request, read whole (nginx `proxy_request_buffering`, on).
pub(super) struct Request {
    pub(super) head: RequestHead,
    pub(super) body: Vec<u8>,
}

pub(super) struct Incoming {
    reader: ReadHalf<Stream>,
    /// Bytes of one read.
    piece: usize,
    /// Bytes of a body above which it is thrown away as it is read.
    body_max: usize,
    /// Bytes of later requests.
    ahead: Vec<u8>,
}

impl Incoming {
    /// Reads so many bytes at once, and bodies of any length.
    pub(super) fn new(reader: ReadHalf<Stream>, piece: usize) -> Self {
        Self { reader, piece, body_max: usize::MAX, ahead: Vec::new() }
    }

    /// What of a body is above this is thrown away: whoever gets more than it refuses the request.
    #[must_use]
    pub(super) fn keeping(self, body_max: usize) -> Self {
        Self { body_max, ..self }
    }

    /// The next request; nothing where the client goes, or does not speak HTTP.
    pub(super) async fn request(&mut self) -> Option<Request> {
        let mut decoder = RequestDecoder::new();
        let mut bytes = std::mem::take(&mut self.ahead);
        let (mut head, mut body) = (None, Vec::new());
        loop {
            let fed = decoder.feed(&bytes);
            for item in fed.items {
                match item {
                    Item::Head(found) => head = Some(found),
                    Item::Body(piece) if body.len() <= self.body_max => {
                        body.extend_from_slice(&piece);
                    }
                    Item::Body(_) | Item::Trailers(_) | Item::End(_) => {}
                }
            }
            if decoder.is_over() {
                self.ahead = bytes.split_off(fed.taken);
                return Some(Request { head: head?, body });
            }
            bytes.resize(self.piece, 0);
            let len = self.reader.read(&mut bytes).await.ok().filter(|len| *len > 0)?;
            bytes.truncate(len);
        }
    }

    /// Resolves when the client goes. Its FIN is taken for that too, half-closed or not.
    pub(super) async fn gone(&mut self) {
        let mut piece = [0; 256];
        while self.ahead.len() < READ_AHEAD_BYTES_MAX {
            match self.reader.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(len) => self.ahead.extend_from_slice(&piece[..len]),
            }
        }
        std::future::pending::<()>().await;
    }
}

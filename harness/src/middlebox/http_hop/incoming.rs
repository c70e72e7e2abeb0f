//! What a client sends: its requests, and the end of its patience.

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
    /// Bytes of later requests.
    ahead: Vec<u8>,
}

impl Incoming {
    pub(super) fn new(reader: ReadHalf<Stream>) -> Self {
        Self { reader, ahead: Vec::new() }
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
                    Item::Body(piece) => body.extend_from_slice(&piece),
                    Item::Trailers(_) | Item::End(_) => {}
                }
            }
            if decoder.is_over() {
                self.ahead = bytes.split_off(fed.taken);
                return Some(Request { head: head?, body });
            }
            bytes.resize(super::PIECE_BYTES, 0);
            let len = self.reader.read(&mut bytes).await.ok().filter(|len| *len > 0)?;
            bytes.truncate(len);
        }
    }

    /// Resolves when the client goes. nginx takes its FIN for that too, half-closed or not.
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

//! What carries one request and its response: a connection of HTTP/1, or a stream of HTTP/2.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::http2::Http2;
use crate::{
    http1::{Closing, Item, ResponseDecoder, ResponseHead},
    net::Stream,
    plan::{Client, Request},
    scenario::Http,
    trace::{BodyEnd, Connection},
};

/// One of the versions; each has its own connection.
pub(super) enum Carrier {
    Http1(Box<Http1>),
    Http2(Box<Http2>),
}

/// What one read gave: how many bytes of the response, and what they mean.
pub(super) struct Arrived {
    pub(super) bytes: u64,
    pub(super) items: Vec<Item<ResponseHead>>,
}

impl Arrived {
    /// It is over, and nothing came.
    pub(super) fn over(how: BodyEnd) -> Self {
        Self { bytes: 0, items: vec![Item::End(how)] }
    }
}

impl Carrier {
    /// What a client of this version speaks over a connection.
    pub(super) fn new(stream: Stream, client: &Client, method: &str) -> Self {
        let decoder = match client.http {
            Http::H10 => ResponseDecoder::answering_http_1_0(method),
            Http::H1 => ResponseDecoder::answering(method),
            Http::H2 => return Self::Http2(Box::new(Http2::new(stream, client.recv_buffer))),
        };
        Self::Http1(Box::new(Http1 {
            stream,
            decoder,
            old: client.http == Http::H10,
            piece: Vec::new(),
        }))
    }

    pub(super) fn connection(&self) -> Connection {
        match self {
            Self::Http1(http1) => http1.stream.connection(),
            Self::Http2(http2) => http2.connection(),
        }
    }

    /// Sends a request, as far as the server takes it: it may answer and close before it has read
    /// all, and what it says is still there.
    pub(super) async fn send(&mut self, request: &Request) {
        match self {
            Self::Http1(http1) => {
                let version = if http1.old { "HTTP/1.0" } else { "HTTP/1.1" };
                let sent = http1.stream.write_all(&request.on_the_wire(version)).await;
                sent.unwrap_or_default();
            }
            Self::Http2(http2) => http2.send(request).await,
        }
    }

    /// Reads at most so many bytes.
    pub(super) async fn read(&mut self, bytes_max: usize) -> Arrived {
        match self {
            Self::Http1(http1) => http1.read(bytes_max).await,
            Self::Http2(http2) => http2.read(bytes_max).await,
        }
    }

    /// Does something else, while the connection does what it must.
    pub(super) async fn during<T>(&mut self, what: impl Future<Output = T>) -> T {
        match self {
            Self::Http1(_) => what.await,
            Self::Http2(http2) => http2.during(what).await,
        }
    }

    /// Shuts the sending side. A connection that is reset already has nothing to shut: the next read
    /// tells.
    pub(super) async fn half_close(&mut self) {
        match self {
            Self::Http1(http1) => http1.stream.shutdown().await.unwrap_or_default(),
            Self::Http2(_) => unreachable!("the check refuses it: a stream has its own end"),
        }
    }

    /// Ends the connection by RST.
    ///
    /// # Errors
    /// The engine knows none; letting go of it still closes it.
    pub(super) async fn reset(&mut self) -> io::Result<()> {
        match self {
            Self::Http1(http1) => http1.stream.reset().await,
            Self::Http2(http2) => http2.reset().await,
        }
    }

    /// Gives up the stream alone.
    pub(super) async fn reset_stream(&mut self) {
        match self {
            Self::Http1(_) => unreachable!("the check refuses it: HTTP/1 has no streams"),
            Self::Http2(http2) => http2.reset_stream().await,
        }
    }
}

/// A connection of HTTP/1.
pub(super) struct Http1 {
    stream: Stream,
    decoder: ResponseDecoder,
    /// It says that it speaks HTTP/1.0.
    old: bool,
    /// What was read last. It is kept: to clear a new one for each read takes longer than to read.
    piece: Vec<u8>,
}

impl Http1 {
    async fn read(&mut self, bytes_max: usize) -> Arrived {
        self.piece.resize(bytes_max, 0);
        match self.stream.read(&mut self.piece).await {
            Ok(0) => self.closed(Closing::Fin),
            Err(_) => self.closed(Closing::Reset),
            Ok(len) => {
                let items = self.decoder.feed(&self.piece[..len]).items;
                Arrived { bytes: len as u64, items }
            }
        }
    }

    fn closed(&mut self, how: Closing) -> Arrived {
        Arrived::over(self.decoder.close(how).unwrap_or(BodyEnd::Complete))
    }
}

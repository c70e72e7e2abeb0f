//! A hop that reads HTTP: what all of them have in common, and where they differ.
//!
//! It passes on as nginx 1.22.1 does with `proxy_buffering off`, `proxy_http_version 1.1` and no pool
//! of connections (`ngx_http_upstream.c`, `ngx_http_chunked_filter_module.c`):
//!
//! - A request is read whole, then a connection to the next hop is made for it alone. Where nobody
//!   answers there, the client gets 502.
//! - A head goes on at once, and of the body what each read brings, as one chunk. A client that does
//!   not take it is waited for: one read's bytes wait in the hop.
//! - A FIN inside a body, or an RST, ends the client's connection without a final chunk. A body that
//!   ends by the close gets a final chunk all the same: what was cut looks whole.
//! - A client that goes, or that only shuts its sending side, closes the next hop at once.
//!
//! Not modelled: time-outs (other boxes have them), trailers and early hints (dropped), the order and
//! case of fields that nginx writes itself, `Date` and `Server`. A request counts from its last byte
//! on; for nginx from the end of its head on.

mod answer;
mod heads;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use tokio::{
    io::{AsyncWriteExt as _, WriteHalf},
    task::JoinSet,
};

use super::{
    incoming::{Incoming, Request},
    teller::Teller,
    upstream::{Answered, HeadBounds, Unanswered},
};
use crate::{
    http1::{HEAD_BYTES_MAX, RequestHead, ResponseHead},
    net::{Host, Stream},
    trace::{MiddleboxFact, Name},
};
use answer::Passing;

/// How much of an answer is read at once (nginx `proxy_buffer_size`, a memory page).
const PIECE_BYTES: usize = 4096;

const HEAD_BOUNDS: HeadBounds =
    HeadBounds { piece: PIECE_BYTES, most: HEAD_BYTES_MAX, silence: None };

/// A kind of hop.
pub(super) trait Hop: Send + Sync + 'static {
    /// What it does with one request and its answer; or its own answer.
    ///
    /// # Errors
    /// A [`Refusal`], where the request does not go on.
    fn takes(&self, asked: Asked<'_>) -> Result<Box<dyn Exchange>, Refusal>;
}

/// A request that has come.
pub(super) struct Asked<'a> {
    /// The host that asks.
    pub(super) from: &'a Name,
    pub(super) head: &'a RequestHead,
    /// Tells what the hop does with it.
    pub(super) teller: &'a Teller,
}

/// One request with its answer, as one kind of hop has it. Each part is passed on as it came, where
/// the kind does not say otherwise.
pub(super) trait Exchange: Send {
    /// The version that the next hop is asked in, and the one in which the client is answered.
    fn versions(&self) -> Versions {
        Versions { up: 1, down: 1 }
    }

    /// Changes the request's head on its way to the next hop.
    fn request(&mut self, _head: &mut RequestHead) {}

    /// Changes the answer's head on its way to the client. A length that no longer holds is taken
    /// away here.
    fn answer(&mut self, _head: &mut ResponseHead) {}

    /// What goes to the client of a piece of the body.
    fn body(&mut self, piece: Bytes) -> Bytes {
        piece
    }

    /// What still goes to the client at the end of a whole body.
    fn end(&mut self) -> Bytes {
        Bytes::new()
    }
}

/// Minor versions of HTTP/1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) up: u8,
    pub(super) down: u8,
}

/// Why a request does not go on, and what its client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) because: String,
}

/// The client's side of a connection.
struct Client {
    from: Name,
    teller: Teller,
    incoming: Incoming,
    writer: WriteHalf<Stream>,
}

/// Why there is no answer to pass on.
enum NoAnswer {
    ClientGone,
    Refused(Refusal),
}

/// Serves every client by itself.
pub(super) async fn serve(host: Host, next_hop: Name, hop: impl Hop) {
    let hop: Arc<dyn Hop> = Arc::new(hop);
    let Ok(mut listener) = host.listen() else { return };
    let mut clients = JoinSet::new();
    while let Ok((stream, _)) = mock_openai::wire::Accept::accept(&mut listener).await {
        // Those that are over are let go of.
        while clients.try_join_next().is_some() {}
        let client = Client::of(&host, stream);
        clients.spawn(client.served(Arc::clone(&hop), host.clone(), Arc::clone(&next_hop)));
    }
}

impl Client {
    fn of(host: &Host, stream: Stream) -> Self {
        let (from, teller) = (stream.peer(), Teller::of(host, &stream));
        let (reader, writer) = tokio::io::split(stream);
        Self { from, teller, incoming: Incoming::new(reader, PIECE_BYTES), writer }
    }

    /// Its requests, one after another.
    async fn served(mut self, hop: Arc<dyn Hop>, host: Host, next_hop: Name) {
        while let Some(request) = self.incoming.request().await {
            let stays = match self.begin(&*hop, &host, &next_hop, &request).await {
                Ok(passing) => passing.pass_on(&mut self).await,
                Err(NoAnswer::ClientGone) => return,
                Err(NoAnswer::Refused(Refusal { status, because })) => {
                    self.teller.tell(MiddleboxFact::Refused { because });
                    let (page, stays) = heads::error(&request.head, status);
                    self.writer.write_all(&page).await.is_ok() && stays
                }
            };
            if !stays {
                return;
            }
        }
    }

    /// Sends the request on and waits for the head of its answer. A client that goes meanwhile ends
    /// it: letting go of the stream closes the next hop.
    async fn begin(
        &mut self,
        hop: &dyn Hop,
        host: &Host,
        next_hop: &Name,
        request: &Request,
    ) -> Result<Passing, NoAnswer> {
        let Self { from, teller, incoming, .. } = self;
        let asked = Asked { from, head: &request.head, teller };
        let mut exchange = hop.takes(asked).map_err(NoAnswer::Refused)?;
        let answer = async {
            let mut upstream = host.connect(next_hop).await.map_err(|error| {
                bad_gateway(format!("{next_hop} does not take it: {:?}", error.kind()))
            })?;
            let mut head = request.head.clone();
            exchange.request(&mut head);
            let bytes = heads::up(&head, exchange.versions().up, &request.body);
            // A server may answer before it has read all.
            drop(upstream.write_all(&bytes).await);
            let answered = Answered::last(&mut upstream, HEAD_BOUNDS).await.map_err(|why| {
                bad_gateway(match why {
                    Unanswered::NoHttp => format!("what {next_hop} answers is no HTTP"),
                    Unanswered::Closed | Unanswered::Silent => {
                        format!("{next_hop} closed without an answer")
                    }
                })
            })?;
            Ok(Passing::new(teller.clone(), exchange, &request.head, upstream, answered))
        };
        tokio::select! {
            biased;
            answer = answer => answer,
            () = incoming.gone() => Err(NoAnswer::ClientGone),
        }
    }
}

fn bad_gateway(because: String) -> NoAnswer {
    NoAnswer::Refused(Refusal { status: 502, because })
}

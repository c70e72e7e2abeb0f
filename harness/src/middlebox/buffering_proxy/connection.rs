//! One client's connection: its requests, one after another.

use std::time::Duration;

use tokio::{
    io::{AsyncWriteExt as _, WriteHalf},
    time::timeout,
};

use super::{
    answer::{Answer, READ_TIMEOUT},
    heads,
};
use crate::{
    middlebox::{
        incoming::{Incoming, Request},
        teller::Teller,
        upstream::{Answered, HeadBounds, Unanswered},
    },
    net::{Host, Stream},
    scenario::BufferingProxy,
    trace::Name,
};

/// nginx `keepalive_timeout`, and near enough `client_header_timeout` (60 s).
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// nginx `proxy_connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_mins(1);

/// nginx `client_max_body_size`.
const REQUEST_BODY_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of one read: a page.
const READ_BYTES: usize = 4096;

/// The client's side of a connection.
pub(super) struct Client {
    pub(super) teller: Teller,
    pub(super) incoming: Incoming,
    pub(super) writer: WriteHalf<Stream>,
}

/// Why there is no answer to pass on.
enum NoAnswer {
    ClientGone,
    /// Status and reason phrase of the proxy's own answer.
    Error(u16, &'static str),
}

const BAD_GATEWAY: NoAnswer = NoAnswer::Error(502, "Bad Gateway");
const GATEWAY_TIMEOUT: NoAnswer = NoAnswer::Error(504, "Gateway Time-out");

pub(super) async fn serve(spec: BufferingProxy, host: Host, next_hop: Name, stream: Stream) {
    let teller = Teller::of(&host, &stream);
    let (reader, writer) = tokio::io::split(stream);
    let incoming = Incoming::new(reader, READ_BYTES).keeping(REQUEST_BODY_BYTES_MAX);
    let mut client = Client { teller, incoming, writer };
    while let Ok(Some(request)) = timeout(IDLE_TIMEOUT, client.incoming.request()).await {
        let stays = match begin(&spec, &host, &next_hop, &mut client, &request).await {
            Ok(answer) => answer.pass_on(&mut client).await,
            Err(NoAnswer::ClientGone) => return,
            Err(NoAnswer::Error(status, reason)) => {
                let (page, stays) = heads::error(&request.head, status, reason);
                client.writer.write_all(&page).await.is_ok() && stays
            }
        };
        if !stays {
            return;
        }
    }
}

/// Sends the request on and waits for the head of its answer. Whatever happens, a client that goes
/// meanwhile ends it: letting go of the stream closes the next hop.
async fn begin(
    spec: &BufferingProxy,
    host: &Host,
    next_hop: &Name,
    client: &mut Client,
    request: &Request,
) -> Result<Answer, NoAnswer> {
    if request.body.len() > REQUEST_BODY_BYTES_MAX {
        return Err(NoAnswer::Error(413, "Request Entity Too Large"));
    }
    let teller = client.teller.clone();
    let answer = async {
        let mut upstream = match timeout(CONNECT_TIMEOUT, host.connect(next_hop)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(_)) => return Err(BAD_GATEWAY),
            Err(_) => return Err(GATEWAY_TIMEOUT),
        };
        let bytes = heads::up(&request.head, spec.http, next_hop, &request.body);
        // A server may answer before it has read all.
        drop(upstream.write_all(&bytes).await);
        let size = usize::try_from(spec.buffer.0).unwrap_or(usize::MAX).max(1);
        // The head must fit into one buffer.
        let bounds = HeadBounds { piece: size, most: size, silence: Some(READ_TIMEOUT) };
        let answered = Answered::first(&mut upstream, bounds).await.map_err(|why| match why {
            Unanswered::Silent => GATEWAY_TIMEOUT,
            Unanswered::Closed | Unanswered::NoHttp => BAD_GATEWAY,
        })?;
        Ok(Answer::new(spec, &teller, &request.head, upstream, &answered))
    };
    tokio::select! {
        biased;
        answer = answer => answer,
        () = client.incoming.gone() => Err(NoAnswer::ClientGone),
    }
}

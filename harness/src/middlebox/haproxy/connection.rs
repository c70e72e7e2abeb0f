//! One client's connection: its requests, one after another.

use std::time::Duration;

use tokio::{
    io::{AsyncWriteExt as _, WriteHalf},
    time::{Instant, timeout},
};

use super::{PIECE_BYTES, answer::Answer, heads};
use crate::{
    middlebox::{
        incoming::{Incoming, Request},
        teller::Teller,
        upstream::{Answered, HeadBounds, Unanswered},
    },
    net::{Host, Stream},
    scenario::Haproxy,
    trace::Name,
};

/// `timeout server` and `timeout client` of Debian's `haproxy.cfg`.
const TIMEOUT: Duration = Duration::from_secs(50);

/// `timeout connect` of the same.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of one read of an answer, while its head has not ended.
const READ_BYTES: usize = 4096;

/// `retries`, and the pause before each.
const RETRIES: usize = 3;
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The client's side of a connection.
pub(super) struct Client {
    spec: Haproxy,
    pub(super) silence: Duration,
    teller: Teller,
    incoming: Incoming,
    pub(super) writer: WriteHalf<Stream>,
}

/// Why there is no answer to pass on.
enum NoAnswer {
    ClientGone,
    /// Status, reason phrase and words of the proxy's own answer.
    Error(u16, &'static str, &'static str),
}

const BAD_GATEWAY: NoAnswer =
    NoAnswer::Error(502, "Bad Gateway", "The server returned an invalid or incomplete response.");
const UNAVAILABLE: NoAnswer =
    NoAnswer::Error(503, "Service Unavailable", "No server is available to handle this request.");
const TIMED_OUT: NoAnswer =
    NoAnswer::Error(504, "Gateway Time-out", "The server didn't respond in time.");

impl Client {
    pub(super) fn new(spec: Haproxy, host: &Host, stream: Stream) -> Self {
        let teller = Teller::of(host, &stream);
        let silence = spec.timeout.map_or(TIMEOUT, |time| time.0);
        let (reader, writer) = tokio::io::split(stream);
        Self { spec, silence, teller, incoming: Incoming::new(reader, PIECE_BYTES), writer }
    }

    /// Its requests, one after another.
    pub(super) async fn served(mut self, host: Host, next_hop: Name) {
        while let Ok(Some(request)) = timeout(self.silence, self.incoming.request()).await {
            let stays = match self.begin(&host, &next_hop, &request).await {
                Ok(answer) => answer.pass_on(&mut self).await,
                Err(NoAnswer::ClientGone) => return,
                Err(NoAnswer::Error(status, reason, words)) => {
                    let (page, stays) = heads::error(&request.head, status, reason, words);
                    self.writer.write_all(&page).await.is_ok() && stays
                }
            };
            if !stays {
                return;
            }
        }
    }

    /// Resolves when the client goes, half-closed or not; without `option abortonclose` never.
    pub(super) async fn gone(&mut self) {
        if !self.spec.abort_on_close {
            std::future::pending::<()>().await;
        }
        self.incoming.gone().await;
    }

    /// Sends the request on and waits for the head of its answer.
    async fn begin(
        &mut self,
        host: &Host,
        next_hop: &Name,
        request: &Request,
    ) -> Result<Answer, NoAnswer> {
        let (silence, teller) = (self.silence, self.teller.clone());
        let no_delay = self.spec.http_no_delay;
        let answer = async {
            let mut upstream = connect(host, next_hop).await?;
            // A server may answer before it has read all.
            drop(upstream.write_all(&heads::up(&request.head, &request.body)).await);
            let bounds =
                HeadBounds { piece: READ_BYTES, most: PIECE_BYTES, silence: Some(silence) };
            let answered =
                Answered::last(&mut upstream, bounds).await.map_err(|why| match why {
                    Unanswered::Silent => TIMED_OUT,
                    Unanswered::Closed | Unanswered::NoHttp => BAD_GATEWAY,
                })?;
            let read_by = Instant::now() + silence;
            let mut answer = Answer::new(teller, &request.head.method, upstream, no_delay, read_by);
            answer.begin(&request.head, &answered);
            Ok(answer)
        };
        tokio::select! {
            biased;
            answer = answer => answer,
            () = self.gone() => Err(NoAnswer::ClientGone),
        }
    }
}

async fn connect(host: &Host, next_hop: &Name) -> Result<Stream, NoAnswer> {
    for _ in 0..RETRIES {
        match timeout(CONNECT_TIMEOUT, host.connect(next_hop)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(_)) => tokio::time::sleep(RETRY_PAUSE).await,
            Err(_) => {}
        }
    }
    let last = timeout(CONNECT_TIMEOUT, host.connect(next_hop)).await;
    last.ok().and_then(Result::ok).ok_or(UNAVAILABLE)
}

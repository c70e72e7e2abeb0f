//! HTTP/2 for clients, on the `h2` crate.
//!
//! hyper's own glue on the same crate cannot keep two promises: it drops what is queued when a
//! body fails, so that an error event would be lost, and it leaves a body alone while the client's
//! window is shut, so that nothing could ever end it. Here one piece is queued at a time, the next
//! one or the `RST_STREAM` (which drops what is queued) waits until it has left, and that wait has
//! a budget.
//!
//! The relay holds of each stream a piece of [`BUFFER`] bytes in `h2`, and the rest of the one
//! that came from the provider.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use h2::{
    Reason, RecvStream, SendStream,
    server::{Builder, Connection, SendResponse},
};
use http::{HeaderValue, Request, Response, header};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tower::ServiceExt as _;

use crate::{
    serve::{BUFFER, within},
    state::{Phase, Relay},
    wire::{Client, Wire},
};

/// Streams at once on one connection: what RFC 9113 6.5.2 recommends at least.
const STREAMS: u32 = 100;

/// What a client may send ahead on all streams of a connection (hyper's default). It bounds what
/// is held of request bodies that nobody has read yet.
const UPLOADS: u32 = 1 << 20;

/// What `h2` may hold of a stream before it has no room for more: with one byte, room means that
/// all before has left and the window is open.
const ROOM: usize = 1;

/// The rest are defaults of `h2` that bound floods: 20 streams reset before they were accepted,
/// 50 reset ones remembered, 1024 resets that the client's errors caused, `CONTINUATION` frames by
/// the size of the head.
fn settings() -> Builder {
    let head = u32::try_from(BUFFER).unwrap_or(u32::MAX);
    let mut settings = Builder::new();
    settings
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(head)
        .initial_connection_window_size(UPLOADS)
        .max_send_buffer_size(ROOM);
    settings
}

/// Serves one connection until either side ends it. All its streams live in this one future, so
/// that none outlives it.
pub(crate) async fn serve<Io>(relay: &Relay, router: &Router, io: Wire<Io>, client: &Client)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let patience = relay.config.request_head;
    let Some(Ok(mut connection)) = within(patience, settings().handshake(io)).await else { return };
    let mut streams = FuturesUnordered::new();
    let mut draining = pin!(relay.phases.clone().reached(Phase::Draining));
    let mut ending = pin!(relay.phases.clone().reached(Phase::Ending));
    let mut phase = Phase::Running;
    let (mut served, mut leaves) = (false, false);
    let mut unused_since = Instant::now();
    loop {
        let budget = if leaves { relay.config.stalled_client.or(patience) } else { patience };
        let left = budget.map(|budget| budget.saturating_sub(unused_since.elapsed()));
        let unused = within(left, std::future::pending::<()>());
        tokio::select! {
            biased;
            () = &mut draining, if phase == Phase::Running => {
                (phase, leaves, unused_since) = (Phase::Draining, true, Instant::now());
                leave(&mut connection, served);
            }
            () = &mut ending, if phase == Phase::Draining => {
                phase = Phase::Ending;
                if streams.is_empty() {
                    leave(&mut connection, false);
                }
            }
            Some(()) = streams.next() => unused_since = Instant::now(),
            // How a connection fails is the client's affair, or was already told in its streams.
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    served = true;
                    let client = client.of_stream();
                    let date = relay.date();
                    let stalled = relay.config.stalled_client;
                    streams.push(exchange(router.clone(), request, respond, client, date, stalled));
                }
                Some(Err(_)) | None => return,
            },
            _ = unused, if streams.is_empty() => {
                leave(&mut connection, served && !leaves);
                (leaves, unused_since) = (true, Instant::now());
            }
        }
    }
}

/// Says `GOAWAY`. It names the last stream that was served, so what comes now is safe to repeat.
///
/// Of answers that are over, the client's window may hold back the rest in `h2`, which does not tell so.
/// With `patience` it sends that before it closes; without, nothing any more. The patience is none where
/// nothing was ever served: `h2` asks the client by a `PING` first.
fn leave<Io>(connection: &mut Connection<Wire<Io>, Bytes>, patience: bool)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    if patience {
        connection.graceful_shutdown();
    } else {
        connection.abrupt_shutdown(Reason::NO_ERROR);
    }
}

/// One request and its answer.
async fn exchange(
    router: Router,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    client: Client,
    date: Option<HeaderValue>,
    stalled: Option<Duration>,
) {
    let mut request = request.map(|body| Body::new(Upload(body)));
    request.extensions_mut().insert(client.clone());
    let response = tokio::select! {
        biased;
        _ = poll_fn(|cx| respond.poll_reset(cx)) => return,
        response = router.oneshot(request) => response.unwrap_or_else(|e| match e {}),
    };
    let (mut head, body) = response.into_parts();
    if let Some(date) = date {
        head.headers.entry(header::DATE).or_insert(date);
    }
    let ends = body.is_end_stream();
    let Ok(to) = respond.send_response(Response::from_parts(head, ()), ends) else {
        return respond.send_reset(Reason::INTERNAL_ERROR);
    };
    // What is left of its handle would keep the stream open.
    drop(respond);
    if !ends {
        send(body, to, &client, stalled).await;
    }
}

/// Sends a body, piece by piece. A client that does not take one within the budget is given up.
async fn send(
    mut body: Body,
    mut to: SendStream<Bytes>,
    client: &Client,
    stalled: Option<Duration>,
) {
    loop {
        let frame = tokio::select! {
            biased;
            _ = poll_fn(|cx| to.poll_reset(cx)) => return,
            frame = body.frame() => frame,
        };
        let (mut data, broken) = match frame {
            None => return drop(to.send_data(Bytes::new(), true)),
            Some(Err(_)) => (Bytes::new(), true),
            // The relay sends no trailers.
            Some(Ok(frame)) => (frame.into_data().unwrap_or_default(), false),
        };
        while broken || !data.is_empty() {
            match within(stalled, room(&mut to)).await {
                Some(Some(())) if broken => return to.send_reset(Reason::INTERNAL_ERROR),
                Some(Some(())) => {
                    let piece = data.split_to(data.len().min(BUFFER));
                    if to.send_data(piece, false).is_err() {
                        return;
                    }
                }
                Some(None) => return,
                None => {
                    client.give_up();
                    return to.send_reset(Reason::CANCEL);
                }
            }
        }
    }
}

/// Resolves when there is [`ROOM`]; with `None` once the stream is over.
async fn room(to: &mut SendStream<Bytes>) -> Option<()> {
    to.reserve_capacity(ROOM);
    poll_fn(|cx| {
        loop {
            if to.capacity() > 0 {
                return Poll::Ready(Some(()));
            }
            let Some(Ok(_)) = ready!(to.poll_capacity(cx)) else { return Poll::Ready(None) };
        }
    })
    .await
}

/// A request's body; what was taken of it, the client may send anew.
struct Upload(RecvStream);

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let data = ready!(self.0.poll_data(cx));
        Poll::Ready(data.map(|data| {
            let data = data?;
            self.0.flow_control().release_capacity(data.len())?;
            Ok(Frame::data(data))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}

//! A connection of HTTP/2 with prior knowledge (RFC 9113), by the `h2` crate: many answers at once,
//! each played on a stream as it is on a connection of HTTP/1.
//!
//! ```text
//! player --> stream (a wire of its own) --> h2 --> line --> the connection's socket
//! ```

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use bytes::{Bytes, BytesMut};
use h2::{
    Reason, RecvStream,
    server::{Builder, Connection, SendResponse},
};
use tokio::task::JoinSet;

use crate::{
    http::{BODY_MAX, Head},
    journal::PeerEnd,
    socket::Socket,
    wire::Wire,
};

mod line;
mod order;
mod stream;

pub(crate) use order::{Ending, Order};

use line::Line;
use order::Orders;
pub(crate) use stream::Stream;

/// What a client of HTTP/2 sends before all else (RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What waits in a stream until the socket takes it, in bytes: one frame of the usual size. What is
/// told as written has all but left.
const QUEUE: usize = 16 << 10;

/// Whether what came so far begins a connection of HTTP/2; `None` while that cannot be told.
pub(crate) fn begins(bytes: &[u8]) -> Option<bool> {
    let len = bytes.len().min(PREFACE.len());
    if bytes[..len] != PREFACE[..len] {
        return Some(false);
    }
    (len == PREFACE.len()).then_some(true)
}

/// A request whose head was read, and the stream to answer it on.
pub(crate) struct Asked {
    pub(crate) head: Head,
    body: RecvStream,
    respond: SendResponse<Bytes>,
    orders: Arc<Orders>,
}

impl Asked {
    fn new(request: http::Request<RecvStream>, of: (SendResponse<Bytes>, Arc<Orders>)) -> Self {
        let (parts, body) = request.into_parts();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let fields = parts.headers.iter();
        let mut headers: Vec<(String, String)> =
            fields.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        if let Some(authority) = parts.uri.authority() {
            headers.insert(0, ("host".to_owned(), authority.to_string()));
        }
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let method = parts.method.to_string();
        let head = Head { method, target: target.to_owned(), minor_version: 1, headers };
        Self { head, body, respond: of.0, orders: of.1 }
    }

    /// The head, the body once it is whole, and the socket to answer on. `None` where the peer goes
    /// before, or sends more than any provider takes.
    pub(crate) async fn read(mut self) -> (Head, Option<(Bytes, Socket<Stream>)>) {
        let mut body = BytesMut::new();
        while let Some(piece) = self.body.data().await {
            let Ok(piece) = piece else { return (self.head, None) };
            if (body.len() + piece.len()) as u64 > BODY_MAX {
                self.respond.send_reset(Reason::REFUSED_STREAM);
                return (self.head, None);
            }
            // A stream that is over needs no window.
            self.body.flow_control().release_capacity(piece.len()).unwrap_or_default();
            body.extend_from_slice(&piece);
        }
        let ending = Ending::default();
        let stream = Stream::new(self.respond, (self.orders, ending.clone()));
        (self.head, Some((body.freeze(), Socket::of_stream(stream, ending))))
    }
}

/// What the connection has to do next.
enum Step {
    Asked(Box<(http::Request<RecvStream>, SendResponse<Bytes>)>),
    Order(Order),
    Closing,
    /// It is over, or the answer that ended it has told so.
    Over,
}

/// Serves the streams of a connection until it is over; `answer` makes what plays one of them.
pub(crate) async fn serve<W: Wire, F: Future<Output = ()> + Send + 'static>(
    socket: Socket<W>,
    closing: impl Future<Output = ()>,
    mut answer: impl FnMut(Asked) -> F,
) -> Option<PeerEnd> {
    let orders = Arc::new(Orders::default());
    let line = Line::new(socket, Arc::clone(&orders));
    let mut answers = JoinSet::new();
    let mut builder = Builder::new();
    builder.max_send_buffer_size(QUEUE);
    let Ok(mut connection) = builder.handshake(line.clone()).await else { return orders.gone() };
    let mut closing = pin!(closing);
    let mut closes = false;
    loop {
        let step = poll_fn(|cx| {
            if let Poll::Ready(step) = poll_line(&mut connection, &line, &orders, cx) {
                return Poll::Ready(step);
            }
            while let Poll::Ready(Some(_)) = answers.poll_join_next(cx) {
                if orders.is_cut() {
                    return Poll::Ready(Step::Over);
                }
            }
            if !closes && closing.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Step::Closing);
            }
            Poll::Pending
        });
        match step.await {
            Step::Asked(asked) => {
                let (request, respond) = *asked;
                let asked = Asked::new(request, (respond, Arc::clone(&orders)));
                answers.spawn(answer(asked));
            }
            Step::Closing => {
                closes = true;
                connection.graceful_shutdown();
            }
            Step::Order(order) => carry_out(order, &mut connection, &line, &orders).await,
            Step::Over => break,
        }
    }
    if !orders.is_cut() {
        // The peer is gone: who still answers tells that, and ends.
        orders.over();
        while answers.join_next().await.is_some() {}
    }
    orders.gone()
}

/// Drives the connection: what is queued leaves, and only then an order is carried out.
fn poll_line<W: Wire>(
    connection: &mut Connection<Line<W>, Bytes>,
    line: &Line<W>,
    orders: &Orders,
    cx: &mut std::task::Context<'_>,
) -> Poll<Step> {
    if orders.is_cut() {
        return Poll::Pending;
    }
    orders.drives(cx.waker());
    let handed = orders.handed();
    match connection.poll_accept(cx) {
        Poll::Ready(Some(Ok((request, respond)))) => {
            return Poll::Ready(Step::Asked(Box::new((request, respond))));
        }
        Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Step::Over),
        Poll::Pending if line.is_full() => return Poll::Pending,
        Poll::Pending => {}
    }
    orders.left(handed);
    orders.take().map_or(Poll::Pending, |order| Poll::Ready(Step::Order(order)))
}

/// Does to the connection what an answer's end asks for.
async fn carry_out<W: Wire>(
    order: Order,
    connection: &mut Connection<Line<W>, Bytes>,
    line: &Line<W>,
    orders: &Orders,
) {
    match order {
        Order::GoAway(Reason::NO_ERROR) => {
            connection.graceful_shutdown();
            return orders.done();
        }
        Order::GoAway(reason) => {
            connection.abrupt_shutdown(reason);
            // What it says of its end is what was asked for.
            drop(poll_fn(|cx| connection.poll_closed(cx)).await);
        }
        Order::Fin | Order::HalfClose | Order::EndStream | Order::ResetStream(_) => {
            // A failure means that the peer is gone too.
            drop(line.shut_down().await);
        }
    }
    orders.cut();
    if order == Order::HalfClose {
        line.drain().await;
    }
}

//! One stream as a wire of its own, on which an answer is played as on a connection of HTTP/1.
//!
//! The player writes the head as text, as it does for HTTP/1, and the body without framing. It
//! writes a head whole, never in parts.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{Reason, SendStream, server::SendResponse};
use http::{HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::order::{Ending, OF_HTTP_1, Order, Orders};
use crate::{journal::PeerEnd, wire::Wire};

/// Most header fields of an answer.
const FIELDS_MAX: usize = 256;

/// A stream, the end of which is ordered by who plays on it.
pub(crate) struct Stream {
    state: State,
    orders: Arc<Orders>,
    /// How it is to be ended.
    ending: Ending,
    /// The count of what it queued last.
    handed: u64,
    is_ordered: bool,
}

enum State {
    Head(SendResponse<Bytes>),
    Body(SendStream<Bytes>),
}

impl Stream {
    pub(super) fn new(
        respond: SendResponse<Bytes>,
        (orders, ending): (Arc<Orders>, Ending),
    ) -> Self {
        let state = State::Head(respond);
        Self { state, orders, ending, handed: 0, is_ordered: false }
    }

    fn head(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let State::Head(respond) = &mut self.state else { return Err(invalid()) };
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut read = httparse::Response::new(&mut fields);
        let Ok(httparse::Status::Complete(len)) = read.parse(bytes) else { return Err(invalid()) };
        let mut head = http::Response::new(());
        *head.status_mut() = read.code.and_then(|code| code.try_into().ok()).ok_or_else(invalid)?;
        for field in read.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| invalid())?;
            let value = HeaderValue::from_bytes(field.value).map_err(|_| invalid())?;
            if !OF_HTTP_1.contains(&name.as_str()) {
                head.headers_mut().append(name, value);
            }
        }
        let body = respond.send_response(head, false).map_err(io::Error::other)?;
        self.state = State::Body(body);
        Ok(len)
    }

    fn poll_left(&self, cx: &Context<'_>) -> Poll<()> {
        if self.orders.has_left(self.handed, cx.waker()) { Poll::Ready(()) } else { Poll::Pending }
    }

    fn reset(&mut self, reason: Reason) {
        match &mut self.state {
            State::Head(respond) => respond.send_reset(reason),
            State::Body(body) => body.send_reset(reason),
        }
        self.orders.hand();
    }
}

impl AsyncRead for Stream {
    /// Nothing comes after a request; ready when the peer gave the stream up or went away.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.orders.gone() {
            Some(PeerEnd::Fin) => return Poll::Ready(Ok(())),
            Some(PeerEnd::Reset) => {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            None => self.orders.watch(cx.waker()),
        }
        // Nobody can give up what this side has cut.
        if self.orders.is_cut() {
            return Poll::Pending;
        }
        let reset = match &mut self.state {
            State::Head(respond) => respond.poll_reset(cx),
            State::Body(body) => body.poll_reset(cx),
        };
        reset.map(|_| Err(io::ErrorKind::ConnectionReset.into()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let State::Body(body) = &mut self.state else {
            let head = self.head(bytes)?;
            self.handed = self.orders.hand();
            return Poll::Ready(Ok(head));
        };
        body.reserve_capacity(bytes.len());
        while body.capacity() == 0 {
            match ready!(body.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let len = bytes.len().min(body.capacity());
        let piece = Bytes::copy_from_slice(&bytes[..len]);
        body.send_data(piece, false).map_err(io::Error::other)?;
        self.handed = self.orders.hand();
        Poll::Ready(Ok(len))
    }

    /// Ready when what was written has left for the connection's socket: a reset would overtake it.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_left(cx).map(Ok)
    }

    /// Ends it as it was ordered.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_left(cx));
        match self.ending.said() {
            Order::EndStream => {
                let trailers = self.ending.trailers();
                let State::Body(body) = &mut self.state else { return Poll::Ready(Ok(())) };
                let sent = if trailers.is_empty() {
                    body.send_data(Bytes::new(), true)
                } else {
                    body.send_trailers(trailers)
                };
                self.orders.hand();
                Poll::Ready(sent.map_err(io::Error::other))
            }
            Order::ResetStream(reason) => {
                self.reset(reason);
                Poll::Ready(Ok(()))
            }
            order @ (Order::Fin | Order::HalfClose | Order::GoAway(_)) => {
                if !std::mem::replace(&mut self.is_ordered, true) {
                    self.orders.give(order);
                }
                if self.orders.is_done(cx.waker()) { Poll::Ready(Ok(())) } else { Poll::Pending }
            }
        }
    }
}

impl Wire for Stream {
    fn poll_reset(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_left(cx));
        self.reset(Reason::INTERNAL_ERROR);
        Poll::Ready(Ok(()))
    }
}

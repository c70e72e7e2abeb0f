//! An answer's body.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    exchange::Exchange,
    framing::{Framing, Piece},
    pool::Pool,
};
use crate::serve::BoxError;

/// Dropped before its end, it closes the connection.
pub(super) struct DirectBody<T> {
    /// Taken at the end.
    exchange: Option<Exchange<T>>,
    framing: Framing,
    /// Where the connection is kept at the end.
    keep: Option<(Pool<T>, String)>,
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> DirectBody<T> {
    pub(super) fn new(
        exchange: Exchange<T>,
        framing: Framing,
        keep: Option<(Pool<T>, String)>,
    ) -> Self {
        let mut body = Self { exchange: Some(exchange), framing, keep };
        if framing.has_ended() {
            body.end();
        }
        body
    }

    fn end(&mut self) {
        let io = self.exchange.take().and_then(Exchange::into_idle);
        if let (Some(io), Some((pool, to))) = (io, self.keep.take()) {
            pool.keep(to, io);
        }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BoxError>> {
        let Some(exchange) = &mut self.exchange else { return Poll::Ready(Ok(None)) };
        let framing = &mut self.framing;
        match ready!(exchange.poll_take(cx, |input| framing.piece(input)))? {
            Some(Piece::Data(bytes)) => {
                if self.framing.has_ended() {
                    self.end();
                }
                return Poll::Ready(Ok(Some(bytes)));
            }
            Some(Piece::End) => self.end(),
            None => {
                self.framing.close()?;
                self.exchange = None;
            }
        }
        Poll::Ready(Ok(None))
    }
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Body for DirectBody<T> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let data = ready!(self.poll_data(cx));
        if data.is_err() {
            self.exchange = None;
        }
        Poll::Ready(data.transpose().map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.framing.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

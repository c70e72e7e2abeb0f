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
    framing::{Framing, Taken},
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
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Body for DirectBody<T> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        while let Some(exchange) = &mut this.exchange {
            match this.framing.take(&mut exchange.input) {
                Ok(Taken::Data(bytes)) => {
                    // A mistake behind it is found again.
                    let bytes = this.framing.gather(bytes, &mut exchange.input);
                    if this.framing.has_ended() {
                        this.end();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Ok(Taken::End) => this.end(),
                Ok(Taken::Nothing) => {
                    let more = match ready!(exchange.poll_more(cx)) {
                        Ok(0) => this.framing.close().map(|()| false).map_err(Into::into),
                        Ok(_) => Ok(true),
                        Err(error) => Err(error.into()),
                    };
                    match more {
                        Ok(true) => {}
                        Ok(false) => this.exchange = None,
                        Err(error) => {
                            this.exchange = None;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                Err(error) => {
                    this.exchange = None;
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.framing.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

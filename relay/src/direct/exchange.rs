//! A connection with a request on its way out and an answer on its way in.

use std::{
    io,
    mem::{MaybeUninit, take},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes, BytesMut};
use http::Method;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head::{self, Head};
use crate::{pieces::PIECE, serve::BoxError};

#[derive(Debug)]
pub(super) struct Exchange<T> {
    io: T,
    /// What is still to go out: the request's head, and its body.
    out: [Bytes; 2],
    /// Why the provider takes no more; it may still answer.
    deaf: Option<io::Error>,
    /// What has come and is not taken: less than a line as a rule. Without a buffer while there is nothing.
    rest: BytesMut,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Exchange<T> {
    pub(super) fn new(io: T, out: [Bytes; 2]) -> Self {
        Self { io, out, deaf: None, rest: BytesMut::new() }
    }

    /// The connection, for another exchange, where this one has left nothing of itself on it.
    pub(super) fn into_idle(self) -> Option<T> {
        let sent = self.out.iter().all(Bytes::is_empty);
        (sent && self.deaf.is_none() && self.rest.is_empty()).then_some(self.io)
    }

    /// Resolves with the answer's head.
    pub(super) fn poll_head(
        &mut self,
        method: &Method,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Head, BoxError>> {
        let head = ready!(self.poll_take(cx, |input| head::read(input, method)))?;
        Poll::Ready(head.ok_or_else(|| {
            let ended = "the provider closed the connection before its answer";
            io::Error::new(io::ErrorKind::UnexpectedEof, ended).into()
        }))
    }

    /// Sends what can be sent, and resolves with what `take` takes of what has come; `None` where the
    /// connection ends before that.
    pub(super) fn poll_take<R, E: Into<BoxError>>(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&mut &[u8]) -> Result<Option<R>, E>,
    ) -> Poll<Result<Option<R>, BoxError>> {
        if let Some(taken) = self.take_of_rest(&mut take).map_err(Into::into)? {
            return Poll::Ready(Ok(Some(taken)));
        }
        loop {
            self.send(cx);
            // On the stack: an idle stream needs none.
            let mut room = [const { MaybeUninit::uninit() }; PIECE];
            let mut read = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut read))?;
            let mut came = read.filled();
            if came.is_empty() {
                // A socket tells of a reset once: what was told to the writer looks like an end here.
                return Poll::Ready(self.deaf.take().map_or(Ok(None), |error| Err(error.into())));
            }
            let taken = if self.rest.is_empty() {
                let taken = take(&mut came);
                self.rest.extend_from_slice(came);
                taken
            } else {
                self.rest.extend_from_slice(came);
                self.take_of_rest(&mut take)
            };
            if let Some(taken) = taken.map_err(Into::into)? {
                return Poll::Ready(Ok(Some(taken)));
            }
        }
    }

    fn take_of_rest<R, E>(
        &mut self,
        take: impl FnOnce(&mut &[u8]) -> Result<Option<R>, E>,
    ) -> Result<Option<R>, E> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut left = &self.rest[..];
        let taken = take(&mut left);
        let left = left.len();
        self.rest.advance(self.rest.len() - left);
        if left == 0 {
            // Its memory is of no use any more.
            self.rest = BytesMut::new();
        }
        taken
    }

    fn send(&mut self, cx: &mut Context<'_>) {
        while self.deaf.is_none() && self.out.iter().any(|part| !part.is_empty()) {
            let slices = self.out.each_ref().map(|part| io::IoSlice::new(part));
            match Pin::new(&mut self.io).poll_write_vectored(cx, &slices) {
                Poll::Ready(Ok(0)) => self.deaf = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Err(error)) => self.deaf = Some(error),
                Poll::Ready(Ok(sent)) => self.sent(sent),
                Poll::Pending => return,
            }
        }
    }

    fn sent(&mut self, mut count: usize) {
        for part in &mut self.out {
            let here = count.min(part.len());
            count -= here;
            part.advance(here);
            if part.is_empty() {
                // Lets go of the request while its answer may go on for long.
                drop(take(part));
            }
        }
    }
}

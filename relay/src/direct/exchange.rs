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
    /// What has come and is not taken. Without a buffer while there is nothing.
    pub(super) input: BytesMut,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Exchange<T> {
    pub(super) fn new(io: T, out: [Bytes; 2]) -> Self {
        Self { io, out, deaf: None, input: BytesMut::new() }
    }

    /// The connection, for another exchange, where this one has left nothing of itself on it.
    pub(super) fn into_idle(self) -> Option<T> {
        let sent = self.out.iter().all(Bytes::is_empty);
        (sent && self.deaf.is_none() && self.input.is_empty()).then_some(self.io)
    }

    /// Sends what can be sent, and resolves with the answer's head.
    pub(super) fn poll_head(
        &mut self,
        method: &Method,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Head, BoxError>> {
        loop {
            if let Some(head) = head::read(&mut self.input, method)? {
                return Poll::Ready(Ok(head));
            }
            if ready!(self.poll_more(cx))? == 0 {
                let ended = io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the provider closed the connection before its answer",
                );
                return Poll::Ready(Err(ended.into()));
            }
        }
    }

    /// Sends what can be sent, and reads what has come into [`Self::input`]; 0 is the end.
    pub(super) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.send(cx);
        if self.input.is_empty() {
            // What was taken of it may be gone, and its memory can be.
            self.input = BytesMut::new();
        }
        // On the stack: an idle stream needs none.
        let mut room = [const { MaybeUninit::uninit() }; PIECE];
        let mut read = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut read))?;
        self.input.extend_from_slice(read.filled());
        let length = read.filled().len();
        // A socket tells of a reset once: what was told to the writer looks like an end to the reader.
        Poll::Ready(self.deaf.take_if(|_| length == 0).map_or(Ok(length), Err))
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

//! The second stage of a connection's end (RFC 9112 9.6): all was written, and the client may still send.

use std::{
    future::Future as _,
    mem::MaybeUninit,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::Sleep,
};

/// How long the rest of a request is taken that nobody reads, and how much of it. At the end of a drain it
/// has to be over within the last words of `serve.rs`.
const PARTING: Duration = Duration::from_millis(500);
const PARTING_BYTES: u64 = 16 << 20;

/// A socket that is closed with bytes unread is reset, and the reset takes from the client what it has
/// not read of its answer. So what comes is taken and dropped, until the client ends too.
#[derive(Debug)]
pub(crate) struct Parting {
    over: Pin<Box<Sleep>>,
    left: u64,
}

impl Parting {
    pub(crate) fn new() -> Self {
        Self { over: Box::pin(tokio::time::sleep(PARTING)), left: PARTING_BYTES }
    }

    pub(crate) fn poll(
        &mut self,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        while self.left > 0 {
            let mut bytes = [MaybeUninit::uninit(); 4 << 10];
            let mut bytes = ReadBuf::uninit(&mut bytes);
            match pin!(&mut *io).poll_read(cx, &mut bytes) {
                Poll::Pending => return self.over.as_mut().poll(cx),
                Poll::Ready(Ok(())) if !bytes.filled().is_empty() => {
                    self.left = self.left.saturating_sub(bytes.filled().len() as u64);
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }
}

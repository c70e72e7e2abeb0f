//! A client's socket, watched: when what was written has left, and when the client takes nothing.

use std::{
    future::Future as _,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use crate::metrics::Level;
use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

/// What is known of the client of one connection; every body on that connection shares it.
#[derive(Debug, Clone)]
pub(crate) struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    /// How often everything that was written had been handed to the socket.
    flushes: AtomicU64,
    flushed: AtomicWaker,
    stalled: AtomicBool,
    /// Bytes of bodies that were given to hyper since the last flush, and the gauge of all of them.
    held: AtomicI64,
    gauge: OnceLock<Level>,
}

impl Shared {
    /// What was held has left, or never will.
    fn release(&self) {
        if let Some(gauge) = self.gauge.get() {
            gauge.dec_by(self.held.swap(0, Ordering::AcqRel));
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.release();
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self(Arc::new(Shared {
            address,
            flushes: AtomicU64::new(0),
            flushed: AtomicWaker::new(),
            stalled: AtomicBool::new(false),
            held: AtomicI64::new(0),
            gauge: OnceLock::new(),
        }))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// So many bytes are given to hyper; they count in the gauge until the next flush.
    pub(crate) fn hold(&self, bytes: u64, gauge: &Level) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.0.gauge.get_or_init(|| gauge.clone()).inc_by(bytes);
        self.0.held.fetch_add(bytes, Ordering::AcqRel);
    }

    /// A mark to hand to [`Self::poll_flushed`].
    pub(crate) fn mark(&self) -> u64 {
        self.0.flushes.load(Ordering::Acquire)
    }

    /// Ready once everything that was emitted before `mark` was taken has left for the socket.
    pub(crate) fn poll_flushed(&self, mark: u64, cx: &Context<'_>) -> Poll<()> {
        self.0.flushed.register(cx.waker());
        if self.mark() > mark { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Everything that was written has left.
    pub(crate) fn flushed(&self) {
        self.0.flushes.fetch_add(1, Ordering::AcqRel);
        self.0.flushed.wake();
    }

    /// Whether the connection was given up because the client took nothing.
    pub(crate) fn has_stalled(&self) -> bool {
        self.0.stalled.load(Ordering::Acquire)
    }
}

/// The socket itself. It fails with [`io::ErrorKind::TimedOut`] when a write makes no progress
/// for the whole budget.
#[derive(Debug)]
pub(crate) struct Wire<Io> {
    io: Io,
    client: Client,
    budget: Option<Duration>,
    /// Made at the first write that has to wait, and kept for the next.
    patience: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl<Io> Wire<Io> {
    pub(crate) fn new(io: Io, client: Client, budget: Option<Duration>) -> Self {
        Self { io, client, budget, patience: None, waiting: false }
    }

    fn judge(
        &mut self,
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let Some(budget) = self.budget else { return written };
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        let over = Instant::now() + budget;
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(budget)));
        if !self.waiting {
            self.waiting = true;
            patience.as_mut().reset(over);
        }
        patience.as_mut().poll(cx).map(|()| {
            self.client.0.stalled.store(true, Ordering::Release);
            Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing"))
        })
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Wire<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        pin!(&mut self.io).poll_read(cx, buffer)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Wire<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = pin!(&mut self.io).poll_write(cx, bytes);
        self.judge(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = pin!(&mut self.io).poll_write_vectored(cx, slices);
        self.judge(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// hyper flushes its writer only when its own buffer is empty, so each flush means that all
    /// was handed over.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = pin!(&mut self.io).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.client.0.release();
            self.client.0.flushes.fetch_add(1, Ordering::AcqRel);
            self.client.0.flushed.wake();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn address() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_for_the_budget_is_given_up() {
        let (near, mut far) = tokio::io::duplex(4);
        let client = Client::new(address());
        let mut wire = Wire::new(near, client.clone(), Some(Duration::from_mins(1)));
        let begun = Instant::now();
        let reader = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(50)).await;
            let mut taken = [0; 4];
            far.read_exact(&mut taken).await.unwrap();
            std::future::pending::<()>().await;
        });
        let written = wire.write_all(b"twelve bytes");
        let bound = Duration::from_hours(1);
        let error = tokio::time::timeout(bound, written).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(client.has_stalled());
        assert_eq!(begun.elapsed(), Duration::from_secs(110), "progress at 50 s starts it again");
        reader.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_mark_is_passed_by_the_next_flush_only() {
        let (near, _far) = tokio::io::duplex(64);
        let client = Client::new(address());
        let mut wire = Wire::new(near, client.clone(), None);
        wire.flush().await.unwrap();
        let mark = client.mark();
        let cx = Context::from_waker(std::task::Waker::noop());
        assert_eq!(client.poll_flushed(mark, &cx), Poll::Pending);
        wire.write_all(b"event").await.unwrap();
        assert_eq!(client.poll_flushed(mark, &cx), Poll::Pending);
        wire.flush().await.unwrap();
        assert_eq!(client.poll_flushed(mark, &cx), Poll::Ready(()));
    }
}

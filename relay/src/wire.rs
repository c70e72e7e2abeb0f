//! A client's socket, watched: when what was written has left, and when the client takes nothing.

use std::{
    future::Future as _,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

use crate::{metrics::Given, parting::Parting};

/// What is known of the client of one connection; every body on that connection shares it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    shared: Arc<Shared>,
    /// Whether this stream of an HTTP/2 connection was given up; there, a mark means nothing.
    stream: Option<Arc<AtomicBool>>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    /// How often everything that was written had been handed to the socket.
    flushes: AtomicU64,
    flushed: AtomicWaker,
    stalled: AtomicBool,
    /// Whether a request's body was left unread.
    unread: AtomicBool,
    /// Bytes of bodies that were given to hyper since the last flush.
    held: AtomicI64,
    /// How many of them the gauge counts: those that a write had to wait for.
    counted: AtomicI64,
    given: Given,
}

impl Shared {
    /// What is held is so for longer than it takes to write it.
    fn count(&self) {
        let held = self.held.load(Ordering::Acquire);
        self.given.held.inc_by(held - self.counted.swap(held, Ordering::AcqRel));
    }

    /// What was held has left, or never will.
    fn release(&self) {
        self.held.store(0, Ordering::Release);
        if self.counted.load(Ordering::Acquire) != 0 {
            self.given.held.dec_by(self.counted.swap(0, Ordering::AcqRel));
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.release();
    }
}

impl Client {
    /// A client whose bytes count as given, and as held while they wait.
    pub(crate) fn new(address: SocketAddr, given: Given) -> Self {
        let shared = Arc::new(Shared {
            address,
            flushes: AtomicU64::new(0),
            flushed: AtomicWaker::new(),
            stalled: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            held: AtomicI64::new(0),
            counted: AtomicI64::new(0),
            given,
        });
        Self { shared, stream: None }
    }

    /// The client of one more stream of an HTTP/2 connection.
    pub(crate) fn of_stream(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), stream: Some(Arc::default()) }
    }

    /// The client takes nothing of this stream.
    pub(crate) fn give_up(&self) {
        self.stream.as_deref().unwrap_or(&self.shared.stalled).store(true, Ordering::Release);
    }

    /// A request has begun: all before it was read.
    pub(crate) fn begins_request(&self) {
        self.shared.unread.store(false, Ordering::Release);
    }

    /// The rest of a request's body is read by nobody.
    pub(crate) fn left_unread(&self) {
        self.shared.unread.store(true, Ordering::Release);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// So many bytes are given to hyper.
    pub(crate) fn give(&self, bytes: u64) {
        self.shared.given.bytes.inc_by(bytes);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.shared.held.fetch_add(bytes, Ordering::AcqRel);
    }

    /// A mark to hand to [`Self::poll_flushed`].
    pub(crate) fn mark(&self) -> u64 {
        self.shared.flushes.load(Ordering::Acquire)
    }

    /// Ready once everything that was emitted before `mark` was taken has left for the socket; in
    /// HTTP/2 at once, since a stream that breaks off there sends first what is queued.
    pub(crate) fn poll_flushed(&self, mark: u64, cx: &Context<'_>) -> Poll<()> {
        if self.stream.is_some() {
            return Poll::Ready(());
        }
        self.shared.flushed.register(cx.waker());
        if self.mark() > mark { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Everything that was written has left.
    pub(crate) fn flushed(&self) {
        self.shared.release();
        self.shared.flushes.fetch_add(1, Ordering::AcqRel);
        self.shared.flushed.wake();
    }

    /// Whether the connection, or its stream, was given up because the client took nothing.
    pub(crate) fn has_stalled(&self) -> bool {
        let stream = self.stream.as_ref().is_some_and(|given_up| given_up.load(Ordering::Acquire));
        stream || self.shared.stalled.load(Ordering::Acquire)
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
    /// How far the end in stages has come.
    parting: Option<Parting>,
    /// What [`Wire::speaks_http2`] has read, until it is read again.
    peeked: BytesMut,
}

/// How a client begins that speaks HTTP/2 without asking (RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl<Io> Wire<Io> {
    pub(crate) fn new(io: Io, client: Client, budget: Option<Duration>) -> Self {
        let peeked = BytesMut::new();
        Self { io, client, budget, patience: None, waiting: false, parting: None, peeked }
    }

    fn judge(
        &mut self,
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            self.client.shared.count();
        }
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
            self.client.give_up();
            Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing"))
        })
    }
}

impl<Io: AsyncRead + Unpin> Wire<Io> {
    /// Reads until it is clear whether the client begins with HTTP/2's preface; any other HTTP
    /// differs by its third byte.
    pub(crate) async fn speaks_http2(&mut self) -> io::Result<bool> {
        while self.peeked.len() < PREFACE.len() {
            let mut rest = (&mut self.io).take((PREFACE.len() - self.peeked.len()) as u64);
            if rest.read_buf(&mut self.peeked).await? == 0 || !PREFACE.starts_with(&self.peeked) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Wire<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.peeked.is_empty() {
            return pin!(&mut self.io).poll_read(cx, buffer);
        }
        let length = self.peeked.len().min(buffer.remaining());
        buffer.put_slice(&self.peeked.split_to(length));
        // With what has come since: for a second read hyper would double its buffer, and keep it so.
        if self.peeked.is_empty() && buffer.remaining() > 0 {
            return match pin!(&mut self.io).poll_read(cx, buffer) {
                Poll::Pending => Poll::Ready(Ok(())),
                read @ Poll::Ready(_) => read,
            };
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<Io> {
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
            self.client.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { io, client, parting, .. } = &mut *self;
        if parting.is_none() {
            ready!(pin!(&mut *io).poll_shutdown(cx))?;
            if !client.shared.unread.load(Ordering::Acquire) {
                return Poll::Ready(Ok(()));
            }
        }
        parting.get_or_insert_with(Parting::new).poll(io, cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    fn client() -> Client {
        Client::new(([127, 0, 0, 1], 1).into(), Given::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_for_the_budget_is_given_up() {
        let (near, mut far) = tokio::io::duplex(4);
        let client = client();
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

    #[tokio::test]
    async fn what_was_peeked_at_is_read_together_with_what_follows() {
        const REQUEST: &[u8] = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n\r\n";
        let (near, mut far) = tokio::io::duplex(256);
        let mut wire = Wire::new(near, client(), None);
        far.write_all(REQUEST).await.unwrap();
        assert!(!wire.speaks_http2().await.unwrap());
        let mut read = [0; 256];
        let length = wire.read(&mut read).await.unwrap();
        assert_eq!(&read[..length], REQUEST);
        far.write_all(b"more").await.unwrap();
        assert_eq!(wire.read(&mut read).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn what_was_peeked_at_is_read_where_nothing_follows() {
        let (near, mut far) = tokio::io::duplex(256);
        let mut wire = Wire::new(near, client(), None);
        far.write_all(b"GET").await.unwrap();
        assert!(!wire.speaks_http2().await.unwrap());
        let mut read = [0; 256];
        assert_eq!(wire.read(&mut read).await.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mark_is_passed_by_the_next_flush_only() {
        let (near, _far) = tokio::io::duplex(64);
        let client = client();
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

    #[tokio::test]
    async fn what_has_to_wait_is_held_until_it_has_left_or_its_client_is_gone() {
        let given = Given::default();
        let gauge = given.held.clone();
        let (near, mut far) = tokio::io::duplex(4);
        let client = Client::new(([127, 0, 0, 1], 1).into(), given.clone());
        let mut wire = Wire::new(near, client.clone(), None);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        client.give(4);
        wire.write_all(b"four").await.unwrap();
        assert_eq!(gauge.get(), 0, "it need not wait");
        wire.flush().await.unwrap();
        for bytes in [3, 7] {
            client.give(bytes);
            assert!(pin!(&mut wire).poll_write(&mut cx, b"more").is_pending());
        }
        assert_eq!(gauge.get(), 10);
        far.read_exact(&mut [0; 4]).await.unwrap();
        wire.flush().await.unwrap();
        assert_eq!(gauge.get(), 0);
        wire.write_all(b"four").await.unwrap();
        client.give(5);
        assert!(pin!(&mut wire).poll_write(&mut cx, b"more").is_pending());
        assert_eq!(gauge.get(), 5);
        drop((wire, client));
        assert_eq!((gauge.get(), given.bytes.get()), (0, 4 + 3 + 7 + 5));
    }
}

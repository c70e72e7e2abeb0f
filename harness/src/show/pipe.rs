//! A transport in memory: it gives one request, keeps what is written, and never leaves.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use mock_openai::wire::{Accept, Wire};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
    time::Instant,
};

use super::{LeftOut, SHOWN_BYTES_MAX, Write};

/// So many bytes are taken beyond what is shown, to be counted; an answer of more blocks there.
const COUNTED_BYTES_MAX: u64 = 64 << 20;

/// What one connection has carried.
#[derive(Debug, Clone, Default)]
pub(super) struct Recording {
    pub(super) writes: Vec<Write>,
    pub(super) left_out: LeftOut,
    shown: usize,
    /// When the sending side was shut down.
    pub(super) fin: Option<Duration>,
    pub(super) rst: Option<Duration>,
    /// When it was let go of.
    pub(super) dropped: Option<Duration>,
}

impl Recording {
    fn add(&mut self, at: Duration, bytes: &[u8]) {
        let room = SHOWN_BYTES_MAX.saturating_sub(self.shown).min(bytes.len());
        let (shown, rest) = bytes.split_at(room);
        if !shown.is_empty() {
            self.writes.push(Write { at, bytes: shown.to_vec() });
            self.shown += room;
        }
        if !rest.is_empty() {
            self.left_out.writes += 1;
            self.left_out.bytes += rest.len() as u64;
        }
    }
}

/// The provider's end of a connection.
pub(super) struct Pipe {
    request: Vec<u8>,
    read: usize,
    began: Instant,
    recording: Arc<Mutex<Recording>>,
}

impl Pipe {
    /// A connection that begins now and brings a request; and what it carries back.
    pub(super) fn new(request: Vec<u8>) -> (Self, Arc<Mutex<Recording>>) {
        let recording = Arc::new(Mutex::default());
        let began = Instant::now();
        (Self { request, read: 0, began, recording: Arc::clone(&recording) }, recording)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn recording(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.request.get(self.read..).unwrap_or_default();
        if rest.is_empty() {
            // The other end neither says more nor goes away.
            return Poll::Pending;
        }
        let len = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..len]);
        self.read += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let now = self.now();
        let mut recording = self.recording();
        if recording.left_out.bytes >= COUNTED_BYTES_MAX {
            return Poll::Pending;
        }
        recording.add(now, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let now = self.now();
        self.recording().fin.get_or_insert(now);
        Poll::Ready(Ok(()))
    }
}

impl Wire for Pipe {
    fn poll_reset(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let now = self.now();
        self.recording().rst.get_or_insert(now);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let now = self.now();
        self.recording().dropped = Some(now);
    }
}

/// Connections as they are made.
pub(super) struct Pipes(pub(super) mpsc::UnboundedReceiver<(Pipe, SocketAddr)>);

impl Accept for Pipes {
    type Wire = Pipe;

    async fn accept(&mut self) -> io::Result<(Pipe, SocketAddr)> {
        self.0.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

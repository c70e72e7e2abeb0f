//! What the next hop of a box sends.

use std::time::Duration;

use tokio::{io::AsyncReadExt as _, time::timeout};

use crate::{
    http1::{Closing, Head as _, ResponseHead},
    net::Stream,
};

/// The bytes of one read, at most so many, or how the next hop closed. Nothing comes of an answer that is
/// over.
///
/// # Errors
/// It closed.
pub(super) async fn read(upstream: &mut Option<Stream>, most: usize) -> Result<Vec<u8>, Closing> {
    let Some(upstream) = upstream else { return std::future::pending().await };
    let mut piece = vec![0; most];
    match upstream.read(&mut piece).await {
        Ok(0) => Err(Closing::Fin),
        Ok(len) => {
            piece.truncate(len);
            Ok(piece)
        }
        Err(_) => Err(Closing::Reset),
    }
}

/// How an answer is read up to the end of its head.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadBounds {
    /// The bytes of one read, at most.
    pub(super) piece: usize,
    /// The bytes in all: a head that has not ended by then is refused.
    pub(super) most: usize,
    /// How long each read may take; `None` where a box waits for ever.
    pub(super) silence: Option<Duration>,
}

/// An answer as far as it was read: its head, and the beginning of what follows.
pub(super) struct Answered {
    pub(super) head: ResponseHead,
    len: usize,
    bytes: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    Silent,
    Closed,
    /// No HTTP, or a head of more than [`HeadBounds::most`] bytes.
    NoHttp,
}

impl Answered {
    /// Reads the first head, which may be interim.
    pub(super) async fn first(
        upstream: &mut Stream,
        bounds: HeadBounds,
    ) -> Result<Self, Unanswered> {
        Self::next(upstream, bounds, Vec::new()).await
    }

    /// Reads the final head; interim ones are dropped (RFC 9110 15.2).
    pub(super) async fn last(
        upstream: &mut Stream,
        bounds: HeadBounds,
    ) -> Result<Self, Unanswered> {
        let mut answered = Self::first(upstream, bounds).await?;
        while answered.head.is_interim() {
            let ahead = answered.ahead().to_owned();
            answered = Self::next(upstream, bounds, ahead).await?;
        }
        Ok(answered)
    }

    /// Reads one head, whose beginning was read already.
    async fn next(
        upstream: &mut Stream,
        HeadBounds { piece, most, silence }: HeadBounds,
        mut bytes: Vec<u8>,
    ) -> Result<Self, Unanswered> {
        loop {
            match ResponseHead::parse(&bytes) {
                Ok(Some((head, len))) => return Ok(Self { head, len, bytes }),
                Ok(None) if bytes.len() < most => {}
                Ok(None) | Err(_) => return Err(Unanswered::NoHttp),
            }
            let mut piece = vec![0; piece.min(most - bytes.len())];
            let read = upstream.read(&mut piece);
            let read = match silence {
                Some(silence) => timeout(silence, read).await.map_err(|_| Unanswered::Silent)?,
                None => read.await,
            };
            match read {
                Ok(0) | Err(_) => return Err(Unanswered::Closed),
                Ok(len) => bytes.extend_from_slice(&piece[..len]),
            }
        }
    }

    /// The head as it came.
    pub(super) fn head_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// What was read behind it.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.bytes[self.len..]
    }
}

//! What the next hop of a box sends.

use tokio::io::AsyncReadExt as _;

use crate::{http1::Closing, net::Stream};

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

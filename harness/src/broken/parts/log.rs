//! Tells of each stream in the log, as a middleware around the answer does.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tracing::info;

use super::{Body, Item};

/// A body of which the log tells when it is over, however that comes.
pub(in crate::broken) fn logged(body: Body) -> Body {
    let line = Line { bytes: 0, end: "left" };
    stream::unfold((body, line), async |(mut body, mut line)| {
        let item = body.next().await;
        line.take(item.as_ref());
        Some((item?, (body, line)))
    })
    .boxed()
}

/// The line of a stream, told when it is dropped.
struct Line {
    bytes: usize,
    end: &'static str,
}

impl Line {
    fn take(&mut self, item: Option<&Item>) {
        match item {
            Some(Ok(bytes)) => self.bytes += Bytes::len(bytes),
            Some(Err(_)) => self.end = "broken",
            None => self.end = "complete",
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        info!(target: "relay::broken", bytes = self.bytes, end = self.end, "stream");
    }
}

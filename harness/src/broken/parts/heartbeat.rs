//! Says in silence that a stream lives.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::{Body, Tail};

/// A comment, which parsers skip, and the blank line that ends it (HTML 9.2.7).
pub(in crate::broken) const HEARTBEAT: Bytes = Bytes::from_static(b": ping\n\n");

/// Writes a comment after each interval in which nothing came, but only between whole events and
/// not after the terminator.
pub(super) fn with_heartbeat(body: Body, interval: Duration) -> Body {
    with_comments(body, HEARTBEAT, interval, Tail::takes_more)
}

/// Writes a comment after each interval in which nothing came, where `may_stand` lets it.
pub(in crate::broken) fn with_comments(
    body: Body,
    comment: Bytes,
    interval: Duration,
    may_stand: fn(&Tail) -> bool,
) -> Body {
    let state = (body, Tail::default());
    let beating = stream::unfold(state, move |(mut body, mut tail)| {
        let comment = comment.clone();
        async move {
            let next = if may_stand(&tail) {
                timeout(interval, body.next()).await
            } else {
                Ok(body.next().await)
            };
            let Ok(item) = next else { return Some((Ok(comment), (body, tail))) };
            let item = item?;
            if let Ok(bytes) = &item {
                tail.push(bytes);
            }
            Some((item, (body, tail)))
        }
    });
    beating.boxed()
}

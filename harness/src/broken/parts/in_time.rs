//! Breaks a stream that takes too long.

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::Body;

/// A body that fails where its next item has not come when it must: `deadline` tells when, each time that
/// one is waited for.
pub(in crate::broken) fn in_time(
    body: Body,
    deadline: impl Fn() -> Instant + Send + 'static,
) -> Body {
    let reading = stream::unfold(Some(body), move |body| {
        let deadline = deadline();
        async move {
            let mut body = body?;
            match timeout_at(deadline, body.next()).await {
                Ok(item) => Some((item?, Some(body))),
                Err(elapsed) => Some((Err(elapsed.into()), None)),
            }
        }
    });
    reading.boxed()
}

//! What a client has received so far, for events of the world that wait for it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::scenario::ReadPoint;

/// Counts what one client received, over all its attempts; clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    counts: Arc<watch::Sender<Counts>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    frames: u64,
    bytes: u64,
}

impl Progress {
    /// Nothing received yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until the client has received so many whole frames or body bytes; for ever where it
    /// never does.
    pub async fn reached(&self, point: ReadPoint) {
        let mut counts = self.counts.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _reached = counts
            .wait_for(|counts| match point {
                ReadPoint::Frames(frames) => counts.frames >= frames,
                ReadPoint::Bytes(bytes) => counts.bytes >= bytes.0,
            })
            .await;
    }

    /// Counts more.
    pub(super) fn add(&self, frames: u64, bytes: u64) {
        self.counts.send_modify(|counts| {
            counts.frames += frames;
            counts.bytes += bytes;
        });
    }
}

#[cfg(test)]
mod tests {
    use mock_openai::quantity::Size;

    use super::*;

    #[tokio::test]
    async fn those_who_wait_are_woken_by_what_they_wait_for() {
        let progress = Progress::new();
        let for_frames = tokio_test_pending(&progress, ReadPoint::Frames(2));
        let for_bytes = tokio_test_pending(&progress, ReadPoint::Bytes(Size(10)));
        progress.add(1, 9);
        tokio::task::yield_now().await;
        assert!(!for_frames.is_finished() && !for_bytes.is_finished());
        progress.add(0, 1);
        for_bytes.await.unwrap();
        assert!(!for_frames.is_finished());
        progress.add(1, 0);
        for_frames.await.unwrap();
        progress.reached(ReadPoint::Frames(1)).await;
    }

    fn tokio_test_pending(progress: &Progress, point: ReadPoint) -> tokio::task::JoinHandle<()> {
        let progress = progress.clone();
        tokio::spawn(async move { progress.reached(point).await })
    }
}

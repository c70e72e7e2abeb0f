//! How fast a client reads.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::course::Received;
use crate::scenario::Reads;

/// Linux gives an eager application at most what its receive buffer holds; ours holds 64 KiB.
const PIECE_BYTES_MAX: u64 = 64 * 1024;

/// A slow reader takes this share of a second's bytes at once: smooth, and few events.
const PIECES_EACH_SECOND: u64 = 10;

/// tokio's timer rounds up to this: so much lateness is the clock's and not the server's.
const TICK: Duration = Duration::from_millis(1);

/// The pace of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    reads: Reads,
    paused: bool,
    next_read: Instant,
}

impl Pace {
    pub(super) fn new(reads: Reads) -> Self {
        Self { reads, paused: false, next_read: Instant::now() }
    }

    /// Waits until the client reads again, and says how many bytes it reads at most. Never, for one
    /// that does not read.
    pub(super) async fn next(&mut self, received: Received) -> u64 {
        match self.reads {
            Reads::Eagerly => PIECE_BYTES_MAX,
            Reads::Rate(rate) => {
                sleep_until(self.next_read).await;
                (rate.0 / PIECES_EACH_SECOND).clamp(1, PIECE_BYTES_MAX)
            }
            Reads::Pause(pause) => {
                let missing = received.missing(pause.after);
                if self.paused {
                    return PIECE_BYTES_MAX;
                }
                if missing == 0 {
                    self.paused = true;
                    sleep(pause.lasts.0).await;
                    return PIECE_BYTES_MAX;
                }
                missing.min(PIECE_BYTES_MAX)
            }
            Reads::None => std::future::pending().await,
        }
    }

    /// Counts a read of so many bytes; a rate is never made up for after silence.
    pub(super) fn took(&mut self, bytes: u64) {
        if let Reads::Rate(rate) = self.reads {
            let micros = bytes.saturating_mul(1_000_000) / rate.0;
            let late = Instant::now().checked_sub(TICK).unwrap_or(self.next_read);
            let from = self.next_read.max(late);
            self.next_read = from + Duration::from_micros(micros);
        }
    }
}

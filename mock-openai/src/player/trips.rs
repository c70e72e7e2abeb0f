//! Trip wires: points at which an answer ends, whatever step runs then.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep};

use crate::script::{After, End};

/// From where a trip wire counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) bytes: u64,
    pub(super) frames: u64,
    pub(super) began: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Point {
    Bytes(u64),
    Frames(u64),
    Time(Instant),
}

/// The wires that are set; of several that are reached at once the first that was set decides.
#[derive(Debug, Default)]
pub(super) struct Trips {
    armed: Vec<(Point, End)>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Trips {
    /// Sets a wire.
    pub(super) fn arm(&mut self, after: After, end: End, origin: Origin) {
        let point = match after {
            After::Bytes(size) => Point::Bytes(origin.bytes.saturating_add(size.0)),
            After::Frames(count) => Point::Frames(origin.frames.saturating_add(count)),
            After::Time(time) => match origin.began.checked_add(time.0) {
                Some(at) => Point::Time(at),
                // So far away that no clock gets there.
                None => return,
            },
        };
        self.armed.push((point, end));
        self.set_alarm();
    }

    /// How many are set.
    pub(super) fn count(&self) -> usize {
        self.armed.len()
    }

    /// Takes down all but the first so many.
    pub(super) fn keep(&mut self, count: usize) {
        self.armed.truncate(count);
        self.set_alarm();
    }

    fn set_alarm(&mut self) {
        let times = self.armed.iter().filter_map(|(point, _)| match point {
            Point::Time(at) => Some(*at),
            Point::Bytes(_) | Point::Frames(_) => None,
        });
        self.alarm = times.min().map(|at| Box::pin(tokio::time::sleep_until(at)));
    }

    /// Ready when a wire of time is reached.
    pub(super) fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let Some(alarm) = &mut self.alarm else {
            return Poll::Pending;
        };
        if alarm.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let due = alarm.deadline();
        let end =
            self.armed.iter().find(|(point, _)| matches!(point, Point::Time(at) if *at <= due));
        end.map_or(Poll::Pending, |(_, end)| Poll::Ready(*end))
    }

    /// The first wire that is reached when these bytes are sent after so many bytes and frames,
    /// and how many of them go before it. `ends` are the positions behind the frames in them.
    pub(super) fn reach(
        &self,
        bytes: u64,
        frames: u64,
        len: usize,
        ends: &[usize],
    ) -> Option<(usize, End)> {
        let reached = self.armed.iter().filter_map(|(point, end)| match point {
            Point::Bytes(limit) => {
                let room = usize::try_from(limit.saturating_sub(bytes)).unwrap_or(usize::MAX);
                (room <= len).then_some((room, *end))
            }
            Point::Frames(limit) => match limit.saturating_sub(frames) {
                0 => Some((0, *end)),
                nth => {
                    let index = usize::try_from(nth - 1).unwrap_or(usize::MAX);
                    ends.get(index).map(|at| (*at, *end))
                }
            },
            Point::Time(_) => None,
        });
        // `min_by_key` keeps the first of equals.
        reached.min_by_key(|(at, _)| *at)
    }
}

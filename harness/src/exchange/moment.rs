//! When each byte of a stream was where: a point of the trace, and marks over byte offsets.

use std::{fmt, time::Duration};

use mock_openai::quantity::Time;

use crate::{http1::Gunzip, trace::Trace};

/// A point of the trace; later points are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Virtual time.
    pub at: Duration,
    /// Ordinal of the event.
    pub ordinal: usize,
}

impl Moment {
    /// The first event of the trace that is later than a time.
    pub fn first_after(trace: &Trace, time: Duration) -> Option<Self> {
        let ordinal = trace.events.partition_point(|event| event.at <= time);
        trace.events.get(ordinal).map(|event| Self { at: event.at, ordinal })
    }

    /// The last event of the trace.
    pub fn last(trace: &Trace) -> Self {
        let at = trace.events.last().map_or(Duration::ZERO, |event| event.at);
        Self { at, ordinal: trace.events.len().saturating_sub(1) }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Time(self.at).fmt(f)
    }
}

/// The moments at which the bytes of a stream came by, in pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(Vec<(usize, Moment)>);

impl Marks {
    /// The next `len` bytes came by at this moment.
    pub fn push(&mut self, len: usize, moment: Moment) {
        if len > 0 {
            self.0.push((self.len() + len, moment));
        }
    }

    /// Forgets what stands behind so many bytes.
    fn truncate(&mut self, len: usize) {
        let kept = self.0.partition_point(|(end, _)| *end < len);
        self.0.truncate(if len == 0 { 0 } else { kept + 1 });
        if let Some((end, _)) = self.0.last_mut() {
            *end = len.min(*end);
        }
    }

    /// How many bytes came by in all.
    pub fn len(&self) -> usize {
        self.0.last().map_or(0, |(end, _)| *end)
    }

    /// Whether none did.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the byte at an offset came by; `None` where it never did.
    pub fn when(&self, offset: usize) -> Option<Moment> {
        let index = self.0.partition_point(|(end, _)| *end <= offset);
        self.0.get(index).map(|(_, moment)| *moment)
    }

    /// Each piece: the offset after it, and its moment.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Moment)> + '_ {
        self.0.iter().copied()
    }
}

/// Bytes, and when each of them came by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimedBytes {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// When.
    pub marks: Marks,
}

impl TimedBytes {
    /// What bytes of gzip stand for, each since it could be read; as far as they are gzip.
    pub(super) fn gunzipped(&self) -> Self {
        let (mut gunzip, mut plain, mut from) = (Gunzip::default(), Self::default(), 0);
        for (end, moment) in self.marks.iter() {
            let Ok(bytes) = gunzip.feed(&self.bytes[from..end]) else { break };
            plain.push(&bytes, moment);
            from = end;
        }
        plain
    }

    /// Forgets what stands behind so many bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.marks.truncate(len);
    }

    /// Appends bytes that came by at one moment.
    pub fn push(&mut self, bytes: &[u8], moment: Moment) {
        self.bytes.extend_from_slice(bytes);
        self.marks.push(bytes.len(), moment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_length_is_forgotten_with_its_times() {
        let at = |ordinal| Moment { at: Duration::ZERO, ordinal };
        for (len, bytes, marks) in [
            (0, "", vec![]),
            (2, "ab", vec![(2, at(0))]),
            (3, "abc", vec![(2, at(0)), (3, at(1))]),
            (9, "abcd", vec![(2, at(0)), (4, at(1))]),
        ] {
            let mut timed = TimedBytes::default();
            timed.push(b"ab", at(0));
            timed.push(b"cd", at(1));
            timed.truncate(len);
            assert_eq!(timed.bytes, bytes.as_bytes());
            assert_eq!(timed.marks.iter().collect::<Vec<_>>(), marks, "{len}");
        }
    }
}

//! The bytes of one write, and what the journal tells when they are taken.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::journal::Event;

/// Head, framing and body bytes joined, so that they leave together.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    bytes: BytesMut,
    /// The head's end, and its status.
    head: Option<(usize, u16)>,
    /// Where body bytes lie in it, their place in the body, and they themselves.
    bodies: Vec<(Range<usize>, u64, Bytes)>,
}

impl Outgoing {
    pub(super) fn head(&mut self, status: u16, text: &str) {
        self.framing(text.as_bytes());
        self.head = Some((self.len(), status));
    }

    pub(super) fn framing(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn body(&mut self, offset: u64, bytes: Bytes) {
        let start = self.len();
        self.framing(&bytes);
        self.bodies.push((start..self.len(), offset, bytes));
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where the head ends; 0 where there is none.
    pub(super) fn head_end(&self) -> usize {
        self.head.map_or(0, |(end, _)| end)
    }

    /// Where body bytes lie in it, their place in the body, and they themselves.
    pub(super) fn bodies(&self) -> &[(Range<usize>, u64, Bytes)] {
        &self.bodies
    }

    /// How many body bytes are left when so many bytes were taken.
    pub(super) fn left(&self, taken: usize) -> u64 {
        let left =
            self.bodies.iter().map(|(place, ..)| place.end - taken.clamp(place.start, place.end));
        left.sum::<usize>() as u64
    }

    /// What is to be told when the socket has taken these bytes, and had those before them.
    pub(super) fn taken(&self, taken: &Range<usize>) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some((end, status)) = self.head
            && (taken.start < end && end <= taken.end)
        {
            events.push(Event::Head { status });
        }
        for (place, offset, bytes) in &self.bodies {
            let start = taken.start.max(place.start);
            let end = taken.end.min(place.end);
            if start < end {
                let inside = start - place.start..end - place.start;
                let offset = offset + inside.start as u64;
                events.push(Event::Wrote { offset, bytes: bytes.slice(inside) });
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_is_taken_in_parts_is_told_in_parts() {
        let mut outgoing = Outgoing::default();
        outgoing.head(200, "HEAD");
        outgoing.framing(b"5\r\n");
        outgoing.body(100, Bytes::from_static(b"hello"));
        outgoing.framing(b"\r\n");
        let wrote = |offset, bytes: &'static str| Event::Wrote { offset, bytes: bytes.into() };
        assert_eq!(outgoing.taken(&(0..3)), []);
        assert_eq!(outgoing.taken(&(3..9)), [Event::Head { status: 200 }, wrote(100, "he")]);
        assert_eq!(outgoing.taken(&(9..14)), [wrote(102, "llo")]);
        assert_eq!([0, 3, 9, 12, 14].map(|taken| outgoing.left(taken)), [5, 5, 3, 0, 0]);
    }
}

//! The frames of one direction (RFC 9113 4.1).

use std::ops::Range;

/// How a client begins that speaks HTTP/2 without asking (RFC 9113 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What stands before each payload: length, type, flags, stream.
const HEADER_BYTES: usize = 9;

/// The types that are read (RFC 9113 6).
pub(super) mod kind {
    pub(in crate::http2) const DATA: u8 = 0;
    pub(in crate::http2) const HEADERS: u8 = 1;
    pub(in crate::http2) const RST_STREAM: u8 = 3;
    pub(in crate::http2) const SETTINGS: u8 = 4;
    pub(in crate::http2) const PUSH_PROMISE: u8 = 5;
    pub(in crate::http2) const GOAWAY: u8 = 7;
    pub(in crate::http2) const WINDOW_UPDATE: u8 = 8;
    pub(in crate::http2) const CONTINUATION: u8 = 9;
}

/// The flags that are read.
pub(super) mod flag {
    pub(in crate::http2) const END_STREAM: u8 = 0x1;
    pub(in crate::http2) const ACK: u8 = 0x1;
    pub(in crate::http2) const END_HEADERS: u8 = 0x4;
    pub(in crate::http2) const PADDED: u8 = 0x8;
    pub(in crate::http2) const PRIORITY: u8 = 0x20;
}

/// One frame, or as much of the last one as was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    flags: u8,
    pub(super) stream: u32,
    payload: &'a [u8],
    /// The length that it says.
    pub(super) len: usize,
    /// Where its first byte lies on the wire.
    pub(super) start: usize,
}

impl<'a> Frame<'a> {
    /// The frame at a place of the wire; `None` where not even its header was sent.
    pub(super) fn at(wire: &'a [u8], start: usize) -> Option<Self> {
        let rest = wire.get(start..)?;
        let header = rest.get(..HEADER_BYTES)?;
        let len = number(&header[..3]) as usize;
        let end = HEADER_BYTES.saturating_add(len).min(rest.len());
        Some(Self {
            kind: header[3],
            flags: header[4],
            // The highest bit is reserved.
            stream: number(&header[5..]) & 0x7fff_ffff,
            payload: &rest[HEADER_BYTES..end],
            len,
            start,
        })
    }

    /// Whether the whole of it was sent.
    pub(super) fn is_whole(&self) -> bool {
        self.payload.len() == self.len
    }

    /// Where the next one begins.
    pub(super) fn end(&self) -> usize {
        self.start.saturating_add(HEADER_BYTES).saturating_add(self.len)
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// As much of its payload as was sent.
    pub(super) fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// What stands between padding, as a place in the payload; `None` where the padding is longer
    /// than what it pads.
    pub(super) fn unpadded(&self) -> Option<Range<usize>> {
        if !self.has(flag::PADDED) {
            return Some(0..self.payload.len());
        }
        let pads = usize::from(*self.payload.first()?);
        let end = self.len.checked_sub(pads)?;
        (end >= 1).then(|| 1..end.min(self.payload.len()).max(1))
    }

    /// Where a place of its payload lies on the wire.
    pub(super) fn on_wire(&self, place: usize) -> usize {
        self.start + HEADER_BYTES + place
    }
}

/// A number in network byte order, of at most four bytes.
pub(super) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

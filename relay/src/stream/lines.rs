//! Where a stream of events stands: in which part of a line, and inside an event or between two.

/// The byte-order mark that may open a stream (HTML 9.2.5).
pub(super) const BOM: &[u8; 3] = b"\xEF\xBB\xBF";

/// Cuts a stream into its lines, however its bytes are cut (HTML 9.2.6: lines end with LF, CRLF or CR,
/// freely mixed; a blank line ends an event).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lines {
    at: At,
    /// Whether a line has begun since the last blank one.
    in_block: bool,
    /// A CR was seen that no LF followed: CRs end lines in this stream.
    lone_cr: bool,
}

/// Where the last byte left the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the very start, after this many bytes of a byte-order mark.
    Bom(usize),
    /// At the start of a line.
    LineStart,
    /// The same after a CR: an LF that follows belongs to it.
    LineStartAfterCr,
    /// Inside a line.
    MidLine,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A part of the current line; none of it where a byte-order mark is read.
    Text(&'a [u8]),
    /// The byte that ends a line in which something stands.
    LineEnd,
    /// The byte that ends an empty line, and with it the event.
    BlankLine,
    /// The LF of a CRLF.
    LateLf,
}

impl Lines {
    pub(crate) const START: Self = Self { at: At::Bom(0), in_block: false, lone_cr: false };

    /// Takes what comes next of some bytes, which must not be none; tells how many that were.
    pub(crate) fn next<'a>(&mut self, bytes: &'a [u8]) -> (usize, Piece<'a>) {
        let first = bytes[0];
        match self.at {
            At::Bom(matched) if BOM[matched] == first => {
                self.at = if matched == 2 { At::LineStart } else { At::Bom(matched + 1) };
                return (1, Piece::Text(b""));
            }
            At::Bom(0) => self.at = At::LineStart,
            // A beginning of the mark that came to nothing is part of the first line.
            At::Bom(matched) => {
                (self.at, self.in_block) = (At::MidLine, true);
                return (0, Piece::Text(&BOM[..matched]));
            }
            At::LineStartAfterCr => {
                self.at = At::LineStart;
                if first == b'\n' {
                    return (1, Piece::LateLf);
                }
                self.lone_cr = true;
            }
            At::LineStart | At::MidLine => {}
        }
        let length = memchr::memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len());
        if length > 0 {
            (self.at, self.in_block) = (At::MidLine, true);
            return (length, Piece::Text(&bytes[..length]));
        }
        let was_in_line = self.at == At::MidLine;
        self.at = if first == b'\r' { At::LineStartAfterCr } else { At::LineStart };
        if was_in_line {
            (1, Piece::LineEnd)
        } else {
            self.in_block = false;
            (1, Piece::BlankLine)
        }
    }

    /// Something of the relay's own came first: a byte-order mark would be part of a line.
    pub(crate) fn begin(&mut self) {
        if self.at == At::Bom(0) {
            self.at = At::LineStart;
        }
    }

    /// Whether a whole event can be put here and nobody can tell that it is not the provider's.
    ///
    /// After a CR it can only where CRs end lines: else the LF that belongs to it is on its way.
    pub(super) fn is_between(&self) -> bool {
        let at_line_start = match self.at {
            At::Bom(0) | At::LineStart => true,
            At::LineStartAfterCr => self.lone_cr,
            At::Bom(_) | At::MidLine => false,
        };
        at_line_start && !self.in_block
    }

    /// Whether a line has begun that no blank line has followed.
    pub(super) fn is_in_block(&self) -> bool {
        self.in_block || matches!(self.at, At::Bom(1..))
    }

    /// Whether the next byte begins a line, and no LF may come that belongs to the one before.
    pub(super) fn is_at_line_start(&self) -> bool {
        matches!(self.at, At::Bom(0) | At::LineStart)
    }
}

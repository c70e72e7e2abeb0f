//! Gives events their ids: one line more before each blank line that ends an event with data.
//!
//! Nothing is held back: the first byte of the blank line is enough to know that the event ends
//! here, and a byte that is none is passed on at once. Memory is the same for any event.
//!
//! An event that the provider gave an id gets this one all the same: of two `id` fields the last
//! counts (HTML 9.2.6). Blocks without data get none, since parsers dispatch no event for them.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::lines::{Lines, Piece};

/// The field that makes a block an event.
const DATA: &[u8; 4] = b"data";

/// Numbers the events of one stream, from 1.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    stream: Box<str>,
    last: u64,
    lines: Lines,
    name: Name,
    /// Whether the current block has a whole line of data.
    has_data: bool,
    /// How the last line ended. The inserted line ends likewise: clients that cut a stream at
    /// `\r\n\r\n` (openai-python 2) would else wait for the end of all events.
    line_end: &'static [u8],
}

/// What is known of the current line's field name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    /// So many bytes of `data`.
    Data(usize),
    /// `data`, and its colon.
    DataWhole,
    Other,
}

/// A piece of the stream with its id lines in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) bytes: Bytes,
    /// Offsets in `bytes` right behind the blank line of each numbered event. Where the blank line
    /// is a CR at the very end, the LF that may follow in the next piece lies behind the offset:
    /// who begins to read there finds one blank line more, which means nothing.
    pub(crate) ends: Vec<usize>,
}

impl Ids {
    pub(crate) fn new(stream: Box<str>) -> Self {
        Self {
            stream,
            last: 0,
            lines: Lines::START,
            name: Name::Data(0),
            has_data: false,
            line_end: b"\n",
        }
    }

    /// Something of the relay's own came first: a byte-order mark would be part of a line.
    pub(crate) fn begin(&mut self) {
        self.lines.begin();
    }

    /// Takes the next piece, cut anywhere.
    pub(crate) fn number(&mut self, bytes: Bytes) -> Numbered {
        let mut numbered = BytesMut::new();
        let mut ends: Vec<usize> = Vec::new();
        let (mut read, mut copied) = (0, 0);
        while read < bytes.len() {
            let (taken, piece) = self.lines.next(&bytes[read..]);
            let ends_event = piece == Piece::BlankLine && std::mem::take(&mut self.has_data);
            if ends_event {
                if numbered.is_empty() {
                    numbered.reserve(bytes.len() + 128);
                }
                numbered.put(&bytes[copied..read]);
                copied = read;
                self.put_id(&mut numbered);
            }
            read += taken;
            let behind = numbered.len() + (read - copied);
            match piece {
                Piece::Text(text) => {
                    self.name = text.iter().fold(self.name, |name, byte| name.then(*byte));
                }
                Piece::LineEnd => {
                    let name = std::mem::replace(&mut self.name, Name::Data(0));
                    self.has_data |= matches!(name, Name::Data(4) | Name::DataWhole);
                    self.line_end = if bytes[read - 1] == b'\r' { b"\r" } else { b"\n" };
                }
                Piece::BlankLine if ends_event => ends.push(behind),
                Piece::LateLf => {
                    self.line_end = b"\r\n";
                    if let Some(end) = ends.last_mut().filter(|end| **end + 1 == behind) {
                        *end = behind;
                    }
                }
                Piece::BlankLine => {}
            }
        }
        if numbered.is_empty() {
            return Numbered { bytes, ends };
        }
        numbered.put(&bytes[copied..]);
        Numbered { bytes: numbered.freeze(), ends }
    }

    fn put_id(&mut self, numbered: &mut BytesMut) {
        self.last = self.last.saturating_add(1);
        numbered.put(format!("id: {}-{}", self.stream, self.last).as_bytes());
        numbered.put(self.line_end);
    }
}

impl Name {
    fn then(self, byte: u8) -> Self {
        match self {
            Self::Data(4) if byte == b':' => Self::DataWhole,
            Self::Data(matched) if DATA.get(matched) == Some(&byte) => Self::Data(matched + 1),
            Self::Data(_) | Self::Other => Self::Other,
            Self::DataWhole => Self::DataWhole,
        }
    }
}

#[cfg(test)]
#[path = "ids_tests.rs"]
mod tests;

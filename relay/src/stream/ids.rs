//! Gives events their ids: one line more before each blank line that ends an event with data.
//!
//! Nothing is held back: the first byte of the blank line is enough to know that the event ends
//! here, and a byte that is none is passed on at once. Memory is the same for any event.
//!
//! An event that the provider gave an id gets this one all the same: of two `id` fields the last
//! counts (HTML 9.2.6). Blocks without data get none, since parsers dispatch no event for them.

use bytes::{BufMut as _, Bytes, BytesMut};

/// The byte-order mark that may open a stream (HTML 9.2.5).
const BOM: &[u8; 3] = b"\xEF\xBB\xBF";

/// The field that makes a block an event.
const DATA: &[u8; 4] = b"data";

/// Numbers the events of one stream, from 1.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    stream: Box<str>,
    last: u64,
    at: At,
    name: Name,
    /// Whether the current block has a whole line of data.
    has_data: bool,
    /// How the last line ended. The inserted line ends likewise: clients that cut a stream at
    /// `\r\n\r\n` (openai-python 2) would else wait for the end of all events.
    line_end: &'static [u8],
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
            at: At::Bom(0),
            name: Name::Data(0),
            has_data: false,
            line_end: b"\n",
        }
    }

    /// Something of the relay's own came first: a byte-order mark would be part of a line.
    pub(crate) fn begin(&mut self) {
        if self.at == At::Bom(0) {
            self.at = At::LineStart;
        }
    }

    /// Takes the next piece, cut anywhere.
    pub(crate) fn number(&mut self, bytes: Bytes) -> Numbered {
        let mut numbered = BytesMut::new();
        let mut ends: Vec<usize> = Vec::new();
        let (mut read, mut copied) = (0, 0);
        while let Some(&first) = bytes.get(read) {
            let begins_blank_line = matches!(first, b'\n' | b'\r')
                && (self.at == At::LineStart
                    || (self.at == At::LineStartAfterCr && first == b'\r'));
            let ends_event = begins_blank_line && std::mem::take(&mut self.has_data);
            if ends_event {
                if numbered.is_empty() {
                    numbered.reserve(bytes.len() + 128);
                }
                numbered.put(&bytes[copied..read]);
                copied = read;
                self.put_id(&mut numbered);
            }
            let is_late_lf = self.at == At::LineStartAfterCr && first == b'\n';
            read += self.step(&bytes[read..]);
            let behind = numbered.len() + (read - copied);
            if ends_event {
                ends.push(behind);
            } else if let Some(end) =
                ends.last_mut().filter(|end| is_late_lf && **end + 1 == behind)
            {
                *end = behind;
            }
        }
        if numbered.is_empty() {
            return Numbered { bytes, ends };
        }
        numbered.put(&bytes[copied..]);
        Numbered { bytes: numbered.freeze(), ends }
    }

    fn put_id(&mut self, numbered: &mut BytesMut) {
        if self.at == At::LineStartAfterCr {
            // No LF belongs to it, or it would have come before this byte.
            self.line_end = b"\r";
        }
        self.last = self.last.saturating_add(1);
        numbered.put(format!("id: {}-{}", self.stream, self.last).as_bytes());
        numbered.put(self.line_end);
    }

    /// Reads at least one byte and at most one line; tells how many that were.
    fn step(&mut self, bytes: &[u8]) -> usize {
        let first = bytes[0];
        match self.at {
            At::Bom(matched) if BOM.get(matched) == Some(&first) => {
                self.at = if matched == 2 { At::LineStart } else { At::Bom(matched + 1) };
                return 1;
            }
            At::LineStartAfterCr if first == b'\n' => {
                self.at = At::LineStart;
                self.line_end = b"\r\n";
                return 1;
            }
            // A beginning of the mark that came to nothing is part of the first line.
            At::Bom(1..) => self.name = Name::Other,
            At::Bom(_) | At::LineStart | At::LineStartAfterCr | At::MidLine => {}
        }
        let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let line = &bytes[..end.unwrap_or(bytes.len())];
        self.name = line.iter().fold(self.name, |name, byte| name.then(*byte));
        let Some(end) = end else {
            self.at = At::MidLine;
            return bytes.len();
        };
        let name = std::mem::replace(&mut self.name, Name::Data(0));
        self.has_data |= matches!(name, Name::Data(4) | Name::DataWhole);
        if bytes[end] == b'\r' {
            self.at = At::LineStartAfterCr;
        } else {
            self.at = At::LineStart;
            self.line_end = b"\n";
        }
        end + 1
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

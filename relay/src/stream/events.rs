//! Reads events whole, for those who must look inside: short ones only, and only where somebody
//! waits for what they say.

use super::lines::{Lines, Piece};

/// The longest data of an event that is looked at, in bytes; a longer one is taken for content.
/// Preambles, errors and counts of tokens of the families have a few hundred.
pub(crate) const LONGEST: usize = 64 << 10;

/// Cuts a stream into events, at any cut of its bytes (HTML 9.2.6).
#[derive(Debug)]
pub(crate) struct Events {
    lines: Lines,
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    too_long: bool,
}

/// One event that has data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Its data, lines joined by LF.
    Data(Vec<u8>),
    /// More than [`LONGEST`].
    TooLong,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { lines: Lines::START, line: Vec::new(), data: None, too_long: false }
    }

    /// The events that end in these bytes.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        let mut ended = Vec::new();
        while !bytes.is_empty() {
            let (taken, piece) = self.lines.next(bytes);
            match piece {
                Piece::Text(text) => self.hold(text),
                Piece::LineEnd => self.end_line(),
                Piece::BlankLine => ended.extend(self.end_event()),
                Piece::LateLf => {}
            }
            bytes = &bytes[taken..];
        }
        ended
    }

    fn held(&self) -> usize {
        self.line.len() + self.data.as_ref().map_or(0, Vec::len)
    }

    fn hold(&mut self, text: &[u8]) {
        let room = LONGEST.saturating_sub(self.held()).min(text.len());
        self.line.extend_from_slice(&text[..room]);
        self.too_long |= room < text.len();
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let value = match line.strip_prefix(b"data") {
            Some([]) => &b""[..],
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => value,
            Some(_) | None => return,
        };
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
    }

    fn end_event(&mut self) -> Option<Event> {
        let data = self.data.take();
        if std::mem::take(&mut self.too_long) {
            Some(Event::TooLong)
        } else {
            data.map(Event::Data)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], cut: usize) -> Vec<Event> {
        let mut events = Events::new();
        bytes.chunks(cut).flat_map(|piece| events.read(piece)).collect()
    }

    #[test]
    fn events_are_the_same_at_any_cut_and_with_any_line_end() {
        let lf = "\u{feff}: comment\n\ndata: 1\ndata:2\nid: 7\n\nevent: x\n\ndata\n\ndata: half\n";
        let wanted = [Event::Data(b"1\n2".to_vec()), Event::Data(Vec::new())];
        for end in ["\n", "\r\n", "\r"] {
            let text = lf.replace('\n', end);
            for cut in 1..text.len() {
                assert_eq!(read(text.as_bytes(), cut), wanted, "{end:?} {cut}");
            }
        }
    }

    #[test]
    fn a_long_event_is_not_held() {
        let text = format!("data: {}\n\ndata: 1\n\n", "x".repeat(10 * LONGEST));
        let mut events = Events::new();
        let mut seen = Vec::new();
        for piece in text.as_bytes().chunks(1000) {
            seen.extend(events.read(piece));
            assert!(events.held() <= LONGEST);
        }
        assert_eq!(seen, [Event::TooLong, Event::Data(b"1".to_vec())]);
    }
}

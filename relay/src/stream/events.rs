//! Reads events whole, for those who must look inside: short ones only, and only where somebody
//! waits for what they say.

/// The longest data of an event that is looked at, in bytes; a longer one is taken for content.
/// Preambles, errors and counts of tokens of the families have a few hundred.
pub(crate) const LONGEST: usize = 64 << 10;

/// Cuts a stream into events, at any cut of its bytes (HTML 9.2.6).
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    after_cr: bool,
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
    /// The events that end in these bytes.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut ended = Vec::new();
        for &byte in bytes {
            let completes_crlf = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if completes_crlf => {}
                b'\n' | b'\r' => ended.extend(self.end_line()),
                _ if self.held() < LONGEST => self.line.push(byte),
                _ => self.too_long = true,
            }
        }
        ended
    }

    fn held(&self) -> usize {
        self.line.len() + self.data.as_ref().map_or(0, Vec::len)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line);
        if line.is_empty() {
            let data = self.data.take();
            let too_long = std::mem::take(&mut self.too_long);
            return if too_long { Some(Event::TooLong) } else { data.map(Event::Data) };
        }
        let value = match line.strip_prefix(b"data")? {
            [] => &b""[..],
            [b':', b' ', value @ ..] | [b':', value @ ..] => value,
            _ => return None,
        };
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], cut: usize) -> Vec<Event> {
        let mut events = Events::default();
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
        let mut events = Events::default();
        let mut seen = Vec::new();
        for piece in text.as_bytes().chunks(1000) {
            seen.extend(events.read(piece));
            assert!(events.held() <= LONGEST);
        }
        assert_eq!(seen, [Event::TooLong, Event::Data(b"1".to_vec())]);
    }
}

//! Where a stream stands: between events or inside one, before its terminator or after it.

/// Enough to hold `data: [DONE]` and two line ends of two bytes, once line ends are one byte each.
const TAIL_BYTES: usize = 16;

/// The last bytes of a stream, with every line end as LF.
#[derive(Debug, Default)]
pub(in crate::broken) struct Tail {
    last: Vec<u8>,
    after_cr: bool,
}

impl Tail {
    /// Takes in what passes.
    pub(in crate::broken) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let second_half_of_crlf = byte == b'\n' && self.after_cr;
            self.after_cr = byte == b'\r';
            if !second_half_of_crlf {
                self.last.push(if byte == b'\r' { b'\n' } else { byte });
            }
        }
        self.last.drain(..self.last.len().saturating_sub(TAIL_BYTES));
    }

    /// Whether whatever is written now stands between whole events.
    pub(in crate::broken) fn is_between_events(&self) -> bool {
        self.last.is_empty() || self.last.ends_with(b"\n\n")
    }

    /// Whether whatever is written now stands between two lines. A CR may be half a line's end.
    pub(in crate::broken) fn is_between_lines(&self) -> bool {
        !self.after_cr && self.last.last().is_none_or(|byte| *byte == b'\n')
    }

    /// Whether a comment or an event may be written now: between whole events, before the end.
    pub(in crate::broken) fn takes_more(&self) -> bool {
        self.is_between_events() && !self.is_done()
    }

    /// Whether the last event was the terminator.
    pub(in crate::broken) fn is_done(&self) -> bool {
        let last = self.last.trim_ascii_end();
        last.ends_with(b"data: [DONE]") || last.ends_with(b"data:[DONE]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Tail {
        let mut tail = Tail::default();
        text.as_bytes().chunks(1).for_each(|byte| tail.push(byte));
        tail
    }

    #[test]
    fn a_stream_is_between_events_at_its_start_and_after_a_blank_line() {
        for text in ["", "data: 1\n\n", "data: 1\r\n\r\n", "data: 1\r\r", "data: 1\n\r\n"] {
            assert!(after(text).is_between_events(), "{text:?}");
        }
        for text in ["d", "data: 1", "data: 1\n", "data: 1\r\n", "data: 1\r"] {
            assert!(!after(text).is_between_events(), "{text:?}");
        }
    }

    #[test]
    fn a_stream_is_between_lines_at_its_start_and_after_the_whole_end_of_one() {
        for text in ["", "data: 1\n", "data: 1\r\n", "data: 1\n\n"] {
            assert!(after(text).is_between_lines(), "{text:?}");
        }
        for text in ["d", "data: 1", "data: 1\r"] {
            assert!(!after(text).is_between_lines(), "{text:?}");
        }
    }

    #[test]
    fn a_stream_is_done_after_its_terminator_alone() {
        assert!(after("data: 1\n\ndata: [DONE]\r\n\r\n").is_done());
        assert!(!after("data: [DONE]\n\ndata: 1\n\n").is_done());
    }

    #[test]
    fn a_stream_takes_more_between_events_and_before_its_end() {
        assert!(after("data: 1\n\n").takes_more());
        assert!(!after("data: 1\n").takes_more());
        assert!(!after("data: [DONE]\n\n").takes_more());
    }
}

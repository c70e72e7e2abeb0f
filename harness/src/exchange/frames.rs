//! The frames of a body: the simplest split that the standard allows, over the whole buffer.

use std::ops::Range;

/// A body in frames, and what is left after the last blank line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames<'a> {
    body: &'a [u8],
    /// Where each frame lies, its blank line included.
    pub ranges: Vec<Range<usize>>,
}

impl<'a> Frames<'a> {
    /// Splits a body at its blank lines; a line ends by LF, CR LF or CR (HTML 9.2.5).
    pub fn of(body: &'a [u8]) -> Self {
        let mut ranges = Vec::new();
        let mut frame = 0;
        let mut line = 0;
        while let Some((blank, next)) = line_end(body, line) {
            if blank {
                ranges.push(frame..next);
                frame = next;
            }
            line = next;
        }
        Self { body, ranges }
    }

    /// How many whole frames; a blank line that ends nothing is none, though it has its range.
    pub fn count(&self) -> usize {
        self.iter().filter(|(_, frame)| !frame.is_blank()).count()
    }

    /// One frame.
    pub fn get(&self, index: usize) -> Option<Frame<'a>> {
        self.ranges.get(index).map(|range| Frame(&self.body[range.clone()]))
    }

    /// All frames, in order, with where they lie.
    pub fn iter(&self) -> impl Iterator<Item = (Range<usize>, Frame<'a>)> + '_ {
        self.ranges.iter().map(|range| (range.clone(), Frame(&self.body[range.clone()])))
    }

    /// Where the unfinished rest begins.
    pub fn tail_start(&self) -> usize {
        self.ranges.last().map_or(0, |range| range.end)
    }

    /// What follows the last blank line: empty, or a frame that was never finished.
    pub fn tail(&self) -> &'a [u8] {
        &self.body[self.tail_start()..]
    }
}

/// Whether the line that begins at `start` is empty, and where the next one begins.
fn line_end(body: &[u8], start: usize) -> Option<(bool, usize)> {
    let len = body[start..].iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
    let end = start + len;
    let crlf = body[end] == b'\r' && body.get(end + 1) == Some(&b'\n');
    Some((len == 0, end + if crlf { 2 } else { 1 }))
}

/// The key of an error in JSON.
const ERROR_KEY: &[u8] = b"\"error\"";

/// One frame, blank line included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a>(pub &'a [u8]);

impl Frame<'_> {
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.0.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(self.0);
        bytes.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty())
    }

    /// Whether it is a blank line that ends nothing.
    pub fn is_blank(&self) -> bool {
        self.lines().next().is_none()
    }

    /// Whether it holds comments and nothing else: what a relay may add between events.
    pub fn is_comment(&self) -> bool {
        let mut lines = self.lines().peekable();
        lines.peek().is_some() && lines.all(|line| line[0] == b':')
    }

    /// The values of one field, joined by LF (HTML 9.2.6); `None` where it has none.
    fn field(&self, name: &[u8]) -> Option<Vec<u8>> {
        let values: Vec<&[u8]> = self
            .lines()
            .filter_map(|line| {
                let rest = line.strip_prefix(name)?;
                match rest {
                    [] => Some(rest),
                    [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
                    _ => None,
                }
            })
            .collect();
        (!values.is_empty()).then(|| values.join(&b'\n'))
    }

    /// Its data.
    pub fn data(&self) -> Option<Vec<u8>> {
        self.field(b"data")
    }

    /// Whether it is the terminator of a chat completion.
    pub fn is_done(&self) -> bool {
        self.data().is_some_and(|data| data == b"[DONE]")
    }

    /// The error that it tells, where it is an error event: the data's object has an `error` that is
    /// not null, or the event is named `error`.
    pub fn error(&self) -> Option<serde_json::Value> {
        let named = self.field(b"event").is_some_and(|event| event == b"error");
        // Few frames speak of errors: the others are not worth parsing.
        if !named && !self.0.windows(ERROR_KEY.len()).any(|window| window == ERROR_KEY) {
            return None;
        }
        let value: serde_json::Value = serde_json::from_slice(&self.data()?).unwrap_or_default();
        let told = value.get("error").is_some_and(|error| !error.is_null());
        (named || told).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> (Vec<&str>, &str) {
        let frames = Frames::of(body.as_bytes());
        let texts = frames.ranges.iter().map(|range| &body[range.clone()]).collect();
        (texts, &body[frames.tail_start()..])
    }

    #[test]
    fn a_blank_line_ends_a_frame_whatever_ends_the_lines() {
        // The line ends of HTML 9.2.5: LF, CR LF, CR, freely mixed.
        assert_eq!(texts("data:1\n\n:c\n\nda"), (vec!["data:1\n\n", ":c\n\n"], "da"));
        assert_eq!(texts("data:1\r\n\r\ndata:2\r\n"), (vec!["data:1\r\n\r\n"], "data:2\r\n"));
        assert_eq!(texts("data:1\r\rid\n\rx"), (vec!["data:1\r\r", "id\n\r"], "x"));
        assert_eq!(texts(""), (vec![], ""));
        assert_eq!(Frames::of(b"\n\ndata:1\n\n\n:c\n\n").count(), 2);
    }

    #[test]
    fn frames_tell_what_they_are() {
        assert!(Frame(b": ping\n\n").is_comment());
        assert!(!Frame(b"\n").is_comment());
        assert!(!Frame(b": ping\ndata: 1\n\n").is_comment());
        assert!(Frame(b"data:[DONE]\r\n\r\n").is_done());
        assert!(Frame(b"\xEF\xBB\xBFdata: [DONE]\n\n").is_done());
        assert!(!Frame(b"data: [DONE]x\n\n").is_done());
        assert_eq!(Frame(b"data: 1\ndata:\ndata\n\n").data(), Some(b"1\n\n".to_vec()));
        assert_eq!(Frame(b"database: 1\n\n").data(), None);
        // The shapes of OpenAI and of Anthropic, and a chunk whose error is null.
        assert!(Frame(b"data: {\"error\":{\"message\":\"x\"}}\n\n").error().is_some());
        assert!(Frame(b"event: error\ndata: {\"type\":\"error\"}\n\n").error().is_some());
        assert!(Frame(b"data: {\"error\":null,\"id\":\"a\"}\n\n").error().is_none());
        assert!(Frame(b"data: {\"id\":\"a\"}\n\n").error().is_none());
    }
}

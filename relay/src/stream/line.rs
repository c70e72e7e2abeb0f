//! What the relay must know of one line, from its first bytes alone.

/// Enough for `data: {"error": {`, the longest beginning that is looked for, with room for spaces.
const KEPT: usize = 32;

/// The beginning of the current line; memory is the same for a line of any length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    kept: [u8; KEPT],
    /// Length of the whole line, in bytes.
    length: usize,
}

impl Line {
    pub(super) const EMPTY: Self = Self { kept: [0; KEPT], length: 0 };

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.length < KEPT {
            let kept = bytes.len().min(KEPT - self.length);
            self.kept[self.length..self.length + kept].copy_from_slice(&bytes[..kept]);
        }
        self.length = self.length.saturating_add(bytes.len());
    }

    /// The value of a `data` field, as far as it was kept.
    fn data(&self) -> Option<&[u8]> {
        match self.kept[..self.length.min(KEPT)].strip_prefix(b"data")? {
            [] => Some(b""),
            [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
            _ => None,
        }
    }

    pub(super) fn is_data(&self) -> bool {
        self.data().is_some()
    }

    pub(super) fn is_done(&self) -> bool {
        self.length <= KEPT && self.data() == Some(b"[DONE]")
    }

    /// Whether the value is an object that opens with an `error` that is not null.
    pub(super) fn is_error(&self) -> bool {
        self.data()
            .and_then(|value| after(value, b"{"))
            .and_then(|value| after(value, b"\"error\""))
            .and_then(|value| after(value, b":"))
            .and_then(|value| value.trim_ascii_start().first())
            .is_some_and(|first| *first != b'n')
    }
}

/// What stands after `word`, if `text` begins with it; spaces before it do not count.
fn after<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    text.trim_ascii_start().strip_prefix(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        let mut line = Line::EMPTY;
        for byte in text.bytes() {
            line.push(&[byte]);
        }
        let mut at_once = Line::EMPTY;
        at_once.push(text.as_bytes());
        assert_eq!(line, at_once);
        line
    }

    #[test]
    fn done_is_the_whole_value_of_a_data_field() {
        assert!(line("data: [DONE]").is_done());
        assert!(line("data:[DONE]").is_done());
        for other in ["data:  [DONE]", "data: [DONE] ", "data: [DONE]x", ": [DONE]", "[DONE]"] {
            assert!(!line(other).is_done(), "{other}");
        }
        assert!(!line(&format!("data: [DONE]{}", " ".repeat(100))).is_done());
    }

    #[test]
    fn an_error_is_an_object_that_opens_with_it() {
        assert!(line(r#"data: {"error":{"message":"overloaded"}}"#).is_error());
        assert!(line(r#"data:{ "error" : "overloaded"}"#).is_error());
        for other in [
            r#"data: {"error":null,"id":"x"}"#,
            r#"data: {"id":"x","error":{}}"#,
            r#"data: {"errors":{}}"#,
            r#"event: {"error":{}}"#,
            r#"data: {"error""#,
        ] {
            assert!(!line(other).is_error(), "{other}");
        }
    }

    #[test]
    fn a_field_name_is_exact() {
        assert!(line("data").is_data());
        assert!(line("data:").is_data());
        for other in ["data2: x", " data: x", "Data: x", ":data: x", "dat", ""] {
            assert!(!line(other).is_data(), "{other}");
        }
    }
}

//! What the relay must know of one line, in constant memory.

use super::members::Members;

/// Enough for the type and the number of any event of the Responses API, the longest beginning that
/// is looked for: the longest type of its description 2.3.0 has 46 letters.
const KEPT: usize = 112;

/// The beginning of the current line; memory is the same for a line of any length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    kept: [u8; KEPT],
    /// Length of the whole line, in bytes.
    length: usize,
    /// What is in its braces, if it has any.
    members: Members,
}

impl Line {
    pub(super) const EMPTY: Self = Self { kept: [0; KEPT], length: 0, members: Members::NONE };

    /// Takes more of the line; whether it `ends` there. One that comes in one piece, as most do, is read only
    /// where that could come to anything.
    pub(super) fn push(&mut self, bytes: &[u8], ends: bool) {
        if self.length > 0 || !ends || Members::may_tell_error(bytes) {
            self.members.read(bytes);
        }
        if self.length < KEPT {
            let kept = bytes.len().min(KEPT - self.length);
            self.kept[self.length..self.length + kept].copy_from_slice(&bytes[..kept]);
        }
        self.length = self.length.saturating_add(bytes.len());
    }

    /// The value of a field, as far as it was kept.
    fn value(&self, field: &[u8]) -> Option<&[u8]> {
        match self.kept[..self.length.min(KEPT)].strip_prefix(field)? {
            [] => Some(b""),
            [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
            _ => None,
        }
    }

    fn data(&self) -> Option<&[u8]> {
        self.value(b"data")
    }

    /// The event's name, if this line gives one.
    pub(super) fn event_name(&self) -> Option<&[u8]> {
        self.value(b"event")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn is_data(&self) -> bool {
        self.data().is_some()
    }

    pub(super) fn is_done(&self) -> bool {
        self.length <= KEPT && self.data() == Some(b"[DONE]")
    }

    /// Whether the value is an object that tells of an error.
    pub(super) fn is_error(&self) -> bool {
        self.members.tells_error() && self.data().is_some_and(|data| after(data, b"{").is_some())
    }

    /// The `type` with which the value, an object, opens.
    pub(super) fn data_type(&self) -> Option<&[u8]> {
        let text = self.member(b"\"type\"")?.strip_prefix(b"\"")?;
        text.split(|byte| *byte == b'"').next()
    }

    /// The `sequence_number` of an event, if it stands near the beginning.
    pub(super) fn sequence(&self) -> Option<u64> {
        const NAME: &[u8] = b"\"sequence_number\"";
        let value = self.data()?;
        let at = value.windows(NAME.len()).position(|window| window == NAME)?;
        let rest = after(&value[at + NAME.len()..], b":")?.trim_ascii_start();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        // A number that reaches the end of what was kept may go on.
        let (number, [_, ..]) = rest.split_at(digits) else { return None };
        std::str::from_utf8(number).ok()?.parse().ok()
    }

    /// What follows the name with which the value, an object, opens.
    fn member(&self, name: &[u8]) -> Option<&[u8]> {
        let value = after(after(self.data()?, b"{")?, name)?;
        after(value, b":").map(<[u8]>::trim_ascii_start)
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
            line.push(&[byte], false);
        }
        let mut at_once = Line::EMPTY;
        at_once.push(text.as_bytes(), false);
        assert_eq!(line, at_once);
        let mut whole = Line::EMPTY;
        whole.push(text.as_bytes(), true);
        assert_eq!(line.is_error(), whole.is_error(), "{text}");
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
    fn an_error_is_told_in_the_object_of_a_data_field() {
        assert!(line(r#"data: {"error":{"message":"overloaded"}}"#).is_error());
        assert!(line(r#"data:{ "id" : "x", "error" : "overloaded"}"#).is_error());
        for other in [
            r#"data: {"error":null,"id":"x"}"#,
            r#"event: {"error":{}}"#,
            r#"data: x {"error":{}}"#,
            r#"data: [{"error":{}}]"#,
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

    #[test]
    fn an_event_of_the_responses_api_has_a_type_and_a_number() {
        let delta =
            line(r#"data: {"type":"response.output_text.delta","sequence_number":4,"x":1}"#);
        assert_eq!(delta.data_type(), Some(&b"response.output_text.delta"[..]));
        assert_eq!(delta.sequence(), Some(4));
        let spaced = line(r#"data: { "type" : "error", "sequence_number" : 17 }"#);
        assert_eq!((spaced.data_type(), spaced.sequence()), (Some(&b"error"[..]), Some(17)));
        let cut =
            line(&format!(r#"data: {{"x":"{}","sequence_number":1234567890"#, "y".repeat(70)));
        assert_eq!((cut.data_type(), cut.sequence()), (None, None));
        assert_eq!(line("event: error").event_name(), Some(&b"error"[..]));
        assert_eq!(line("events: error").event_name(), None);
    }
}

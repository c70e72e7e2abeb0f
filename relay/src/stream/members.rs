//! Whether an object of JSON tells of an error: by its members alone, not by those of what it holds.

/// Reads a text in any cuts, in constant memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Members {
    /// How many objects and arrays are open.
    depth: u32,
    in_string: bool,
    after_backslash: bool,
    at: At,
    name: Name,
    /// The beginning of a string that stands in the outermost object.
    word: [u8; LONGEST],
    length: usize,
    tells_error: bool,
}

/// The longest word that is looked for is `object`; one letter more tells that a string is longer.
const LONGEST: usize = 7;

/// Where in the outermost object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Name,
    Colon,
    Value,
}

/// Which member is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    /// `error`, which tells of one unless it is null (`OpenAI`, `OpenRouter`).
    Error,
    /// `type` or `object`, which tells of one by that word (Anthropic, Responses, old vLLM).
    Kind,
    Other,
}

impl Members {
    pub(super) const NONE: Self = Self {
        depth: 0,
        in_string: false,
        after_backslash: false,
        at: At::Name,
        name: Name::Other,
        word: [0; LONGEST],
        length: 0,
        tells_error: false,
    };

    pub(super) fn tells_error(&self) -> bool {
        self.tells_error
    }

    /// Whether reading a whole text could come to anything: without that word it tells of no error.
    pub(super) fn may_tell_error(text: &[u8]) -> bool {
        memchr::memmem::find(text, b"error").is_some()
    }

    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.tells_error {
            let taken = if self.in_string { self.read_string(bytes) } else { self.step(bytes[0]) };
            bytes = &bytes[taken..];
        }
    }

    /// Reads to the string's end, or to that of the bytes; tells how many that were.
    fn read_string(&mut self, bytes: &[u8]) -> usize {
        if std::mem::take(&mut self.after_backslash) {
            self.keep(&bytes[..1]);
            return 1;
        }
        let end = memchr::memchr2(b'"', b'\\', bytes);
        self.keep(&bytes[..end.unwrap_or(bytes.len())]);
        let Some(end) = end else { return bytes.len() };
        if bytes[end] == b'\\' {
            self.after_backslash = true;
            self.keep(b"\\");
        } else {
            self.in_string = false;
            self.end_string();
        }
        end + 1
    }

    fn keep(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(LONGEST - self.length);
        self.word[self.length..self.length + kept].copy_from_slice(&bytes[..kept]);
        self.length += kept;
    }

    fn end_string(&mut self) {
        if self.depth != 1 {
            return;
        }
        let word = &self.word[..self.length];
        match self.at {
            At::Name => {
                self.name = match word {
                    b"error" => Name::Error,
                    b"type" | b"object" => Name::Kind,
                    _ => Name::Other,
                };
            }
            At::Value if self.name == Name::Kind => self.tells_error = word == b"error",
            At::Colon | At::Value => {}
        }
    }

    /// Reads a byte that stands in no string.
    fn step(&mut self, byte: u8) -> usize {
        if self.depth == 1 && self.at == At::Colon && !byte.is_ascii_whitespace() {
            self.at = At::Value;
            self.tells_error = self.name == Name::Error && byte != b'n';
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.length = 0;
            }
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b':' if self.depth == 1 => self.at = At::Colon,
            b',' if self.depth == 1 => self.at = At::Name,
            _ => {}
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same in any cuts.
    fn tells_error(text: &str) -> bool {
        let mut at_once = Members::NONE;
        at_once.read(text.as_bytes());
        for cut in 1..=text.len() {
            let mut cut_up = Members::NONE;
            text.as_bytes().chunks(cut).for_each(|piece| cut_up.read(piece));
            assert_eq!(cut_up.tells_error, at_once.tells_error, "{text} {cut}");
        }
        at_once.tells_error
    }

    #[test]
    fn errors_of_all_providers_are_told_apart_from_what_models_say() {
        for error in [
            r#"{"error":{"message":"overloaded"}}"#,
            r#"{ "error" : "overloaded"}"#,
            r#"{"id":"gen-1","choices":[{"delta":{"content":"{\"a\":["}}],"error":{"code":502}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            r#"{"type":"error","code":"server_is_overloaded","message":"m"}"#,
            r#"{"object": "error","message":"m"}"#,
        ] {
            assert!(tells_error(error), "{error}");
        }
        for other in [
            r#"{"error":null,"id":"x"}"#,
            r#"{"error" : null ,"type":"message"}"#,
            r#"{"errors":{}}"#,
            r#"{"error""#,
            r#"{"id":"error","object":"chat.completion.chunk"}"#,
            r#"{"id":"x\\","object":"errors"}"#,
            r#"{"type":{"type":"error"},"object":["error"]}"#,
            r#"{"choices":[{"delta":{"content":"\"error\":{"},"error":{}}]}"#,
            r#"{"choices":[{"delta":{"content":"},\"error\":{"}}]}"#,
            r#"{"er\u0072or":1,"\"error":1}"#,
        ] {
            assert!(!tells_error(other), "{other}");
        }
    }
}

//! Lines of a body, as SDKs cut them.

/// The lines that ended, by CR, LF or CRLF, and what stands after the last line end.
pub(super) fn lines(body: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut ended = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        let end_len = if rest[at..].starts_with(b"\r\n") { 2 } else { 1 };
        ended.push(&rest[..at]);
        rest = &rest[at + end_len..];
    }
    (ended, rest)
}

/// A field and its value; one space after the colon is no part of it.
pub(super) fn field(line: &str) -> (&str, &str) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name, value.strip_prefix(' ').unwrap_or(value))
}

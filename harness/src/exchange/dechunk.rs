//! Where the data of a chunked body lies on the wire (RFC 9112 7.1).

use std::ops::Range;

/// The data of each chunk that begins at `start`, the last perhaps cut short, and where the body
/// ends; no end where the last chunk is missing or the bytes are not chunks.
pub(super) fn dechunk(wire: &[u8], start: usize) -> (Vec<Range<usize>>, Option<usize>) {
    let mut pieces = Vec::new();
    let mut at = start;
    loop {
        let Some((line, data)) = line(wire, at) else { return (pieces, None) };
        let Some(size) = size(line) else { return (pieces, None) };
        if size == 0 {
            return (pieces, after_trailers(wire, data));
        }
        let end = data.saturating_add(size);
        if data < wire.len() {
            pieces.push(data..end.min(wire.len()));
        }
        if wire.get(end..end.saturating_add(2)) != Some(b"\r\n") {
            return (pieces, None);
        }
        at = end + 2;
    }
}

/// The line that begins at an offset, without its CR LF, and where the next begins.
fn line(wire: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let rest = wire.get(start..)?;
    let len = rest.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&rest[..len], start + len + 2))
}

/// The size that a chunk's first line tells; extensions are ignored.
fn size(line: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(line).ok()?;
    let digits = text.split(';').next().unwrap_or(text).trim();
    usize::from_str_radix(digits, 16).ok()
}

fn after_trailers(wire: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let (line, next) = line(wire, at)?;
        at = next;
        if line.is_empty() {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_extensions_and_trailers_are_told_apart() {
        // The grammar of RFC 9112 7.1: sizes are hexadecimal, of either case.
        let wire = b"A;n=v\r\n0123456789\r\n1\r\nx\r\n0\r\nt: 1\r\n\r\nNEXT";
        let (pieces, end) = dechunk(wire, 0);
        assert_eq!(pieces, [7..17, 22..23]);
        assert_eq!(end.map(|end| &wire[end..]), Some(&b"NEXT"[..]));
    }

    #[test]
    fn a_cut_body_has_no_end() {
        assert_eq!(dechunk(b"5\r\nab", 0), (vec![Range { start: 3, end: 5 }], None));
        assert_eq!(dechunk(b"2\r\nab\r\n", 0), (vec![Range { start: 3, end: 5 }], None));
        assert_eq!(dechunk(b"2\r\nab\r\n0\r\n", 0), (vec![Range { start: 3, end: 5 }], None));
        assert_eq!(dechunk(b"2\r\nabXX0\r\n\r\n", 0), (vec![Range { start: 3, end: 5 }], None));
        assert_eq!(dechunk(b"zz\r\n", 0), (vec![], None));
        assert_eq!(
            dechunk(b"ffffffffffffffff\r\nab", 0),
            (vec![Range { start: 18, end: 20 }], None)
        );
    }
}

//! Finds the places inside of something that a `cut` names.

use crate::script::Inside;

const BOM: &[u8] = "\u{feff}".as_bytes();

/// Looks for one kind of place in bytes that come frame by frame.
#[derive(Debug)]
pub(super) struct Finder {
    inside: Inside,
    /// Whether a line is begun and not ended; for fields.
    in_line: bool,
}

impl Finder {
    pub(super) fn new(inside: Inside) -> Self {
        Self { inside, in_line: false }
    }

    /// Adds the places before which the bytes are cut, in order. Nothing is found across the
    /// bounds of two frames: there they are apart already.
    pub(super) fn find(&mut self, bytes: &[u8], add: impl FnMut(usize)) {
        match self.inside {
            Inside::Utf8 => characters(bytes, add),
            Inside::Crlf => crlf(bytes, add),
            Inside::Bom => marks(bytes, add),
            Inside::Field => self.fields(bytes, add),
            Inside::JsonEscape => escapes(bytes, add),
        }
    }

    /// The middle of each line's name: what stands before its colon, or the whole line where it has
    /// none (HTML standard 9.2.6). A comment has no name.
    fn fields(&mut self, bytes: &[u8], mut add: impl FnMut(usize)) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let end = rest.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let line = &rest[..end.unwrap_or(rest.len())];
            if !self.in_line {
                let mark = if line.starts_with(BOM) { BOM.len() } else { 0 };
                let name = line[mark..].iter().take_while(|b| **b != b':').count();
                if name > 1 {
                    add(at + mark + name / 2);
                }
            }
            self.in_line = end.is_none();
            at += line.len() + 1;
        }
    }
}

fn characters(bytes: &[u8], mut add: impl FnMut(usize)) {
    let mut at = 0;
    for part in bytes.utf8_chunks() {
        for character in part.valid().chars() {
            let len = character.len_utf8();
            (at + 1..at + len).for_each(&mut add);
            at += len;
        }
        at += part.invalid().len();
    }
}

fn crlf(bytes: &[u8], add: impl FnMut(usize)) {
    let pairs = bytes.windows(2).enumerate().filter(|(_, pair)| pair == b"\r\n");
    pairs.map(|(at, _)| at + 1).for_each(add);
}

fn marks(bytes: &[u8], mut add: impl FnMut(usize)) {
    for (at, _) in bytes.windows(BOM.len()).enumerate().filter(|(_, three)| *three == BOM) {
        (at + 1..at + BOM.len()).for_each(&mut add);
    }
}

/// RFC 8259 7: a backslash and one of these begin an escape.
fn escapes(bytes: &[u8], mut add: impl FnMut(usize)) {
    let mut at = 0;
    while at + 1 < bytes.len() {
        if bytes[at] == b'\\' && b"\"\\/bfnrtu".contains(&bytes[at + 1]) {
            add(at + 1);
            at += 1;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(inside: Inside, bytes: &[u8]) -> Vec<usize> {
        let mut places = Vec::new();
        Finder::new(inside).find(bytes, |at| places.push(at));
        places
    }

    #[test]
    fn each_kind_is_found_where_it_stands_and_nowhere_else() {
        // h, é of two bytes, 豆 of three, 😀 of four, and a byte that begins nothing.
        let utf8 = [b"h", "é豆😀".as_bytes(), b"\xff."].concat();
        assert_eq!(found(Inside::Utf8, &utf8), [2, 4, 5, 7, 8, 9]);
        assert_eq!(found(Inside::Crlf, b"a\r\nb\r\r\n\n"), [2, 6]);
        assert_eq!(found(Inside::Bom, "\u{feff}a\u{feff}".as_bytes()), [1, 2, 5, 6]);
        assert_eq!(found(Inside::Field, b"data: a\r\nid\r: c\r\n\nx:y\nretry"), [2, 10, 24]);
        assert_eq!(found(Inside::Field, "\u{feff}event:".as_bytes()), [5]);
        assert_eq!(found(Inside::JsonEscape, br"a\n\\n\q\u00e9\"), [2, 4, 9]);
        for inside in [Inside::Utf8, Inside::Crlf, Inside::Bom, Inside::Field, Inside::JsonEscape] {
            assert!(found(inside, b"").is_empty(), "{inside:?}");
        }
    }

    #[test]
    fn a_line_that_goes_on_in_the_next_frame_has_no_second_name() {
        let mut finder = Finder::new(Inside::Field);
        let mut places = Vec::new();
        for bytes in ["data", ": a", "\n", "data:"] {
            finder.find(bytes.as_bytes(), |at| places.push((bytes, at)));
        }
        assert_eq!(places, [("data", 2), ("data:", 2)]);
    }
}

//! Bytes as text in which nothing is invisible.

use std::fmt::Write as _;

/// How the invisible is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// A glyph for each: short and easy to read, as snapshots hold it (`⏎`, `<BOM>`, `<e8>`).
    Glyphs,
    /// Escapes with a backslash (`\n`, `\uFEFF`, `\xE8`): no two texts of bytes look alike.
    Escapes,
}

/// The bytes with everything invisible made visible.
pub fn visible(bytes: &[u8], notation: Notation) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match notation {
                Notation::Glyphs => glyph(character, &mut text),
                Notation::Escapes => escape(character, &mut text),
            }
        }
        for byte in chunk.invalid() {
            let _infallible = match notation {
                Notation::Glyphs => write!(text, "<{byte:02x}>"),
                Notation::Escapes => write!(text, "\\x{byte:02X}"),
            };
        }
    }
    text
}

fn glyph(character: char, text: &mut String) {
    let code = u32::from(character);
    let _infallible = match character {
        '\n' => write!(text, "⏎"),
        '\r' => write!(text, "␍"),
        '\0' => write!(text, "␀"),
        '\u{feff}' => write!(text, "<BOM>"),
        other if other.is_control() => write!(text, "<{code:02x}>"),
        other if is_unseen(other) => write!(text, "<U+{code:04X}>"),
        other => write!(text, "{other}"),
    };
}

fn escape(character: char, text: &mut String) {
    let code = u32::from(character);
    let _infallible = match character {
        '\\' => write!(text, "\\\\"),
        '\n' => write!(text, "\\n"),
        '\r' => write!(text, "\\r"),
        '\0' => write!(text, "\\0"),
        '\t' => write!(text, "\\t"),
        other if other.is_ascii_control() => write!(text, "\\x{code:02X}"),
        other if other.is_control() || is_unseen(other) => write!(text, "\\u{code:04X}"),
        other => write!(text, "{other}"),
    };
}

/// Characters of no width, those that turn the direction of writing, line separators, and the one
/// that stands for bytes that could not be read.
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fffd}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_gets_a_glyph() {
        let visible = |bytes| visible(bytes, Notation::Glyphs);
        assert_eq!(visible(b"data: a\r\n\n"), "data: a␍⏎⏎");
        assert_eq!(visible("\u{feff}é\0\t\\".as_bytes()), "<BOM>é␀<09>\\");
        assert_eq!(visible(b"\xe8\xb1"), "<e8><b1>");
        assert_eq!(visible("\u{fffd}\u{2028}\u{202e}".as_bytes()), "<U+FFFD><U+2028><U+202E>");
    }

    #[test]
    fn what_cannot_be_seen_gets_an_escape_that_nothing_else_has() {
        let visible = |bytes| visible(bytes, Notation::Escapes);
        assert_eq!(visible(b"data: a\r\n\n"), r"data: a\r\n\n");
        assert_eq!(visible("\u{feff}é\0\t\u{1b}\u{85}".as_bytes()), r"\uFEFFé\0\t\x1B\u0085");
        assert_eq!(visible(b"\xe8\xb1"), r"\xE8\xB1");
        assert_eq!(visible("\u{fffd}".as_bytes()), r"\uFFFD");
        assert_eq!(visible(br#"{"a":"\n"}"#), r#"{"a":"\\n"}"#);
    }
}

//! UTF-8 text from a stream of bytes, as a page's `TextDecoder` gives it (Encoding standard).

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Decodes piece by piece: holds back a sequence that is not whole, strips one byte order mark at
/// the start, and puts U+FFFD for what is not UTF-8.
#[derive(Debug, Default)]
pub(super) struct TextDecoder {
    held: Vec<u8>,
    started: bool,
}

impl TextDecoder {
    /// The text that is certain now.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let mut text = String::new();
        let mut start = 0;
        loop {
            let rest = &self.held[start..];
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    start = self.held.len();
                    break;
                }
                Err(error) => {
                    let valid = &rest[..error.valid_up_to()];
                    text.push_str(&String::from_utf8_lossy(valid));
                    start += error.valid_up_to();
                    let Some(bad) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    start += bad;
                }
            }
        }
        self.held.drain(..start);
        self.without_mark(text)
    }

    /// The text of what was held back: the stream is over.
    pub(super) fn flush(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        self.without_mark(String::from_utf8_lossy(&held).into_owned())
    }

    fn without_mark(&mut self, text: String) -> String {
        let first = !self.started && !text.is_empty();
        self.started |= first;
        match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) if first => rest.to_owned(),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The whole text at once is the standard library's, whose replacement is the standard's.
        #[test]
        fn cuts_change_nothing(
            bytes in prop::collection::vec(
                prop::sample::select(b"a\xEF\xBB\xBF\xF0\x9F\x98\x80\xFF\xC3\xA9".to_vec()), 0..20),
            at in any::<prop::sample::Index>(),
        ) {
            let whole = String::from_utf8_lossy(&bytes).into_owned();
            let expected = whole.strip_prefix('\u{feff}').unwrap_or(&whole);
            let at = at.index(bytes.len() + 1);
            let mut cut = TextDecoder::default();
            let cut = cut.decode(&bytes[..at]) + &cut.decode(&bytes[at..]) + &cut.flush();
            prop_assert_eq!(&cut, expected);
            let mut each = TextDecoder::default();
            let pieces: String = bytes.iter().map(|byte| each.decode(&[*byte])).collect();
            prop_assert_eq!(pieces + &each.flush(), expected);
        }
    }

    #[test]
    fn a_character_comes_when_it_is_whole() {
        let mut text = TextDecoder::default();
        assert_eq!(text.decode(b"\xEF\xBB\xBFa\xE8\xB1"), "a");
        assert_eq!(text.decode(b"\x86"), "豆");
    }
}

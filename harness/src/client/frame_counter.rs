//! Counts the whole frames of a body while it comes.

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Counts blocks that have come with their blank line, as [`crate::wire::frames`] does on the whole
/// body. A frame that ends in CR counts at once, whether LF follows or not.
#[derive(Debug, Clone, Default)]
pub(super) struct FrameCounter {
    frames: u64,
    offset: usize,
    /// So many bytes of a byte order mark stand at the very start.
    mark_len: usize,
    after_return: bool,
    line_has_content: bool,
    block_has_content: bool,
}

impl FrameCounter {
    /// Takes more of the body; how many frames it completed.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> u64 {
        let before = self.frames;
        for byte in bytes {
            self.byte(*byte);
        }
        self.frames - before
    }

    /// How many frames are complete.
    #[cfg(test)]
    fn frames(&self) -> u64 {
        self.frames
    }

    fn byte(&mut self, byte: u8) {
        let ends_return = std::mem::take(&mut self.after_return) && byte == b'\n';
        if self.offset == self.mark_len && BYTE_ORDER_MARK.get(self.mark_len) == Some(&byte) {
            self.mark_len += 1;
        } else if ends_return {
            // The second half of CRLF.
        } else if matches!(byte, b'\r' | b'\n') {
            self.after_return = byte == b'\r';
            // A part of a byte order mark is content like any other.
            let broken_mark =
                (1..BYTE_ORDER_MARK.len()).contains(&self.mark_len) && self.offset == self.mark_len;
            self.end_line(broken_mark);
        } else {
            self.line_has_content = true;
        }
        self.offset += 1;
    }

    fn end_line(&mut self, broken_mark: bool) {
        if std::mem::take(&mut self.line_has_content) || broken_mark {
            self.block_has_content = true;
        } else if std::mem::take(&mut self.block_has_content) {
            self.frames += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn it_agrees_with_the_oracle_on_every_prefix(
            bytes in prop::collection::vec(
                prop::sample::select(b"a\r\n\r\n\xEF\xBB\xBF".to_vec()), 0..24),
        ) {
            let mut counter = FrameCounter::default();
            let mut added = 0;
            for end in 0..bytes.len() {
                added += counter.feed(&bytes[end..=end]);
                let whole = wire::whole_frames(&bytes[..=end]).len() as u64;
                prop_assert_eq!(counter.frames(), whole, "{:?}", &bytes[..=end]);
            }
            prop_assert_eq!(added, counter.frames());
        }
    }
}

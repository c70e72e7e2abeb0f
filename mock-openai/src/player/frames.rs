//! Finds where frames end in a body, however its bytes are cut.

/// Counts blocks of lines that a blank line ends; LF, CRLF and CR all end a line (HTML standard
/// 9.2.5). Blank lines without a block before them are none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner {
    line_is_empty: bool,
    block_is_empty: bool,
    after_cr: bool,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { line_is_empty: true, block_is_empty: true, after_cr: false }
    }
}

impl Scanner {
    /// Reads on, and returns the position behind each frame that ends in these bytes. An LF that
    /// only completes a CR counts to the frame before it where both come together.
    pub(super) fn ends(&mut self, bytes: &[u8]) -> Vec<usize> {
        let mut ends = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if std::mem::take(&mut self.after_cr) => {
                    if let Some(end) = ends.last_mut().filter(|end| **end == at) {
                        *end += 1;
                    }
                }
                b'\r' | b'\n' => {
                    self.after_cr = *byte == b'\r';
                    if self.line_is_empty && !self.block_is_empty {
                        ends.push(at + 1);
                        self.block_is_empty = true;
                    }
                    self.line_is_empty = true;
                }
                _ => *self = Self { line_is_empty: false, block_is_empty: false, after_cr: false },
            }
        }
        ends
    }

    /// Whether no frame is begun and not ended.
    pub(super) fn is_between(self) -> bool {
        self.block_is_empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_behind_its_blank_line_in_each_line_ending() {
        for (bytes, expected) in [
            ("data: a\n\ndata: b\n\n", vec![9, 18]),
            ("data: a\r\n\r\nb", vec![11]),
            ("data: a\r\rb\r\r", vec![9, 12]),
            ("a\r\n\nb", vec![4]),
            (": c\n\n\n\n", vec![5]),
            ("\n\ndata: a\n", vec![]),
        ] {
            assert_eq!(Scanner::default().ends(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_frame_that_comes_byte_by_byte_is_counted_once() {
        for bytes in ["data: a\n\nb\n\n", "data: a\r\n\r\nb\r\n\r\n", "data: a\r\rb\r\r"] {
            let mut scanner = Scanner::default();
            let count: usize = bytes.bytes().map(|b| scanner.ends(&[b]).len()).sum();
            assert_eq!(count, 2, "{bytes:?}");
            assert!(scanner.is_between());
        }
    }
}

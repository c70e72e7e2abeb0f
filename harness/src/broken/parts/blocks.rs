//! Cuts a stream into its blocks: events and comments, each with the blank line that ends it.

use bytes::{Bytes, BytesMut};

/// Collects bytes until they are whole blocks. Joined again, the blocks are the bytes that came.
#[derive(Debug, Default)]
pub(in crate::broken) struct Blocks {
    held: BytesMut,
}

impl Blocks {
    /// Takes bytes in, and gives the blocks that they complete.
    pub(in crate::broken) fn push(&mut self, bytes: &[u8]) -> Vec<Bytes> {
        self.held.extend_from_slice(bytes);
        let mut whole = Vec::new();
        while let Some(end) = end_of_block(&self.held) {
            whole.push(self.held.split_to(end).freeze());
        }
        whole
    }

    /// What is left of an unfinished block.
    pub(in crate::broken) fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

/// Whether a block is the terminator of a chat's stream.
pub(in crate::broken) fn is_done(block: &[u8]) -> bool {
    matches!(block.trim_ascii(), b"data: [DONE]" | b"data:[DONE]")
}

/// Where the first block ends. A line ends by CR LF, LF or CR (HTML 9.2.6); a CR at the very end
/// counts at once, and the LF that may follow it goes into the next block, where it ends nothing.
fn end_of_block(bytes: &[u8]) -> Option<usize> {
    let (mut has_content, mut line_is_empty) = (false, true);
    let mut at = 0;
    while at < bytes.len() {
        let end = match &bytes[at..] {
            [b'\r', b'\n', ..] => at + 2,
            [b'\r' | b'\n', ..] => at + 1,
            _ => {
                (has_content, line_is_empty) = (true, false);
                at += 1;
                continue;
            }
        };
        if line_is_empty && has_content {
            return Some(end);
        }
        line_is_empty = true;
        at = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The blocks of `text` as it comes in one piece, and byte by byte.
    fn both_ways(text: &str) -> [Vec<String>; 2] {
        let cut = |pieces: Vec<&[u8]>| {
            let mut blocks = Blocks::default();
            let mut seen: Vec<Bytes> =
                pieces.into_iter().flat_map(|piece| blocks.push(piece)).collect();
            seen.push(blocks.rest());
            seen.iter().map(|block| String::from_utf8_lossy(block).into_owned()).collect()
        };
        [cut(vec![text.as_bytes()]), cut(text.as_bytes().chunks(1).collect())]
    }

    #[test]
    fn blocks_end_at_a_blank_line_whatever_ends_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("data: 1{end}id: 7{end}{end}: note{end}{end}data: ha");
            let [whole, bytewise] = both_ways(&text);
            let texts = ["data: 1\nid: 7\n\n", ": note\n\n", "data: ha"];
            assert_eq!(whole, texts.map(|text| text.replace('\n', end)), "{end:?}");
            assert_eq!(bytewise.concat(), text, "{end:?}");
            assert_eq!(bytewise.len(), 3, "{end:?}");
        }
    }

    #[test]
    fn the_terminator_is_known_with_and_without_its_space() {
        assert!(is_done(b"data: [DONE]\n\n"));
        assert!(is_done(b"data:[DONE]\r\n\r\n"));
        assert!(!is_done(b"data: {\"content\":\"[DONE]\"}\n\n"));
    }
}

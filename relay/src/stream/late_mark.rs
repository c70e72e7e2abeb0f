//! Takes a byte-order mark away that would no longer be the first thing of its stream.
//!
//! After a heartbeat of ours it would be a part of the provider's first line, and clients would lose
//! that line (HTML 9.2.5).

use bytes::{Buf as _, Bytes};

use super::lines::BOM;
use crate::reached::reached;

/// How much of the mark has come.
#[derive(Debug, Clone, Default)]
pub(super) struct LateMark {
    matched: usize,
    over: bool,
}

impl LateMark {
    /// The bytes without the mark; a beginning of it that comes to nothing is given back.
    pub(super) fn take_from(&mut self, mut bytes: Bytes) -> Bytes {
        while !self.over && !bytes.is_empty() {
            if BOM.get(self.matched) != bytes.first() {
                self.over = true;
                return if self.matched == 0 {
                    bytes
                } else {
                    Bytes::from([&BOM[..self.matched], &bytes].concat())
                };
            }
            bytes.advance(1);
            self.matched += 1;
            self.over = self.matched == BOM.len();
            if self.over {
                reached!("a byte-order mark behind a heartbeat is taken away");
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &'static [u8], cut: usize) -> Vec<u8> {
        let mut mark = LateMark::default();
        text.chunks(cut).flat_map(|piece| mark.take_from(Bytes::from_static(piece))).collect()
    }

    #[test]
    fn only_a_whole_mark_at_the_beginning_is_taken_away() {
        for cut in 1..6 {
            assert_eq!(taken(b"\xEF\xBB\xBFdata: 1", cut), b"data: 1");
            for kept in [&b"\xEF\xBBdata"[..], b"data\xEF\xBB\xBF", b"\xEF\xBB\xBE", b"data"] {
                assert_eq!(taken(kept, cut), kept);
            }
            assert_eq!(taken(b"\xEF\xBB\xBF\xEF\xBB\xBF1", cut), b"\xEF\xBB\xBF1");
        }
    }
}

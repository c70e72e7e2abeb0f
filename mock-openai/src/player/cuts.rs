//! Where `cut` steps divide what is sent.

use std::time::Duration;

use crate::script::{Cut, CutLevel};

/// Places at even distances, and the pause at each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Every {
    bytes: usize,
    pub(super) gap: Option<Duration>,
}

/// The cuts in force: at most one a level, the innermost.
///
/// Each begins anew with every frame: a frame is a write and an HTTP chunk of its own, and cuts
/// divide it further.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cuts {
    pub(super) chunk: Option<Every>,
    pub(super) segment: Option<Every>,
}

impl Cuts {
    /// Puts a cut in force and returns what was before.
    pub(super) fn enter(&mut self, cut: &Cut) -> Self {
        let outer = *self;
        let bytes = usize::try_from(cut.every.unwrap_or(u64::MAX)).unwrap_or(usize::MAX).max(1);
        let every = Some(Every { bytes, gap: cut.gap.map(|gap| gap.0) });
        match cut.level {
            CutLevel::Chunk => self.chunk = every,
            CutLevel::Segment => self.segment = every,
        }
        outer
    }
}

/// The end of each piece of `start..end`; the last is `end`.
pub(super) fn piece_ends(every: Option<Every>, start: usize, end: usize) -> Vec<usize> {
    let Some(every) = every else {
        return vec![end];
    };
    let mut ends: Vec<_> =
        (start..end).step_by(every.bytes).skip(1).take_while(|at| *at < end).collect();
    ends.push(end);
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_the_length_that_was_asked_for_and_the_last_what_is_left() {
        let every = |bytes| Some(Every { bytes, gap: None });
        assert_eq!(piece_ends(every(3), 0, 7), [3, 6, 7]);
        assert_eq!(piece_ends(every(3), 10, 16), [13, 16]);
        assert_eq!(piece_ends(every(9), 0, 7), [7]);
        assert_eq!(piece_ends(None, 0, 7), [7]);
        assert_eq!(piece_ends(every(2), 5, 5), [5]);
    }
}

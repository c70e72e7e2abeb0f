//! Random padding that hides how long a delta is.

use crate::{draw::draw, identity::letter};

/// Deltas are padded to a multiple of so many bytes, at least one.
const STEP: usize = 16;

/// What padding is drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Padding {
    /// The seed.
    pub seed: u64,
    /// The draw's name.
    pub label: String,
}

impl Padding {
    /// Letters for the frame of that index, whose delta has so many bytes: 1 to 16 of them.
    pub(super) fn for_delta(&self, frame: u64, bytes: usize) -> String {
        let count = STEP - bytes % STEP;
        let halves = [0, 1].map(|half| draw(self.seed, &self.label, frame * 2 + half));
        let eighths = halves.iter().flat_map(|half| half.to_le_bytes());
        // The eight bits decide, spread over all that a letter is drawn from.
        eighths.take(count).map(|byte| letter(u64::from(byte) << 56)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_and_its_padding_have_a_multiple_of_sixteen_bytes() {
        let padding = Padding { seed: 1, label: "padding".into() };
        for bytes in 0..40 {
            let pad = padding.for_delta(3, bytes);
            assert!((1..=16).contains(&pad.len()));
            assert_eq!((bytes + pad.len()) % 16, 0);
            assert!(pad.bytes().all(|b| b.is_ascii_alphanumeric()), "{pad}");
        }
        assert_ne!(padding.for_delta(0, 0), padding.for_delta(1, 0));
    }
}

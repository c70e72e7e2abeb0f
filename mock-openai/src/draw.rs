//! Randomness by hashing: every draw names itself, so a new draw never shifts an old one.

use crate::script::Distribution;

/// A uniformly distributed 64-bit number, the same for the same `(seed, label, ordinal)` for ever.
///
/// `label` says what is drawn (`"link relay-upstream down jitter"`), `ordinal` counts the draws of
/// that label. There is no state and so no order: two runs that draw in different orders agree.
pub fn draw(seed: u64, label: &str, ordinal: u64) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&ordinal.to_le_bytes());
    hasher.update(label.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// A number below `bound` (0 where `bound` is 0), by multiply-and-shift: the bias is below
/// `bound / 2^64`, and unlike a library's sampler the mapping never changes between versions.
pub fn draw_below(seed: u64, label: &str, ordinal: u64, bound: u64) -> u64 {
    below(draw(seed, label, ordinal), bound)
}

/// The number below `bound` that a drawn number stands for.
pub(crate) fn below(drawn: u64, bound: u64) -> u64 {
    let wide = u128::from(drawn) * u128::from(bound);
    u64::try_from(wide >> 64).unwrap_or(0)
}

/// A time drawn from a distribution, in whole milliseconds.
pub fn draw_time(
    distribution: &Distribution,
    seed: u64,
    label: &str,
    ordinal: u64,
) -> std::time::Duration {
    crate::distribution::time(distribution, seed, label, ordinal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_each_of_its_names() {
        let base = draw(1, "a", 0);
        assert_eq!(base, draw(1, "a", 0));
        assert_ne!(base, draw(2, "a", 0));
        assert_ne!(base, draw(1, "b", 0));
        assert_ne!(base, draw(1, "a", 1));
    }

    #[test]
    fn a_bounded_draw_reaches_the_whole_range_and_no_more() {
        let seen: std::collections::BTreeSet<u64> =
            (0..200).map(|i| draw_below(7, "dice", i, 6)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), vec![0, 1, 2, 3, 4, 5]);
        assert_eq!(draw_below(7, "dice", 0, 0), 0);
    }
}

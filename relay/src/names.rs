//! Names made of the seed: of streams, which are secrets, and of requests, which everybody sees.

/// 128 bits for thing number `ordinal` of a kind: the same in every run with that seed, and nobody
/// who sees some of them learns the seed, or a name of another kind. They are as hard to guess as the
/// seed's 64 bits.
pub(crate) fn name(kind: &str, seed: u64, ordinal: u64) -> u128 {
    let mut hasher = blake3::Hasher::new_derive_key(kind);
    hasher.update(&seed.to_le_bytes());
    hasher.update(&ordinal.to_le_bytes());
    let mut name = [0; 16];
    hasher.finalize_xof().fill(&mut name);
    u128::from_le_bytes(name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_differ_by_kind_and_seed_and_ordinal() {
        let mut all = BTreeSet::new();
        for kind in ["a", "b"] {
            for seed in 0..3 {
                all.extend((0..3).map(|ordinal| name(kind, seed, ordinal)));
            }
        }
        assert_eq!(all.len(), 2 * 3 * 3);
    }
}

//! Whether a figure lies within an expected bound, and how the bound reads.

use std::fmt::Display;

use crate::scenario::Bound;

/// Whether a figure lies within a bound.
pub(super) fn holds<T: PartialOrd>(bound: &Bound<T>, figure: &T) -> bool {
    bound.at_least.as_ref().is_none_or(|least| figure >= least)
        && bound.at_most.as_ref().is_none_or(|most| figure <= most)
}

/// The bound in words: `3`, `at least 3`, `at least 3 and at most 5`.
pub(super) fn words<T: PartialEq + Display>(bound: &Bound<T>) -> String {
    match (&bound.at_least, &bound.at_most) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("at least {least} and at most {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "any number".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_read_as_words() {
        let bound = |at_least, at_most| Bound { at_least, at_most };
        let both = bound(Some(3), Some(5));
        assert_eq!([2, 3, 5, 6].map(|n| holds(&both, &n)), [false, true, true, false]);
        assert_eq!(words(&both), "at least 3 and at most 5");
        assert_eq!(words(&bound(Some(3), Some(3))), "3");
        assert_eq!(words(&bound(None, Some(3))), "at most 3");
        assert_eq!(words(&bound(Some(3), None)), "at least 3");
    }
}

//! Whether a bound bounds something, and can be kept.

use mock_openai::yaml::{Diagnostic, Place};

use crate::scenario::Bound;

pub(super) fn check<T: Copy + PartialOrd>(
    bound: Option<Bound<T>>,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    let Some(bound) = bound else { return };
    match (bound.at_least, bound.at_most) {
        (None, None) => {
            let wanted = "wanted: `at_least`, `at_most` or both";
            wrong.push(place.wrong("the bound bounds nothing").wanted(wanted));
        }
        (Some(least), Some(most)) if least > most => {
            wrong.push(place.wrong("`at_least` is more than `at_most`: nothing can be both"));
        }
        (Some(_) | None, Some(_) | None) => {}
    }
}

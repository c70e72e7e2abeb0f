//! Counters of loops inside text.

use std::borrow::Cow;

/// Puts the innermost loop's counters into a text: `{i}` counts from 0, `{n}` from 1. Outside a
/// loop the text stays as it is.
pub(super) fn fill(text: &str, counter: Option<u64>) -> Cow<'_, str> {
    match counter {
        Some(count) if text.contains("{i}") || text.contains("{n}") => Cow::Owned(
            text.replace("{i}", &count.to_string())
                .replace("{n}", &count.saturating_add(1).to_string()),
        ),
        _ => Cow::Borrowed(text),
    }
}

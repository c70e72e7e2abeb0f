//! Whatever ends the provider's lines, the client gets the same.

use super::{
    Level, Rule,
    payload::{self, Sent},
};
use crate::{exchange::Run, verdict::Verdict};

/// The same as `payload-intact`, where the provider's lines end in CR LF or CR, and its script does
/// not cut them.
pub(super) const RULE: Rule = Rule {
    id: "any-line-end",
    level: Level::Profile,
    citation: "HTML 9.2.6",
    demand: "the client gets the provider's events whether their lines end in LF, CR LF or CR",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    payload::judge(run, Sent::WithCr, "no client got an uncut answer with a CR in it")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, verdict::Verdict};

    /// The provider sends one event, and the relay passes another text.
    fn sent(provider: &str, passed: &str) -> Story {
        let mut story = Story::streaming();
        story.provides(1, "reader", provider);
        story.passes(2, "reader", passed);
        story.finishes(3, "reader");
        story
    }

    #[test]
    fn it_holds_where_line_ends_stay_as_they_are() {
        for text in ["data: 1\r\n\r\n", "data: 1\r\r", "data: 1\n\r\n"] {
            assert_eq!(sent(text, text).verdict(&RULE), Verdict::Held, "{text:?}");
        }
    }

    #[test]
    fn it_breaks_where_the_event_is_not_seen_to_end() {
        let breach = sent("data: 1\r\n\r\n", "").breach(&RULE);
        assert_eq!(breach.at.as_millis(), 3);
        assert_eq!(breach.wanted, ["frame 1 of the provider: `data: 1\\r\\n\\r\\n`"]);
        assert_eq!(
            breach.got,
            "reader never got the provider's frame 1: status 200 and 0 B, then a clean end of the body"
        );
    }

    #[test]
    fn it_does_not_apply_to_lines_that_end_in_lf() {
        let why = "no client got an uncut answer with a CR in it";
        sent("data: 1\n\n", "data: 2\n\n").assert_not_applicable(&RULE, why);
    }
}

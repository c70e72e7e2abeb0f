//! Wherever the provider's bytes are cut, the client gets the same.

use super::{
    Level, Rule,
    payload::{self, Sent},
};
use crate::{exchange::Run, verdict::Verdict};

/// The same as `payload-intact`, where the script cuts what it sends: inside a code point, between
/// CR and LF, inside a field name, one byte at a time.
pub(super) const RULE: Rule = Rule {
    id: "any-cut",
    level: Level::Profile,
    citation: "HTML 9.2.6",
    demand: "the client gets the provider's bytes wherever they are cut on their way",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    payload::judge(run, Sent::Cut, "the provider's script cuts no answer that a client got")
}

#[cfg(test)]
mod tests {
    use mock_openai::script::{Cut, Repeat, Rule as Answer, Step};

    use super::RULE;
    use crate::{exchange::testing::Story, verdict::Verdict};

    /// The two bytes of `é` come in two pieces; the relay passes what is told.
    fn cut_inside_a_code_point(passed: &str) -> Story {
        let mut story = Story::new();
        let cut = Cut { every: Some(1), ..Cut::default() };
        let steps = vec![Step::Repeat(Repeat { times: 1, steps: vec![Step::Cut(cut)] })];
        story.plan.upstream = vec![Answer { then: steps, ..Answer::default() }];
        story.begins(0, "reader");
        story.provides(1, "reader", "data: \u{e9}\n\n");
        story.passes(1, "reader", passed);
        story.finishes(2, "reader");
        story
    }

    #[test]
    fn it_holds_where_a_cut_code_point_arrives_whole() {
        assert_eq!(cut_inside_a_code_point("data: \u{e9}\n\n").verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_each_piece_was_decoded_by_itself() {
        let breach = cut_inside_a_code_point("data: \u{fffd}\u{fffd}\n\n").breach(&RULE);
        assert_eq!(breach.at.as_millis(), 1);
        assert_eq!(
            breach.got,
            "reader got `data: \\xef\\xbf\\xbd\\xef\\xbf\\xbd\\n\\n` in place of the provider's frame 1"
        );
    }

    #[test]
    fn it_does_not_apply_where_nothing_is_cut() {
        let mut story = cut_inside_a_code_point("data: x\n\n");
        story.plan.upstream[0].then.clear();
        story
            .assert_not_applicable(&RULE, "the provider's script cuts no answer that a client got");
    }
}

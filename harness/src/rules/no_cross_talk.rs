//! No byte of one stream comes in another.

use mock_openai::quantity::Size;

use super::{Level, Rule, limits::Limit, payload};
use crate::{
    exchange::{Answer, Run},
    plan::Number,
    verdict::{Breach, Inquiry, Verdict},
};

/// Only streams that say different things can be told apart: the mock gives the chunks of each
/// answer an id of their own, and a script can say something else for each client. `[DONE]` is the same in
/// all: that of another's stream is told by its time, and `one-ending` sees it.
pub(super) const RULE: Rule = Rule {
    id: "no-cross-talk",
    level: Level::Profile,
    citation: "RFC 9110 3.3",
    demand: "no {no-cross-talk} in a row that the provider sent for one client alone reach another",
    judge,
};

pub(super) const TELLING: Limit = Limit {
    name: "no-cross-talk",
    default: Number::Size(Size(16)),
    least: Number::Size(Size(1)),
    bounds: "how many bytes in a row that another's stream holds and its own does not are no accident",
    source: "ours: shorter than any id of a chunk, longer than most words",
};

/// How much of a strange frame is searched.
const SEARCHED_BYTES: usize = 1024;

fn judge(run: &Run<'_>) -> Verdict {
    let telling = TELLING.bytes(run);
    let mut inquiry = Inquiry::default();
    let streams: Vec<_> = payload::streams(run).collect();
    for (index, exchange, answer) in &streams {
        let own = &answer.body.bytes;
        let others = || streams.iter().filter(|(.., other)| other.body.bytes != *own);
        if others().next().is_none() {
            continue;
        }
        inquiry.applies();
        let found = payload::align(own, &exchange.body.bytes, false);
        let Some(start) = found.strange else { continue };
        let strange = &exchange.body.bytes[start..];
        let strange = &strange[..strange.len().min(SEARCHED_BYTES)];
        let foreign = |other: &Answer| {
            let mut pieces = strange.windows(telling);
            // Where someone asked again, an earlier answer was for the same client.
            let is_own =
                |piece: &[u8]| run.answers_to(*index).any(|own| holds(&own.body.bytes, piece));
            pieces.find(|piece| holds(&other.body.bytes, piece) && !is_own(piece))
        };
        let theirs = others().find_map(|(of, _, other)| Some((of, foreign(other)?)));
        let Some((of, piece)) = theirs else { continue };
        let owner = &run.exchanges[*of].client;
        let host = run.blame(*index, |at| at.outgoing().is_some_and(|m| holds(&m.body, piece)));
        let wanted = format!("nothing but the provider's answer to {}", exchange.client);
        let got = format!("{}, with bytes of the answer to {owner}", payload::quote(strange));
        let breach = Breach::new(exchange.had(start + 1), &host, wanted, got);
        inquiry.broke(breach.concerning(&exchange.client));
    }
    inquiry.verdict("no two clients got streams that can be told apart")
}

fn holds(body: &[u8], piece: &[u8]) -> bool {
    body.windows(piece.len()).any(|window| window == piece)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, scenario::Kind, verdict::Verdict};

    /// Two clients at once; the second gets this.
    fn two(passed: &str) -> Story {
        let mut story = Story::streaming();
        story.client("other", Kind::Raw);
        story.begins(0, "other");
        story.relays(1, "reader", "data: words for reader\n\n");
        story.provides(2, "other", "data: words for another\n\n");
        story.passes(2, "other", passed);
        story.finishes(3, "reader");
        story.finishes(3, "other");
        story
    }

    #[test]
    fn it_holds_where_each_gets_its_own() {
        assert_eq!(two(": ping\n\ndata: words for another\n\n").verdict(&RULE), Verdict::Held);
        // Wrong, but nobody else's.
        assert_eq!(two("data: strange\n\n").verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_the_first_bytes_of_another_stream() {
        let breach = two("data: words for another\n\ndata: words for reader\n\n").breach(&RULE);
        assert_eq!(breach.at.as_millis(), 2);
        assert_eq!(breach.wanted, ["nothing but the provider's answer to other"]);
        assert_eq!(
            breach.got,
            "`data: words for reader\\n\\n`, with bytes of the answer to reader"
        );
    }

    #[test]
    fn it_does_not_apply_to_one_stream_or_to_streams_that_say_the_same() {
        let why = "no two clients got streams that can be told apart";
        Story::streaming().assert_not_applicable(&RULE, why);
        let mut same = Story::streaming();
        same.client("other", Kind::Raw);
        same.begins(0, "other");
        same.relays(1, "reader", "data: 1\n\n");
        same.relays(1, "other", "data: 1\n\n");
        same.assert_not_applicable(&RULE, why);
    }
}

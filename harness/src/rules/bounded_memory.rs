//! What a relay holds for a slow reader is bounded.

use mock_openai::quantity::Size;

use super::{Level, Rule, limits::Limit};
use crate::{
    exchange::{Passage, Run},
    plan::Number,
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const HELD: Limit = Limit {
    name: "bounded-memory",
    default: Number::Size(Size(256 * 1024)),
    least: Number::Size(Size(1)),
    bounds: "how much a relay may hold of one answer",
    source: "ours: less than hyper's default write buffer holds of pieces of 32KiB, 425984B as measured on Linux",
};

/// What the relay has read from the provider and not yet given to the client's socket. Where it is
/// bounded, the provider feels the back-pressure, and the slow reader pays for its slowness itself.
pub(super) const RULE: Rule = Rule {
    id: "bounded-memory",
    level: Level::Profile,
    citation: "RFC 9112 9.5",
    demand: "the relay holds at most {bounded-memory} of an answer, however slowly its client reads",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let most = HELD.bytes(run);
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let Some(passage) = run.at_relay(index).filter(Passage::felt_pressure) else { continue };
        if passage.incoming().is_none() {
            continue;
        }
        inquiry.applies();
        let too_much = |(_, held): &(_, usize)| *held > most;
        let steps = passage.held();
        if let Some((moment, _)) = steps.iter().copied().find(too_much) {
            let peak = steps.iter().map(|(_, held)| *held).max().unwrap_or_default();
            let (most, peak) = (Size(most as u64), Size(peak as u64));
            let wanted = format!("at most {most} of one answer held, whatever its reader");
            let got = format!("up to {peak} of one answer held for {}", exchange.client);
            let breach = Breach::new(moment, &run.relay, wanted, got);
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict("no client was slower than its answer")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, trace::SocketFact, verdict::Verdict};

    /// The reader takes 1 KiB of an answer of so many KiB; then the relay cannot write.
    fn takes(kib: usize) -> Story {
        let mut story = Story::streaming();
        let piece = "x".repeat(1024);
        for index in 0..kib {
            story.provides(1, "reader", &piece);
            if index == 0 {
                story.passes(1, "reader", &piece);
                story.socket(1, "relay", "reader", 0, SocketFact::Blocked);
            }
        }
        story
    }

    #[test]
    fn it_holds_at_the_bound() {
        assert_eq!(takes(257).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_the_read_that_goes_over_it() {
        let mut story = takes(257);
        story.provides(2, "reader", "x");
        story.provides(3, "reader", "y");
        let breach = story.breach(&RULE);
        assert_eq!(breach.at.as_millis(), 2);
        assert!(matches!(
            &story.trace.events[breach.ordinal].fact,
            crate::trace::Fact::Socket(_, SocketFact::Read { .. })
        ));
        assert_eq!(breach.wanted, ["at most 256KiB of one answer held, whatever its reader"]);
        assert_eq!(breach.got, "up to 262146B of one answer held for reader");
    }

    #[test]
    fn what_was_let_go_with_its_connection_is_not_held() {
        let mut story = takes(257);
        story.socket(2, "relay", "reader", 1, SocketFact::Dropped);
        story.provides(3, "reader", "xx");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_where_every_reader_keeps_up() {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.assert_not_applicable(&RULE, "no client was slower than its answer");
    }
}

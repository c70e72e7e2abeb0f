//! The first byte and each silence have budgets of their own, and each ends with an error of its own.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, limits::Limit};
use crate::{
    exchange::{Exchange, Moment, Passage, Run},
    plan::Number,
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const LATE: Limit = Limit {
    name: "separate-budgets",
    default: Number::Time(Time(Duration::from_secs(1))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long after a budget is used up a relay may let go of the provider",
    source: "ours, as for `cancel-upstream`",
};

/// A model that thinks is silent before its first token for longer than it may be between two. The
/// budgets are those that the scenario sets by the relay's switches `first_byte` and `idle`. The
/// budget for the first byte begins with the request.
pub(super) const RULE: Rule = Rule {
    id: "separate-budgets",
    level: Level::Profile,
    citation: "RFC 9110 15.6.3; RFC 9110 15.6.5",
    demand: "the first byte and each later silence have budgets of their own, kept to within {separate-budgets}, which end in 502 or 504 before the head and in an error event after it",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let Some(at) = run.at_relay(index) else { continue };
        for silence in silences(run, exchange, &at) {
            inquiry.applies();
            let broke = [wrong_time(run, &silence), untold(run, exchange, &silence)];
            let broke = broke.into_iter().flatten();
            broke.for_each(|breach| inquiry.broke(breach.concerning(&exchange.client)));
        }
    }
    inquiry.verdict("no budget of the relay's is set that a silence of the provider came near to")
}

/// A silence of the provider, and how long it may be.
struct Silence {
    /// The switch that says so.
    switch: &'static str,
    budget: Duration,
    since: Moment,
    until: Moment,
    /// Whether the relay ended it by letting go.
    gave_up: bool,
}

/// The silences that were longer than the shortest budget, or that the relay ended.
fn silences(run: &Run<'_>, exchange: &Exchange, at: &Passage<'_>) -> Vec<Silence> {
    let budget = |switch| {
        let Time(time) = run.switch(switch)?.parse().ok()?;
        Some((switch, time))
    };
    let budgets = [budget("first_byte"), budget("idle")];
    let shortest = budgets.iter().flatten().map(|(_, time)| *time).min();
    let (Some(shortest), Some(above), Some(tcp)) = (shortest, at.above, at.above_tcp) else {
        return Vec::new();
    };
    // A relay whose client takes nothing need not ask the provider for more.
    if at.felt_pressure() {
        return Vec::new();
    }
    let provider = tcp.acceptor.finished;
    let left = exchange.left.map(|(moment, _)| moment);
    let before = |end: Moment| [provider, left].into_iter().flatten().all(|other| other > end);
    let gave_up = tcp.opener.finished.filter(|end| !at.came_whole() && before(*end));
    let came = at.incoming().into_iter().flat_map(|message| {
        let reads = tcp.down.read.iter();
        reads.filter(|(end, _)| message.body_before(*end) > 0).map(|(_, moment)| moment)
    });
    let whole = at.came_whole().then(|| tcp.down.read.iter().last()).flatten();
    let ends = [gave_up, provider, left, whole.map(|(_, moment)| moment)];
    let end = ends.into_iter().flatten().min().unwrap_or_else(|| Moment::last(run.trace));
    let points: Vec<Moment> = std::iter::once(above.asked)
        .chain(came.filter(|moment| *moment < end))
        .chain([end])
        .collect();
    let silence = |(index, pair): (usize, &[Moment])| {
        let (switch, budget) = budgets[usize::from(index > 0)]?;
        let gave_up = gave_up == Some(pair[1]);
        let took = pair[1].at.saturating_sub(pair[0].at);
        let tells = gave_up || took > shortest;
        tells.then_some(Silence { switch, budget, since: pair[0], until: pair[1], gave_up })
    };
    points.windows(2).enumerate().filter_map(silence).collect()
}

/// The relay let go before the budget was used up, or long after that.
fn wrong_time(run: &Run<'_>, silence: &Silence) -> Option<Breach> {
    let Silence { switch, budget, since, until, gave_up } = *silence;
    let took = until.at.saturating_sub(since.at);
    let late = budget + LATE.time(run);
    let wanted = format!("{} bears {} of silence ({switch})", run.relay, Time(budget));
    if gave_up && took + run.grain() < budget {
        let got = format!("it let go of the provider after {}", Time(took));
        return Some(Breach::new(until, &run.relay, wanted, got));
    }
    let over = Moment::first_after(run.trace, since.at + late)?;
    let got = format!("it waited for {}", Time(took));
    (took > late).then(|| Breach::new(over, &run.relay, format!("{wanted} and no more"), got))
}

/// The relay gave up, and its client does not know why.
fn untold(run: &Run<'_>, exchange: &Exchange, silence: &Silence) -> Option<Breach> {
    if !silence.gave_up {
        return None;
    }
    let frames = exchange.frames();
    let told = match exchange.status() {
        Some(502 | 504) => true,
        // Inside an event there is no place for another one.
        Some(200..=299) => {
            !frames.tail().is_empty() || frames.iter().any(|(_, f)| f.error().is_some())
        }
        _ => false,
    };
    let wanted = "status 502 or 504 before the provider's head";
    let breach = Breach::new(exchange.last_seen(), &run.relay, wanted, exchange.ending());
    (!told).then(|| breach.or("an error event after it"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::Story,
        scenario::Leave,
        trace::{BodyEnd, SocketFact},
        verdict::Verdict,
    };

    const ERROR: &str = "data: {\"error\":{\"message\":\"silence\",\"type\":\"timeout\"}}\n\n";

    /// A minute for the first byte, ten seconds between two.
    fn budgets() -> Story {
        let mut story = Story::streaming();
        for (switch, time) in [("first_byte", "60s"), ("idle", "10s")] {
            story.plan.switches.insert(switch.to_owned(), time.to_owned());
        }
        story
    }

    /// The relay lets go of the provider, and tells the client by an event.
    fn gives_up(mut story: Story, ms: u64, event: &str) -> Story {
        story.socket(ms, "relay", "reader", 1, SocketFact::Dropped);
        story.passes(ms, "reader", event);
        story.closes(ms, "reader", BodyEnd::Truncated);
        story.over(300_000);
        story
    }

    #[test]
    fn it_holds_where_a_first_byte_may_take_longer_than_the_next_one() {
        let mut story = budgets();
        story.relays(30_000, "reader", "data: 1\n\n");
        story.relays(40_000, "reader", "data: 2\n\n");
        story.finishes(40_000, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_holds_where_each_budget_ends_with_an_error_event() {
        assert_eq!(gives_up(budgets(), 60_000, ERROR).verdict(&RULE), Verdict::Held);
        let mut story = budgets();
        story.relays(30_000, "reader", "data: 1\n\n");
        assert_eq!(gives_up(story, 41_000, ERROR).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_first_byte_has_the_budget_of_the_next() {
        let breach = gives_up(budgets(), 10_000, ERROR).breach(&RULE);
        assert_eq!(breach.at.as_secs(), 10);
        assert_eq!(breach.wanted, ["relay bears 1m of silence (first_byte)"]);
        assert_eq!(breach.got, "it let go of the provider after 10s");
    }

    #[test]
    fn it_breaks_where_the_next_byte_has_the_budget_of_the_first() {
        let mut story = budgets();
        story.relays(1_000, "reader", "data: 1\n\n");
        let breach = gives_up(story, 61_000, ERROR).breach(&RULE);
        assert_eq!(breach.wanted, ["relay bears 10s of silence (idle) and no more"]);
        assert_eq!(breach.got, "it waited for 1m");
    }

    #[test]
    fn it_breaks_where_the_client_is_not_told() {
        let breach = gives_up(budgets(), 60_000, ": bye\n\n").breach(&RULE);
        assert_eq!(breach.at.as_secs(), 60);
        let wanted = ["status 502 or 504 before the provider's head", "an error event after it"];
        assert_eq!(breach.wanted, wanted);
        assert_eq!(breach.got, "status 200 and 1 frame, then FIN in mid-response");
    }

    #[test]
    fn it_does_not_apply_where_the_client_leaves_or_no_budget_is_set() {
        let why = "no budget of the relay's is set that a silence of the provider came near to";
        let mut left = budgets();
        left.leaves(5_000, "reader", Leave::Fin);
        left.socket(5_000, "relay", "reader", 1, SocketFact::Dropped);
        left.assert_not_applicable(&RULE, why);
        let mut story = gives_up(budgets(), 10_000, ERROR);
        story.plan.switches.clear();
        story.assert_not_applicable(&RULE, why);
    }
}

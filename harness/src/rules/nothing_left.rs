//! After every stream has ended, nothing of it is left.

use super::{Level, Rule};
use crate::{
    exchange::{Moment, Run},
    metrics::{self, Names},
    scenario::NetFault,
    trace::{Fact, WorldFact},
    verdict::{Breach, Inquiry, Verdict},
};

/// Sockets, tasks, and by its metrics the relay's own count of open streams. The world waits, before
/// it counts, until idle connections have had time to expire.
pub(super) const RULE: Rule = Rule {
    id: "nothing-left",
    level: Level::Profile,
    citation: "whitewater: cleanup",
    demand: "no task, socket or slot is left once every stream has ended",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    if let Some(why) = not_settled(run) {
        return Verdict::NotApplicable { why: why.to_owned() };
    }
    let mut inquiry = Inquiry::default();
    let mut over = Moment::last(run.trace);
    for (ordinal, event) in run.trace.events.iter().enumerate() {
        let moment = Moment { at: event.at, ordinal };
        let broke = |wanted: &str, got| Breach::new(moment, &run.relay, wanted, got);
        match &event.fact {
            Fact::World(WorldFact::Tasks { before, after }) => {
                inquiry.applies();
                if after > before {
                    let got = format!("{after} tasks at the end, {before} at the start");
                    inquiry.broke(broke("as many tasks as before the first client", got));
                }
            }
            Fact::World(WorldFact::Metrics { text }) => {
                for (line, figure) in open_streams(text, &run.plan.claims.metrics) {
                    inquiry.applies();
                    if figure != 0.0 {
                        inquiry.broke(broke("gauges of open streams at 0", format!("`{line}`")));
                    }
                }
            }
            // What the end of the world lets go of, the relay had not.
            Fact::World(WorldFact::Over) => over = over.min(moment),
            Fact::Packet(_)
            | Fact::Arrived { .. }
            | Fact::Socket(..)
            | Fact::Client(_)
            | Fact::Provider(_)
            | Fact::Middlebox(..)
            | Fact::Logged { .. }
            | Fact::World(
                WorldFact::Fired { .. }
                | WorldFact::ToldToStop
                | WorldFact::Exited { .. }
                | WorldFact::NotSettled
                | WorldFact::TraceFull
                | WorldFact::Spins { .. }
                | WorldFact::Panicked { .. }
                | WorldFact::LimitReached { .. },
            ) => {}
        }
    }
    sockets(run, over, &mut inquiry);
    inquiry.verdict("neither sockets nor tasks nor metrics of the relay were seen")
}

/// Why what is left says nothing.
pub(super) fn not_settled(run: &Run<'_>) -> Option<&'static str> {
    let limit = |fact: &Fact| {
        matches!(fact, Fact::World(WorldFact::LimitReached { .. } | WorldFact::TraceFull))
    };
    if run.trace.events.iter().any(|event| limit(&event.fact)) {
        return Some("the run did not come to its end");
    }
    let unsettled = |fact: &Fact| matches!(fact, Fact::World(WorldFact::NotSettled));
    if run.trace.events.iter().any(|event| unsettled(&event.fact)) {
        return Some("the engine does not let the world settle before it ends");
    }
    let kills = [NetFault::Crash, NetFault::Restart, NetFault::Terminate];
    let relay = |host: &Option<String>| host.as_deref() == Some(&*run.relay);
    let killed = run.plan.events.iter().any(|e| relay(&e.host) && kills.contains(&e.fault));
    killed.then_some("the relay's host was crashed, restarted or told to stop")
}

/// The relay's own ends of connections that were never let go.
fn sockets(run: &Run<'_>, over: Moment, inquiry: &mut Inquiry) {
    let mut left = Vec::new();
    for tcp in run.connections.open.values() {
        for (end, other) in [(&tcp.opener, &tcp.acceptor), (&tcp.acceptor, &tcp.opener)] {
            if end.host != run.relay || end.opened.is_none() {
                continue;
            }
            inquiry.applies();
            if end.dropped.is_none_or(|dropped| dropped > over) {
                left.push(&*other.host);
            }
        }
    }
    if !left.is_empty() {
        let noun = if left.len() == 1 { "socket" } else { "sockets" };
        let got = format!("{} {noun} open: to {}", left.len(), left.join(", "));
        inquiry.broke(Breach::new(over, &run.relay, "no socket open at the relay", got));
    }
}

/// The lines of a metrics text that count open streams or requests in flight, with their figures.
fn open_streams<'a>(text: &'a str, names: &Names) -> impl Iterator<Item = (&'a str, f64)> {
    let counts = |name: &str| names.open_streams.iter().any(|word| name.ends_with(word));
    let samples = metrics::read(text).samples.into_iter();
    samples.filter(move |one| counts(one.name)).map(|one| (one.line, one.figure))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::Story,
        scenario::{NetEvent, NetFault},
        trace::{Fact, SocketFact, WorldFact},
        verdict::Verdict,
    };

    /// One stream ends, and the relay lets go of this many of its two sockets.
    fn lets_go_of(sockets: usize) -> Story {
        let mut story = Story::streaming();
        story.finishes(1, "reader");
        for level in (0..2).take(sockets) {
            story.socket(2, "relay", "reader", level, SocketFact::Dropped);
        }
        story
    }

    fn world(story: &mut Story, ms: u64, fact: WorldFact) -> usize {
        story.fact(ms, "world", Fact::World(fact))
    }

    #[test]
    fn it_holds_where_sockets_tasks_and_gauges_are_back_at_their_start() {
        let mut story = lets_go_of(2);
        world(&mut story, 90_000, WorldFact::Tasks { before: 4, after: 4 });
        let text = "# HELP relay_open_streams At most 5\nrelay_open_streams 0\nrelay_open_streams_total 1\n";
        world(&mut story, 90_000, WorldFact::Metrics { text: text.to_owned() });
        story.over(90_000);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_a_socket_is_left_even_if_the_worlds_end_closes_it() {
        let mut story = lets_go_of(1);
        let over = story.over(90_000);
        story.socket(90_000, "relay", "reader", 1, SocketFact::Dropped);
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_secs(), breach.ordinal), (90, over));
        assert_eq!(breach.wanted, ["no socket open at the relay"]);
        assert_eq!(breach.got, "1 socket open: to upstream");
    }

    #[test]
    fn it_breaks_where_tasks_or_slots_are_left() {
        let mut story = lets_go_of(2);
        let tasks = world(&mut story, 9, WorldFact::Tasks { before: 4, after: 5 });
        let breach = story.breach(&RULE);
        assert_eq!(breach.ordinal, tasks);
        assert_eq!(breach.got, "5 tasks at the end, 4 at the start");
        let mut story = lets_go_of(2);
        let text = "http_in_flight{route=\"/v1\"} 2\n".to_owned();
        world(&mut story, 9, WorldFact::Metrics { text });
        assert_eq!(story.breach(&RULE).got, "`http_in_flight{route=\"/v1\"} 2`");
    }

    #[test]
    fn it_does_not_apply_to_a_run_that_did_not_settle() {
        let mut story = lets_go_of(0);
        world(&mut story, 9, WorldFact::LimitReached { waiting: vec![] });
        story.assert_not_applicable(&RULE, "the run did not come to its end");
        let mut story = lets_go_of(0);
        let (host, fault) = (Some("relay".to_owned()), NetFault::Crash);
        let crash =
            NetEvent { at: None, after: None, link: None, host, fault, way: None, lasts: None };
        story.plan.events.push(crash);
        story.assert_not_applicable(
            &RULE,
            "the relay's host was crashed, restarted or told to stop",
        );
        let mut story = Story::new();
        story.over(1);
        let why = "neither sockets nor tasks nor metrics of the relay were seen";
        story.assert_not_applicable(&RULE, why);
    }
}

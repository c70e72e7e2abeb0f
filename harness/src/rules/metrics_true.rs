//! What a relay counts is what happened.

use super::{Level, Rule, nothing_left::not_settled};
use crate::{
    exchange::{Exchange, Fate, Moment, Run},
    metrics::{self, Metrics},
    trace::{BodyEnd, Fact, WorldFact},
    verdict::{Breach, Inquiry, Verdict},
};

/// Alerts are made of such figures: a relay that counts its broken streams as successes is healthy on
/// every dashboard while its users see half answers.
pub(super) const RULE: Rule = Rule {
    id: "metrics-true",
    level: Level::Profile,
    citation: "whitewater: metrics",
    demand: "streams that the relay counts as complete came to their end, all that did are counted, \
             and each attempt after the first is a retry",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    if let Some(why) = not_settled(run) {
        return Verdict::NotApplicable { why: why.to_owned() };
    }
    let mut inquiry = Inquiry::default();
    let scraped = run.trace.events.iter().enumerate().rev().find_map(|(ordinal, event)| {
        let Fact::World(WorldFact::Metrics { text }) = &event.fact else { return None };
        Some((Moment { at: event.at, ordinal }, metrics::read(text)))
    });
    if let Some((at, all)) = scraped {
        let counts = [complete(run, &all), retries(run, &all)];
        for (least, most, figure, what) in counts.into_iter().flatten() {
            inquiry.applies();
            if figure < figure_of(least) || figure > figure_of(most) {
                let wanted = if least == most {
                    format!("{most} {what}")
                } else {
                    format!("{least} to {most} {what}")
                };
                inquiry.broke(Breach::new(at, &run.relay, wanted, format!("{figure} are counted")));
            }
        }
    }
    inquiry.verdict("the relay tells no figures of streams by their end, nor of retries")
}

fn figure_of(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// At least and at most so many, what is counted, and of what.
type Count = (usize, usize, f64, &'static str);

/// Streams that came to their end. What is no stream, and what the one takes for an end and the other
/// does not, may be counted or not.
fn complete(run: &Run<'_>, all: &Metrics<'_>) -> Option<Count> {
    let names = &run.plan.claims.metrics;
    let by_end = all.samples.iter().filter(|one| one.name.ends_with(&names.streams));
    let ends: Vec<(&str, f64)> = by_end
        .filter_map(|one| {
            let (_, end) = one.labels.iter().find(|(label, _)| *label == names.end)?;
            Some((*end, one.figure))
        })
        .collect();
    if ends.is_empty() {
        return None;
    }
    let complete = ends.iter().filter(|(end, _)| names.complete.iter().any(|name| name == end));
    // A sum of none is -0.
    let counted = complete.fold(0.0, |sum, (_, figure)| sum + figure);
    let (mut least, mut most) = (0, 0);
    for (index, exchange) in run.exchanges.iter().enumerate() {
        // A second relay counts for itself, and is not asked.
        if run.at_relay(index).is_none_or(|at| *at.host != run.relay) {
            continue;
        }
        match came_to_its_end(run, index, exchange) {
            Some(true) => (least, most) = (least + 1, most + 1),
            Some(false) => {}
            None => most += 1,
        }
    }
    Some((least, most, counted, "streams that came to their end"))
}

/// Whether a stream came to its end at the client and at the provider; `None` where that can be seen
/// so or so.
fn came_to_its_end(run: &Run<'_>, index: usize, exchange: &Exchange) -> Option<bool> {
    let answer = run.answers_to(index).next_back()?;
    let cut = match run.fate(index, answer) {
        Fate::Whole => false,
        Fate::Unterminated => return None,
        Fate::Cut => true,
    };
    let keeps =
        ["resume", "read_on"].iter().any(|name| run.switch(name).is_some_and(|v| v != "off"));
    if !exchange.is_stream() || keeps {
        return None;
    }
    let ended = exchange.ended.map(|(_, how)| how);
    let error = exchange.frames().tell_error();
    match (cut, ended) {
        (true, _) => Some(false),
        (false, Some(BodyEnd::Complete)) if !error => Some(true),
        _ => None,
    }
}

/// Attempts after the first, where each attempt was answered.
fn retries(run: &Run<'_>, all: &Metrics<'_>) -> Option<Count> {
    let counted = all.sum(&run.plan.claims.metrics.retries).ok()?;
    let turns = || run.turns.iter().filter(|turn| turn.from == run.relay);
    let failed = run.connections.failed.iter().any(|failed| failed.from == run.relay);
    let known = turns().all(|turn| turn.response.is_some() && turn.exchange.is_some());
    if failed || gave_up_a_connect(run) || !known || turns().next().is_none() {
        return None;
    }
    let asked = |index: &usize| turns().any(|turn| turn.exchange == Some(*index));
    let first = (0..run.exchanges.len()).filter(asked).count();
    let again = turns().count() - first;
    Some((again, again, counted, "attempts after the first"))
}

/// Whether the relay called a host and did not wait for the answer: an attempt of which nothing comes but
/// its first packets.
fn gave_up_a_connect(run: &Run<'_>) -> bool {
    run.trace.events.iter().filter(|event| event.actor == run.relay).any(|event| {
        let Fact::Packet(packet) = &event.fact else { return false };
        let connected = run.connections.open.get(&packet.connection);
        let calls = packet.flags.syn && !packet.flags.ack;
        calls && connected.is_none_or(|tcp| tcp.opener.opened.is_none())
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use bytes::Bytes;
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        metrics::Names,
        scenario::{Kind, Leave},
        trace::{BodyEnd, Connection, Fact, Fate as Passed, Flags, Name, Packet, WorldFact},
        verdict::Verdict,
    };

    const DONE: &str = "data: [DONE]\n\n";

    fn scraped(mut story: Story, text: &str) -> Story {
        let text = text.to_owned();
        story.fact(400_000, "world", Fact::World(WorldFact::Metrics { text }));
        story.over(400_000);
        story
    }

    /// One stream comes to its end, and of another the provider dies.
    fn one_of_two() -> Story {
        let mut story = Story::streaming();
        story.relays(1, "reader", DONE);
        story.finishes(2, "reader");
        story.client("other", Kind::Raw);
        story.begins(10, "other");
        story.provider_ends(11, "other", End::Reset);
        story.closes(12, "other", BodyEnd::Truncated);
        story
    }

    #[test]
    fn it_holds_where_the_figures_are_those_of_the_run() {
        let text = "x_streams_total{end=\"complete\"} 1\nx_streams_total{end=\"broken\"} 1\n\
                    x_retries_total 0\n";
        assert_eq!(scraped(one_of_two(), text).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_broken_streams_are_counted_as_complete_or_whole_ones_are_not() {
        for (text, got) in [
            ("x_streams_total{end=\"complete\"} 2\n", "2 are counted"),
            ("x_streams_total{end=\"broken\"} 2\n", "0 are counted"),
        ] {
            let breach = scraped(one_of_two(), text).breach(&RULE);
            assert_eq!(breach.wanted, ["1 streams that came to their end"]);
            assert_eq!(breach.got, got);
        }
    }

    #[test]
    fn a_client_that_left_is_no_success() {
        let story = || {
            let mut story = Story::streaming();
            story.relays(1, "reader", "data: 1\n\n");
            story.leaves(2, "reader", Leave::Rst);
            story.provider_left(3, "reader");
            story
        };
        let gone = "streams_total{end=\"client_gone\"} 1\n";
        assert_eq!(scraped(story(), gone).verdict(&RULE), Verdict::Held);
        scraped(story(), "streams_total{end=\"complete\"} 1\n").breach(&RULE);
    }

    #[test]
    fn it_breaks_where_a_retry_is_not_counted() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", 503, JSON);
        story.provider_ends(1, "reader", End::Clean);
        story.forwards(2, "reader");
        story.answers(3, "reader", 200, STREAM);
        story.replies(3, "reader", 200, STREAM);
        story.relays(4, "reader", DONE);
        story.finishes(5, "reader");
        let breach = scraped(story, "x_retries_total 0\n").breach(&RULE);
        assert_eq!(breach.wanted, ["1 attempts after the first"]);
        assert_eq!(breach.got, "0 are counted");
    }

    /// The provider's host answers no call for a while: the relay gives up the first, and calls again.
    #[test]
    fn a_call_that_the_relay_gave_up_may_have_been_an_attempt() {
        let tells = |text: &str, is_from: &str| {
            let mut story = Story::new();
            story.asks(0, "reader");
            story.fact(0, is_from, Fact::Packet(syn()));
            story.forwards(10_000, "reader");
            story.answers(10_001, "reader", 200, STREAM);
            story.replies(10_001, "reader", 200, STREAM);
            story.relays(10_002, "reader", DONE);
            story.finishes(10_003, "reader");
            scraped(story, text).verdict(&RULE)
        };
        let why = "the relay tells no figures of streams by their end, nor of retries";
        let unknown = Verdict::NotApplicable { why: why.to_owned() };
        assert_eq!(tells("x_retries_total 1\n", "relay"), unknown);
        assert!(matches!(tells("x_retries_total 1\n", "reader"), Verdict::Broke(_)));
        assert_eq!(tells("x_retries_total 0\n", "reader"), Verdict::Held);
    }

    fn syn() -> Packet {
        let address = SocketAddr::from(([10, 0, 0, 2], 49_152));
        Packet {
            connection: Connection(99),
            link: Name::from("relay-upstream"),
            to: Name::from("upstream"),
            addresses: (address, address),
            flags: Flags { syn: true, ..Flags::default() },
            seq: 0,
            ack: 0,
            window: 65_535,
            payload: Bytes::new(),
            fate: Passed::Dropped,
        }
    }

    #[test]
    fn a_relay_has_names_of_its_own_for_what_it_counts() {
        let text = "done{how=\"fine\"} 2\ndone{how=\"cut\"} 1\nagain 0\n";
        let mut story = scraped(one_of_two(), text);
        let why = "the relay tells no figures of streams by their end, nor of retries";
        story.assert_not_applicable(&RULE, why);
        story.plan.claims.metrics = Names {
            streams: "done".to_owned(),
            end: "how".to_owned(),
            complete: vec!["fine".to_owned()],
            retries: "again".to_owned(),
            ..Names::default()
        };
        let breach = story.breach(&RULE);
        assert_eq!(breach.wanted, ["1 streams that came to their end"]);
        assert_eq!(breach.got, "2 are counted");
    }

    #[test]
    fn it_does_not_apply_where_there_are_no_such_figures() {
        let why = "the relay tells no figures of streams by their end, nor of retries";
        scraped(one_of_two(), "x_open_streams 0\n").assert_not_applicable(&RULE, why);
        let mut story = one_of_two();
        story.over(400_000);
        story.assert_not_applicable(&RULE, why);
    }
}

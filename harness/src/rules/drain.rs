//! A relay that is told to stop lets what runs go on for a while, takes nothing new, and then ends.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, limits::Limit};
use crate::{
    exchange::{Exchange, Moment, Passage, Run},
    plan::Number,
    trace::{Exit, Fact, WorldFact},
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const GRACE: Limit = Limit {
    name: "drain.grace",
    default: Number::Time(Time(Duration::from_secs(30))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long streams go on after the word to stop, where the scenario sets no switch `drain`",
    source: "Kubernetes waits as long between SIGTERM and SIGKILL",
};

pub(super) const LAST_WORDS: Limit = Limit {
    name: "drain.last-words",
    default: Number::Time(Time(Duration::from_secs(2))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long the last words to clients may take after the grace",
    source: "ours",
};

/// Every deployment stops every relay. One that cuts its streams breaks them all at once; one that
/// waits for them is killed in the end, and then it cuts them too.
pub(super) const RULE: Rule = Rule {
    id: "drain",
    level: Level::Profile,
    citation: "RFC 9112 9.6; Kubernetes pod termination",
    demand: "told to stop, the relay takes no new streams, lets those that run go on for its grace \
             ({drain.grace} where it is not told), and is gone {drain.last-words} after it",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for stop in stops(run) {
        inquiry.applies();
        for (index, exchange) in run.exchanges.iter().enumerate() {
            let here = |at: &Passage<'_>| *at.host == run.relay;
            let Some(at) = run.at_relay(index).filter(here) else { continue };
            let wrong = begun(run, exchange, &at, &stop).or_else(|| cut(run, index, &at, &stop));
            if let Some(breach) = wrong {
                inquiry.broke(breach.concerning(&exchange.client));
            }
        }
        if let Some(breach) = stays(run, &stop) {
            inquiry.broke(breach);
        }
    }
    inquiry.verdict("nobody told the relay to stop")
}

/// One word to stop.
struct Stop {
    told: Moment,
    /// When the relay was gone, and why.
    exited: Option<(Moment, Exit)>,
    grace: Duration,
}

impl Stop {
    /// When streams may be ended.
    fn over(&self) -> Duration {
        self.told.at + self.grace
    }

    /// How a report speaks of the grace.
    fn grace(&self) -> String {
        format!("for {} from {} on", Time(self.grace), self.told)
    }
}

/// The words that the relay got: one a life of its process.
fn stops(run: &Run<'_>) -> Vec<Stop> {
    let set = run.switch("drain").and_then(|text| text.parse().ok());
    let grace = set.map_or_else(|| GRACE.time(run), |Time(grace)| grace);
    let mut all: Vec<Stop> = Vec::new();
    for (ordinal, event) in run.trace.events.iter().enumerate() {
        let Fact::World(fact) = &event.fact else { continue };
        if event.actor != run.relay {
            continue;
        }
        let moment = Moment { at: event.at, ordinal };
        if *fact == WorldFact::ToldToStop {
            all.push(Stop { told: moment, exited: None, grace });
        } else if let WorldFact::Exited { because } = fact
            && let Some(last) = all.last_mut()
        {
            last.exited.get_or_insert((moment, *because));
        }
    }
    all
}

/// A stream that was asked for after the word, and begun.
fn begun(run: &Run<'_>, exchange: &Exchange, at: &Passage<'_>, stop: &Stop) -> Option<Breach> {
    let opened = at.below_tcp.acceptor.opened?;
    let same_life = stop.exited.is_none_or(|(exited, _)| opened < exited);
    if at.below.asked <= stop.told || !same_life || !exchange.is_stream() {
        return None;
    }
    let wanted = format!("{} refuses what is asked after the word to stop", run.relay);
    let got = format!("{} asked at {} and got a stream", exchange.client, exchange.sent);
    Some(Breach::new(exchange.answered_at(), &run.relay, wanted, got))
}

/// A stream that ran when the word came, and that the relay ended within its grace while both the
/// client and the provider were there.
fn cut(run: &Run<'_>, index: usize, at: &Passage<'_>, stop: &Stop) -> Option<Breach> {
    let exchange = &run.exchanges[index];
    let end = &at.below_tcp.acceptor;
    let finished = end.finished.filter(|end| *end > stop.told && end.at < stop.over())?;
    let gone_before = |gone: Option<Moment>| gone.is_some_and(|gone| gone <= finished);
    let left = exchange.left.map(|(moment, _)| moment);
    let client_gone = gone_before(left) || gone_before(end.saw_end);
    let provider_gone = at.above_tcp.is_none_or(|tcp| gone_before(tcp.opener.saw_end));
    let answering = run.answers_to(index).next_back().is_some_and(|a| a.open_at(finished));
    let answered = answered(at).is_some_and(|answered| answered <= stop.told);
    if answered || at.below.asked > stop.told || client_gone || provider_gone || !answering {
        return None;
    }
    let wanted = format!("streams that run go on {}", stop.grace());
    let got = format!("it ended the stream of {} at {finished}", exchange.client);
    Some(Breach::new(finished, &run.relay, wanted, got))
}

/// When the last byte of a whole answer was written.
fn answered(at: &Passage<'_>) -> Option<Moment> {
    let end = at.outgoing()?.end?;
    at.below_tcp.down.wrote.marks.when(end.checked_sub(1)?)
}

/// It is still there when it should be gone.
fn stays(run: &Run<'_>, stop: &Stop) -> Option<Breach> {
    let last_words = LAST_WORDS.time(run);
    let late = stop.over() + last_words;
    let exited = stop.exited.filter(|(exited, _)| exited.at <= late);
    let seen = Moment::first_after(run.trace, late)?;
    if exited.is_some() {
        return None;
    }
    let wanted =
        format!("{} serves {}, and is gone within {}", run.relay, stop.grace(), Time(last_words));
    let (moment, got) = match stop.exited {
        Some((moment, Exit::Killed)) => (moment, format!("it was killed at {moment}")),
        Some((moment, Exit::Drained | Exit::Unhandled)) => {
            (moment, format!("it ended at {moment}"))
        }
        None => (seen, "it never ended".to_owned()),
    };
    Some(Breach::new(moment, &run.relay, wanted, got))
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        scenario::{Kind, Leave},
        trace::{BodyEnd, Exit, Fact, SocketFact, WorldFact},
        verdict::Verdict,
    };

    /// A stream runs, and at 1 s the relay is told to stop; its grace is 5 s.
    fn told() -> Story {
        let mut story = Story::streaming();
        story.plan.switches.insert("drain".to_owned(), "5s".to_owned());
        story.relays(500, "reader", "data: 1\n\n");
        story.fact(1_000, "relay", Fact::World(WorldFact::ToldToStop));
        story
    }

    fn exits(story: &mut Story, ms: u64, because: Exit) {
        story.fact(ms, "relay", Fact::World(WorldFact::Exited { because }));
    }

    fn drops(story: &mut Story, ms: u64) {
        story.socket(ms, "relay", "reader", 0, SocketFact::Dropped);
    }

    #[test]
    fn it_holds_where_streams_end_by_themselves_or_at_the_end_of_the_grace() {
        let mut done = told();
        done.finishes(3_000, "reader");
        drops(&mut done, 3_000);
        exits(&mut done, 3_000, Exit::Drained);
        done.over(400_000);
        assert_eq!(done.verdict(&RULE), Verdict::Held);
        let mut over = told();
        drops(&mut over, 6_000);
        over.closes(6_000, "reader", BodyEnd::Truncated);
        exits(&mut over, 8_000, Exit::Drained);
        over.over(400_000);
        assert_eq!(over.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_a_stream_is_cut_within_the_grace() {
        let mut story = told();
        drops(&mut story, 5_999);
        exits(&mut story, 5_999, Exit::Unhandled);
        let breach = story.breach(&RULE);
        assert_eq!(breach.wanted, ["streams that run go on for 5s from 1s on"]);
        assert_eq!(breach.got, "it ended the stream of reader at 5999ms");
    }

    #[test]
    fn who_ended_first_is_no_cut_of_the_relay() {
        let mut left = told();
        left.leaves(2_000, "reader", Leave::Fin);
        drops(&mut left, 2_000);
        exits(&mut left, 2_000, Exit::Drained);
        assert_eq!(left.verdict(&RULE), Verdict::Held);
        let mut seen = told();
        seen.socket(2_000, "relay", "reader", 0, SocketFact::ReadEnd);
        drops(&mut seen, 2_000);
        exits(&mut seen, 2_000, Exit::Drained);
        assert_eq!(seen.verdict(&RULE), Verdict::Held);
        let mut provider = told();
        provider.socket(2_000, "relay", "reader", 1, SocketFact::ReadEnd);
        drops(&mut provider, 2_000);
        exits(&mut provider, 2_000, Exit::Drained);
        assert_eq!(provider.verdict(&RULE), Verdict::Held);
        let mut ended = told();
        ended.provider_ends(2_000, "reader", End::Fin);
        drops(&mut ended, 2_000);
        exits(&mut ended, 2_000, Exit::Drained);
        assert_eq!(ended.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn an_answer_that_was_whole_before_the_word_is_no_stream_that_runs() {
        let mut story = Story::streaming();
        story.closes(1_000, "reader", BodyEnd::Complete);
        story.fact(1_000, "relay", Fact::World(WorldFact::ToldToStop));
        drops(&mut story, 1_000);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_relay_waits_for_longer_than_its_grace() {
        let mut killed = told();
        exits(&mut killed, 31_000, Exit::Killed);
        killed.over(31_000);
        let breach = killed.breach(&RULE);
        assert_eq!(breach.wanted, ["relay serves for 5s from 1s on, and is gone within 2s"]);
        assert_eq!(breach.got, "it was killed at 31s");
        let mut stays = told();
        stays.over(400_000);
        assert_eq!(stays.breach(&RULE).got, "it never ended");
        let mut late = told();
        exits(&mut late, 8_001, Exit::Drained);
        assert_eq!(late.breach(&RULE).got, "it ended at 8001ms");
        // What is not seen to its end is not judged.
        let mut short = told();
        short.over(8_000);
        assert_eq!(short.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn the_grace_is_30_s_where_no_switch_says_it() {
        let mut story = told();
        story.plan.switches.clear();
        drops(&mut story, 30_999);
        assert_eq!(story.breach(&RULE).wanted, ["streams that run go on for 30s from 1s on"]);
    }

    #[test]
    fn it_breaks_where_a_stream_is_begun_after_the_word() {
        let mut story = told();
        story.client("late", Kind::Raw);
        story.begins(2_000, "late");
        let breach = story.breach(&RULE);
        assert_eq!(breach.got, "late asked at 2s and got a stream");
        assert_eq!(breach.client.as_deref(), Some("late"));
        let mut refused = told();
        refused.client("late", Kind::Raw);
        refused.asks(2_000, "late");
        refused.replies(2_000, "late", 503, JSON);
        assert_eq!(refused.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn a_relay_that_started_again_takes_streams() {
        let mut story = told();
        story.finishes(1_500, "reader");
        exits(&mut story, 1_500, Exit::Drained);
        story.client("late", Kind::Raw);
        story.asks(2_000, "late");
        story.forwards(2_000, "late");
        story.answers(2_000, "late", 200, STREAM);
        story.replies(2_000, "late", 200, STREAM);
        story.over(400_000);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_where_nobody_tells_the_relay_to_stop() {
        let mut story = Story::streaming();
        story.fact(1_000, "upstream", Fact::World(WorldFact::ToldToStop));
        story.over(400_000);
        story.assert_not_applicable(&RULE, "nobody told the relay to stop");
    }
}

//! A relay that is out of file descriptors goes on, and takes who waits once there is room.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{Level, Rule, limits::Limit};
use crate::{
    exchange::{Exchange, Moment, Passage, Run, Tcp},
    plan::Number,
    trace::{Fact, WorldFact},
    verdict::{Breach, Inquiry, Verdict},
};

pub(super) const PAUSE: Limit = Limit {
    name: "accept-survives",
    default: Number::Time(Time(Duration::from_secs(2))),
    least: Number::Time(Time(Duration::ZERO)),
    bounds: "how long a relay may leave accepting alone once there is room again",
    source: "axum waits for 1s after a failure, and the same again is slack",
};

/// `accept` fails while a process has no file descriptor left, and the connection goes on waiting. A
/// server that takes this for the end of its listener is gone with all of its streams, at the very
/// moment when it has the most of them.
pub(super) const RULE: Rule = Rule {
    id: "accept-survives",
    level: Level::Profile,
    citation: "accept(2) EMFILE",
    demand: "out of file descriptors, the relay lets its streams go on, leaves accepting alone for a \
             moment, and accepts again {accept-survives} after there is room at the latest",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    let files = run.plan.hosts.get(&*run.relay).and_then(|limits| limits.files);
    let Some(files) = files else {
        return inquiry.verdict("the relay has as many files as it likes");
    };
    let uses = Uses::of(run, files);
    let mut first: Option<Moment> = None;
    for tcp in run.connections.open.values().filter(|tcp| tcp.acceptor.host == run.relay) {
        let Some(since) = uses.waits(tcp) else { continue };
        inquiry.applies();
        first = Some(first.map_or(since, |first| first.min(since)));
        if let Some(breach) = left_alone(run, &uses, tcp, since) {
            inquiry.broke(breach.concerning(&tcp.opener.host));
        }
    }
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let (Some(first), Some(at)) = (first, run.at_relay(index)) else { continue };
        if let Some(breach) = cut(run, index, exchange, &at, first) {
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    if first.is_some()
        && let Some(breach) = spins(run)
    {
        inquiry.broke(breach);
    }
    inquiry.verdict("the relay had a file for everybody")
}

/// The relay calls accept without a pause: a whole CPU is taken by that, just when there is much to do.
fn spins(run: &Run<'_>) -> Option<Breach> {
    run.trace.events.iter().enumerate().find_map(|(ordinal, event)| {
        let Fact::World(WorldFact::Spins { calls, on: "its listener" }) = event.fact else {
            return None;
        };
        let at = Moment { at: event.at, ordinal };
        let wanted = "accepting is left alone for a moment after it failed";
        let got = format!("{} called accept {calls} times at one instant", event.actor);
        (event.actor == run.relay).then(|| Breach::new(at, &run.relay, wanted, got))
    })
}

/// Whether the relay has room for one more socket, from each moment on at which that changes.
struct Uses(Vec<(Moment, bool)>);

impl Uses {
    fn of(run: &Run<'_>, files: u64) -> Self {
        let ends = run.connections.open.values().flat_map(|tcp| [&tcp.opener, &tcp.acceptor]);
        let mut steps: Vec<(Moment, i64)> = ends
            .filter(|end| end.host == run.relay)
            .filter_map(|end| Some((end.opened?, end.dropped)))
            .flat_map(|(opened, dropped)| {
                [Some((opened, 1)), dropped.map(|dropped| (dropped, -1))].into_iter().flatten()
            })
            .collect();
        steps.sort_unstable();
        // Where it listens takes one.
        let mut held = 1_i64;
        let mut room = vec![(Moment { at: Duration::ZERO, ordinal: 0 }, true)];
        for (moment, step) in steps {
            held += step;
            room.push((moment, u64::try_from(held).unwrap_or_default() < files));
        }
        Self(room)
    }

    /// Since when a connection waits for a file, where it does: from its connect on, or since there
    /// was none left.
    fn waits(&self, tcp: &Tcp) -> Option<Moment> {
        let since = tcp.opener.opened?;
        let until = tcp.acceptor.opened;
        let mut full = self.spans().filter(|(_, _, room)| !room);
        let (from, ..) = full.find(|(from, to, _)| {
            to.is_none_or(|to| to > since) && until.is_none_or(|until| *from < until)
        })?;
        Some(from.max(since))
    }

    /// When the first room after a moment has lasted for a pause, where it ever does.
    fn lasting_room(&self, since: Moment, pause: Duration) -> Option<Duration> {
        self.spans().filter(|(_, _, room)| *room).find_map(|(from, to, _)| {
            let end = from.at.max(since.at) + pause;
            to.is_none_or(|to| to.at >= end).then_some(end)
        })
    }

    /// Each stretch: from when to when, and whether there is room in it.
    fn spans(&self) -> impl Iterator<Item = (Moment, Option<Moment>, bool)> + '_ {
        let ends = self.0.iter().skip(1).map(|(moment, _)| Some(*moment)).chain([None]);
        self.0.iter().zip(ends).map(|((from, room), to)| (*from, to, *room))
    }
}

/// A connection that waited for a file, and was not taken when there was one.
fn left_alone(run: &Run<'_>, uses: &Uses, tcp: &Tcp, since: Moment) -> Option<Breach> {
    if tcp.acceptor.opened.is_none()
        && let Some(refused) = tcp.opener.saw_end
        && tcp.opener.finished.is_none_or(|finished| refused <= finished)
    {
        let wanted = "a connection that comes while there is no file waits for one";
        let got = format!("the relay ended that of {} at {refused}", tcp.opener.host);
        return Some(Breach::new(refused, &run.relay, wanted, got));
    }
    let pause = PAUSE.time(run);
    let late = uses.lasting_room(since, pause)?;
    let in_time = tcp.acceptor.opened.is_some_and(|opened| opened.at <= late);
    let gave_up = tcp.opener.finished.is_some_and(|finished| finished.at <= late);
    let seen = Moment::first_after(run.trace, late)?;
    if in_time || gave_up {
        return None;
    }
    let wanted = format!("who waits is accepted within {} of there being room", Time(pause));
    let got = format!(
        "{} has waited since {since}, and there was room for {}",
        tcp.opener.host,
        Time(pause)
    );
    Some(Breach::new(seen, &run.relay, wanted, got))
}

/// A stream that the relay ended after its files ran out, while client and provider were there.
fn cut(
    run: &Run<'_>,
    index: usize,
    exchange: &Exchange,
    at: &Passage<'_>,
    first: Moment,
) -> Option<Breach> {
    let end = &at.below_tcp.acceptor;
    let finished = end.finished.filter(|finished| *finished > first)?;
    let before = |gone: Option<Moment>| gone.is_some_and(|gone| gone <= finished);
    let left = exchange.left.map(|(moment, _)| moment);
    let provider_gone = at.above_tcp.is_none_or(|tcp| before(tcp.opener.saw_end));
    let answering = run.answers_to(index).next_back().is_some_and(|a| a.open_at(finished));
    if before(left) || before(end.saw_end) || provider_gone || !answering {
        return None;
    }
    let wanted = "streams that run go on while there are no files";
    let got = format!("it ended the stream of {} at {finished}", exchange.client);
    Some(Breach::new(finished, &run.relay, wanted, got))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::Story,
        scenario::{HostLimits, Kind},
        trace::{Connection, Fact, Name, SocketFact, WorldFact},
        verdict::Verdict,
    };

    /// A relay with three files, all of which are taken: it listens, and relays one stream. At 1 s
    /// another client connects.
    fn full() -> Story {
        let mut story = Story::new();
        let limits = HostLimits { files: Some(3), ..HostLimits::default() };
        story.plan.hosts.insert("relay".to_owned(), limits);
        story.client("late", Kind::Raw);
        story.begins(0, "reader");
        story.relays(500, "reader", "data: 1\n\n");
        waits(
            &mut story,
            1_000,
            SocketFact::Connected {
                local: ([10, 0, 0, 9], 40_000).into(),
                peer: ([10, 0, 0, 201], 80).into(),
                to: Name::from("relay"),
            },
        );
        story
    }

    fn waits(story: &mut Story, ms: u64, fact: SocketFact) {
        story.fact(ms, "late", Fact::Socket(Connection(77), fact));
    }

    fn accepted(story: &mut Story, ms: u64) {
        let accepted = SocketFact::Accepted {
            local: ([10, 0, 0, 201], 80).into(),
            peer: ([10, 0, 0, 9], 40_000).into(),
            from: Name::from("late"),
        };
        story.fact(ms, "relay", Fact::Socket(Connection(77), accepted));
    }

    /// The stream ends at 5 s, and both of its files are free.
    fn ends(story: &mut Story) {
        story.finishes(5_000, "reader");
        story.socket(5_000, "relay", "reader", 0, SocketFact::Dropped);
        story.socket(5_000, "relay", "reader", 1, SocketFact::Dropped);
    }

    #[test]
    fn it_breaks_where_accept_is_called_without_a_pause() {
        let mut story = full();
        let spins = WorldFact::Spins { calls: 9, on: "its listener" };
        let spinning = story.fact(1_000, "relay", Fact::World(spins));
        ends(&mut story);
        accepted(&mut story, 5_000);
        story.over(60_000);
        let breach = story.breach(&RULE);
        assert_eq!(breach.ordinal, spinning);
        assert_eq!(breach.got, "relay called accept 9 times at one instant");
    }

    #[test]
    fn it_holds_where_who_waits_is_taken_once_there_is_room() {
        let mut story = full();
        ends(&mut story);
        accepted(&mut story, 7_000);
        story.over(60_000);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
        let mut without_room = full();
        without_room.over(60_000);
        assert_eq!(without_room.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_nobody_is_taken_any_more() {
        let mut story = full();
        ends(&mut story);
        story.over(60_000);
        let breach = story.breach(&RULE);
        assert_eq!(breach.wanted, ["who waits is accepted within 2s of there being room"]);
        assert_eq!(breach.got, "late has waited since 1s, and there was room for 2s");
        let mut late = full();
        ends(&mut late);
        accepted(&mut late, 7_001);
        late.breach(&RULE);
        let mut gave_up = full();
        ends(&mut gave_up);
        waits(&mut gave_up, 6_000, SocketFact::Dropped);
        gave_up.over(60_000);
        assert_eq!(gave_up.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_who_waits_is_sent_away() {
        let mut story = full();
        let error = std::io::ErrorKind::ConnectionReset;
        waits(&mut story, 2_000, SocketFact::Failed { error });
        waits(&mut story, 2_000, SocketFact::Dropped);
        assert_eq!(story.breach(&RULE).got, "the relay ended that of late at 2s");
    }

    #[test]
    fn it_breaks_where_a_running_stream_is_cut() {
        let mut story = full();
        story.socket(2_000, "relay", "reader", 0, SocketFact::Dropped);
        let breach = story.breach(&RULE);
        assert_eq!(breach.wanted, ["streams that run go on while there are no files"]);
        assert_eq!(breach.got, "it ended the stream of reader at 2s");
    }

    #[test]
    fn it_does_not_apply_where_there_are_files_enough() {
        let mut roomy = full();
        roomy.plan.hosts["relay"].files = Some(4);
        accepted(&mut roomy, 1_000);
        roomy.assert_not_applicable(&RULE, "the relay had a file for everybody");
        let mut endless = full();
        endless.plan.hosts.clear();
        endless.assert_not_applicable(&RULE, "the relay has as many files as it likes");
    }
}

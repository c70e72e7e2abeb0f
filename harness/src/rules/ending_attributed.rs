//! Whoever learns that a connection is over, it is known who ended it first.

use super::{Level, Rule};
use crate::{
    exchange::{Moment, Run, Tcp, TcpEnd},
    trace::{Connection, Fact, SocketFact, first_end},
    verdict::{Breach, Inquiry, Verdict},
};

/// "Look who sent FIN or RST" is the first advice where streams break. It is the simulation's own
/// duty and not the relay's: every snapshot and every report of a run can tell it.
pub(super) const RULE: Rule = Rule {
    id: "ending-attributed",
    level: Level::Info,
    citation: "RFC 9293 3.6; whitewater: endings",
    demand: "of every connection that is over it is known who sent the first FIN or RST, and when",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (number, tcp) in &run.connections.open {
        let learned = [&tcp.opener, &tcp.acceptor].into_iter().filter_map(|end| {
            // A host's own time-out tells it of silence, and nobody has ended anything then.
            end.saw_end.filter(|_| !timed_out(run, *number, end)).map(|moment| (moment, end))
        });
        let Some((moment, end)) = learned.min_by_key(|(moment, _)| *moment) else { continue };
        inquiry.applies();
        let first = first_end(run.trace, *number).map(|(ordinal, _)| ordinal);
        if first.is_none_or(|ordinal| ordinal > moment.ordinal) {
            inquiry.broke(unattributed(tcp, end, moment));
        }
    }
    inquiry.verdict("no host learned that a connection was over")
}

fn timed_out(run: &Run<'_>, number: Connection, end: &TcpEnd) -> bool {
    let event = end.saw_end.and_then(|moment| run.trace.events.get(moment.ordinal));
    event.is_some_and(|event| {
        let error = std::io::ErrorKind::TimedOut;
        event.fact == Fact::Socket(number, SocketFact::Failed { error })
    })
}

fn unattributed(tcp: &Tcp, end: &TcpEnd, moment: Moment) -> Breach {
    let (from, to) = (&tcp.opener.host, &tcp.acceptor.host);
    let wanted = format!("a FIN or an RST on the connection from {from} to {to}");
    let got = format!("{} saw its end at {moment}, and nobody had sent one", end.host);
    Breach::new(moment, &end.host, wanted, got)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::RULE;
    use crate::{exchange::testing::Story, trace::SocketFact, verdict::Verdict};

    #[test]
    fn it_holds_where_the_other_end_has_said_so_before() {
        for end in [SocketFact::ShutDown, SocketFact::Reset, SocketFact::Dropped] {
            let mut story = Story::streaming();
            story.packets = false;
            story.socket(1, "upstream", "reader", 1, end);
            story.socket(2, "relay", "reader", 1, SocketFact::ReadEnd);
            assert_eq!(story.verdict(&RULE), Verdict::Held);
        }
    }

    #[test]
    fn it_breaks_where_an_end_comes_from_nowhere() {
        let mut story = Story::streaming();
        let saw = story.socket(2, "relay", "reader", 1, SocketFact::ReadEnd);
        story.socket(3, "upstream", "reader", 1, SocketFact::ShutDown);
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_millis(), breach.ordinal, &*breach.host), (2, saw, "relay"));
        assert_eq!(breach.wanted, ["a FIN or an RST on the connection from relay to upstream"]);
        assert_eq!(breach.got, "relay saw its end at 2ms, and nobody had sent one");
    }

    #[test]
    fn an_end_that_a_host_made_up_by_its_own_clock_is_nobodys() {
        let mut story = Story::streaming();
        let silent = SocketFact::Failed { error: ErrorKind::TimedOut };
        story.socket(2, "relay", "reader", 1, silent);
        story.assert_not_applicable(&RULE, "no host learned that a connection was over");
    }
}

//! Connections to the provider are used again when they are clean, and a stale one costs no answer.

use super::{Level, Rule};
use crate::{
    exchange::{Family, Moment, Run, Tcp, Turn},
    verdict::{Breach, Inquiry, Verdict},
};

/// What stands behind an answer must not be taken for another (RFC 9112 6.3), and a request that met
/// a connection which the provider had closed was never read: where it asks for a completion it does
/// no harm to send it again (9.3.1). The streams of an HTTP/2 connection are judged by no order of
/// theirs: its frames keep them apart.
pub(super) const RULE: Rule = Rule {
    id: "pool-hygiene",
    level: Level::Profile,
    citation: "RFC 9112 6.3, 9.3.1",
    demand: "a connection with something left of an answer is not used again, and one that the provider had closed costs another attempt, not an error",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    let of_relay = |turn: &&Turn| run.plan.is_relay(&turn.from) && turn.stream.is_none();
    let asked: Vec<&Turn> = run.turns.iter().filter(of_relay).collect();
    for (index, turn) in asked.iter().enumerate() {
        let (earlier, later) = (&asked[..index], &asked[index + 1..]);
        let had_one = |before: &&Turn| before.from == turn.from && is_over(run, before, turn.asked);
        if earlier.iter().copied().any(|before| had_one(&before)) {
            inquiry.applies();
        }
        let Some(tcp) = run.connections.open.get(&turn.connection) else { continue };
        let on_it = |before: &&&Turn| before.connection == turn.connection;
        let Some(before) = earlier.iter().rev().find(on_it) else { continue };
        let breach = match left_over(tcp, before, turn.asked) {
            Some(left) => {
                let wanted = "this request on another connection to the provider";
                let got = format!("it went out on one where {left}");
                Some(Breach::new(turn.asked, &turn.from, wanted, got))
            }
            None if is_stale(tcp, turn) => stale(run, turn, later),
            None => None,
        };
        if let Some(breach) = breach {
            let client = turn.exchange.map(|exchange| &run.exchanges[exchange].client);
            inquiry.broke(match client {
                Some(client) => breach.concerning(client),
                None => breach,
            });
        }
    }
    inquiry.verdict("the relay asked nothing more once an answer of its provider was over")
}

/// Whether the relay had read the whole of an answer.
fn is_over(run: &Run<'_>, turn: &Turn, by: Moment) -> bool {
    let tcp = run.connections.open.get(&turn.connection);
    tcp.is_some_and(|tcp| read_up_to_its_end(tcp, turn).is_some_and(|read| read < by))
}

fn read_up_to_its_end(tcp: &Tcp, turn: &Turn) -> Option<Moment> {
    tcp.down.read.when(turn.response.as_ref()?.end? - 1)
}

/// What of the answer before stood on a connection when it was used again.
fn left_over(tcp: &Tcp, before: &Turn, asked: Moment) -> Option<String> {
    if read_up_to_its_end(tcp, before).is_none_or(|read| read > asked) {
        return Some("the answer before is not over".to_owned());
    }
    let end = before.response.as_ref()?.end?;
    // What arrives in the same instant cannot be seen in time.
    let read = tcp.down.read.when(end).filter(|read| *read < asked);
    let arrived = tcp.down.arrived.when(end).filter(|arrived| arrived.at < asked.at);
    let came = read.or(arrived)?;
    Some(format!("bytes had come behind the answer before, at {came}"))
}

/// Whether a request went out on a connection that the provider let go of without having read it, as
/// the relay learned.
fn is_stale(tcp: &Tcp, turn: &Turn) -> bool {
    let unread = tcp.up.read.when(turn.request.start).is_none();
    let learned = tcp.acceptor.finished.zip(tcp.opener.saw_end);
    turn.response.is_none() && unread && learned.is_some_and(|(closed, saw)| closed < saw)
}

/// That one was not made up for, where it could be.
fn stale(run: &Run<'_>, turn: &Turn, later: &[&Turn]) -> Option<Breach> {
    let exchange = turn.exchange?;
    let made_up = later.iter().any(|again| again.exchange == Some(exchange));
    let of_client = &run.exchanges[exchange];
    if made_up || of_client.family() == Family::Other || of_client.left.is_some() {
        return None;
    }
    let wanted = "another attempt, since the provider had closed the connection unread";
    let got = format!("none, and {} got {}", of_client.client, of_client.ending());
    Some(Breach::new(of_client.answered_at(), &turn.from, wanted, got))
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::{JSON, STREAM, Story},
        scenario::Kind,
        trace::{BodyEnd, SocketFact},
        verdict::Verdict,
    };

    const WHY: &str = "the relay asked nothing more once an answer of its provider was over";

    /// One of two clients is answered.
    fn one_of_two() -> Story {
        let mut story = Story::new();
        story.client("other", Kind::Raw);
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", 200, STREAM);
        story.provider_ends(2, "reader", End::Clean);
        story
    }

    /// Then the other one comes.
    fn one_after_the_other() -> Story {
        let mut story = one_of_two();
        story.asks(10, "other");
        story
    }

    fn answered(mut story: Story) -> Story {
        story.answers(11, "other", 200, STREAM);
        story.provider_ends(12, "other", End::Clean);
        story
    }

    #[test]
    fn it_holds_where_a_clean_connection_is_used_again_or_another_one_is_made() {
        let mut again = one_after_the_other();
        again.forwards_over(10, "other", "reader");
        assert_eq!(answered(again).verdict(&RULE), Verdict::Held);
        let mut another = one_after_the_other();
        another.forwards(10, "other");
        assert_eq!(answered(another).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_bytes_had_come_behind_the_answer() {
        let mut story = one_of_two();
        story.answers(3, "reader", 200, JSON);
        story.asks(10, "other");
        story.forwards_over(10, "other", "reader");
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_millis(), &*breach.host), (10, "relay"));
        assert_eq!(breach.client.as_deref(), Some("other"));
        let got = "it went out on one where bytes had come behind the answer before, at 3ms";
        assert_eq!(breach.got, got);
    }

    #[test]
    fn it_breaks_where_the_answer_before_is_not_over() {
        let mut story = Story::streaming();
        story.client("other", Kind::Raw);
        story.provides(1, "reader", "data: 1\n\n");
        story.asks(10, "other");
        story.forwards_over(10, "other", "reader");
        let got = "it went out on one where the answer before is not over";
        assert_eq!(story.breach(&RULE).got, got);
    }

    /// The provider closes while the second request is on its way.
    fn stale() -> Story {
        let mut story = one_after_the_other();
        story.forwards_too_late(10, "other", "reader");
        story.socket(11, "upstream", "reader", 1, SocketFact::Dropped);
        story.socket(11, "relay", "reader", 1, SocketFact::ReadEnd);
        story
    }

    #[test]
    fn a_stale_connection_costs_another_attempt_and_no_error() {
        let mut again = stale();
        again.forwards(12, "other");
        again.answers(13, "other", 200, STREAM);
        assert_eq!(again.verdict(&RULE), Verdict::Held);

        let mut given_up = stale();
        given_up.replies(12, "other", 502, JSON);
        given_up.closes(12, "other", BodyEnd::Complete);
        let breach = given_up.breach(&RULE);
        assert_eq!(breach.at.as_millis(), 12);
        let wanted = "another attempt, since the provider had closed the connection unread";
        assert_eq!(breach.wanted, [wanted]);
        let got = "none, and other got status 502 and 0 B, then a clean end of the body";
        assert_eq!(breach.got, got);
    }

    #[test]
    fn a_close_that_the_relay_never_heard_of_is_not_its_fault() {
        let mut story = one_after_the_other();
        story.forwards_too_late(10, "other", "reader");
        story.replies(12, "other", 504, JSON);
        story.closes(12, "other", BodyEnd::Complete);
        story.socket(20, "upstream", "reader", 1, SocketFact::Dropped);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn a_request_that_was_read_may_end_in_an_error() {
        let mut story = one_after_the_other();
        story.forwards_over(10, "other", "reader");
        story.provider_ends(11, "other", End::Reset);
        story.replies(12, "other", 502, JSON);
        story.closes(12, "other", BodyEnd::Complete);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_where_nothing_comes_after_an_answer() {
        Story::streaming().assert_not_applicable(&RULE, WHY);
    }
}

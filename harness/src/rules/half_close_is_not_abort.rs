//! A client that only ends its sending side gets its answer, where the relay says so.

use super::{Level, Rule};
use crate::{
    exchange::{Moment, Run},
    trace::BodyEnd,
    verdict::{Breach, Inquiry, Verdict},
};

/// From the wire nobody can tell a client that ended its sending side from one that has gone: both
/// send FIN (RFC 9112 9.6 closes a connection in two steps). A relay that is told to tolerate it
/// learns of a departure at its next write.
pub(super) const RULE: Rule = Rule {
    id: "half-close-is-not-abort",
    level: Level::Info,
    citation: "RFC 9112 9.6",
    demand: "where half-closed clients are tolerated, one that ends its sending side still gets its whole answer",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    if run.switch("half_close") != Some("tolerate") {
        let why = "the relay is not told to tolerate half-closed clients".to_owned();
        return Verdict::NotApplicable { why };
    }
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let Some(shut) = exchange.half_closed else { continue };
        let Some(at) = run.at_relay(index) else { continue };
        inquiry.applies();
        let whole = at.came_whole();
        let gave_up = at.above_tcp.and_then(|tcp| {
            let provider = tcp.acceptor.finished;
            tcp.opener.finished.filter(|end| !whole && provider.is_none_or(|gone| gone > *end))
        });
        let complete = matches!(exchange.ended, Some((_, BodyEnd::Complete)));
        let cut: Option<Moment> = exchange.ended.filter(|_| whole && !complete).map(|(at, _)| at);
        if let Some(moment) = gave_up.or(cut) {
            let wanted = format!("{} gets its answer to the end", exchange.client);
            let got = format!("it ended its sending side at {shut} and got {}", exchange.ending());
            let breach = Breach::new(moment, &run.relay, wanted, got);
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict("no client ended its sending side alone")
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::Story,
        scenario::Leave,
        trace::{BodyEnd, SocketFact},
        verdict::Verdict,
    };

    /// The client has an event, and ends its sending side.
    fn half_closed() -> Story {
        let mut story = Story::streaming();
        story.plan.switches.insert("half_close".to_owned(), "tolerate".to_owned());
        story.relays(1, "reader", "data: 1\n\n");
        story.leaves(2, "reader", Leave::HalfClose);
        story
    }

    #[test]
    fn it_holds_where_the_answer_goes_on_to_its_end() {
        let mut story = half_closed();
        story.relays(9, "reader", "data: [DONE]\n\n");
        story.finishes(9, "reader");
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_the_relay_lets_go_of_the_provider() {
        let mut story = half_closed();
        let let_go = story.socket(3, "relay", "reader", 1, SocketFact::Dropped);
        story.closes(3, "reader", BodyEnd::Truncated);
        let breach = story.breach(&RULE);
        assert_eq!((breach.at.as_millis(), breach.ordinal), (3, let_go));
        assert_eq!(breach.wanted, ["reader gets its answer to the end"]);
        assert_eq!(
            breach.got,
            "it ended its sending side at 2ms and got status 200 and 1 frame, then FIN in mid-response"
        );
    }

    #[test]
    fn it_breaks_where_the_answer_is_whole_and_the_clients_is_not() {
        let mut story = half_closed();
        story.provider_ends(3, "reader", End::Clean);
        story.closes(4, "reader", BodyEnd::Reset);
        assert_eq!(story.breach(&RULE).at.as_millis(), 4);
    }

    #[test]
    fn a_provider_that_fails_is_not_the_relays_fault() {
        let mut story = half_closed();
        story.provider_ends(3, "reader", End::Reset);
        story.socket(3, "relay", "reader", 1, SocketFact::Dropped);
        story.closes(3, "reader", BodyEnd::Truncated);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_does_not_apply_where_fin_means_gone_or_nobody_sends_it() {
        let mut aborts = half_closed();
        aborts.plan.switches.clear();
        let why = "the relay is not told to tolerate half-closed clients";
        aborts.assert_not_applicable(&RULE, why);
        let mut stays = Story::streaming();
        stays.plan.switches.insert("half_close".to_owned(), "tolerate".to_owned());
        stays.assert_not_applicable(&RULE, "no client ended its sending side alone");
    }
}

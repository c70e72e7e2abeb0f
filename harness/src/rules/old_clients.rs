//! A client of HTTP/1.0 gets no chunks.

use super::{Level, Rule, headers};
use crate::{
    exchange::Run,
    scenario::Http,
    verdict::{Breach, Inquiry, Verdict},
};

/// It would take the lines of the chunked coding for the body. Its answers end by the connection's
/// close, or have a length.
pub(super) const RULE: Rule = Rule {
    id: "old-clients",
    level: Level::Must,
    citation: "RFC 9112 6.1",
    demand: "no chunked coding for a client of HTTP/1.0: a length, or the connection's close",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let old = run
            .plan
            .clients
            .iter()
            .any(|client| client.http == Http::H10 && *client.name == *exchange.client);
        let (true, Some(head)) = (old, &exchange.head) else { continue };
        inquiry.applies();
        let coded =
            |all: &[(String, String)]| !headers::values(all, "transfer-encoding").is_empty();
        if coded(&head.headers) {
            let wanted = "no Transfer-Encoding in an answer to HTTP/1.0".to_owned();
            let shown = headers::shown(&headers::values(&head.headers, "transfer-encoding"));
            let got = format!("transfer-encoding: {shown}");
            let at = (index, exchange, head);
            inquiry.broke(headers::breach(run, at, wanted, got, |_, all| coded(all)));
        } else if exchange.ended.is_none() && exchange.left.is_none() {
            let wanted = "a close at the answer's end";
            let breach = Breach::new(exchange.last_seen(), &run.relay, wanted, exchange.ending());
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict("no client of HTTP/1.0 got an answer")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{STREAM, Story},
        scenario::Http,
        trace::BodyEnd,
        verdict::Verdict,
    };

    fn old(headers: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.plan.clients[0].http = Http::H10;
        story.asks(0, "reader");
        story.replies(1, "reader", 200, headers);
        story
    }

    #[test]
    fn it_holds_where_the_close_ends_the_answer() {
        let mut story = old(STREAM);
        story.closes(2, "reader", BodyEnd::Complete);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_chunks_and_where_nothing_ends() {
        let chunked = old(&[("Transfer-Encoding", "chunked")]).breach(&RULE);
        assert_eq!(chunked.at.as_millis(), 1);
        assert_eq!(chunked.got, "transfer-encoding: chunked");
        assert_eq!(old(STREAM).breach(&RULE).wanted, ["a close at the answer's end"]);
    }

    #[test]
    fn it_does_not_apply_to_newer_clients() {
        let mut story = old(STREAM);
        story.plan.clients[0].http = Http::H1;
        story.assert_not_applicable(&RULE, "no client of HTTP/1.0 got an answer");
    }
}

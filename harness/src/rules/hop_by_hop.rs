//! What speaks of one connection goes no further than that connection.

use super::{Level, Rule, headers};
use crate::{
    exchange::{Moment, Run},
    verdict::{Breach, Inquiry, Verdict},
};

/// An intermediary must remove `Connection` and every field that it names, and should remove the
/// others that are known to mean one hop (RFC 9110 7.6.1). Judged where one came in with a value
/// that goes out again on the other side; `Connection: close` and `keep-alive` are each hop's own.
pub(super) const RULE: Rule = Rule {
    id: "hop-by-hop",
    level: Level::Must,
    citation: "RFC 9110 7.6.1",
    demand: "Connection and what it names, Keep-Alive, TE, Upgrade and Proxy-* go no further, either way",
    judge,
};

const KNOWN: [&str; 6] = [
    "keep-alive",
    "te",
    "upgrade",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
];

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let Some(passage) = run.at_relay(index) else { continue };
        let (Some(above), Some(tcp)) = (passage.above, passage.above_tcp) else { continue };
        let breach = |at: Option<Moment>, wanted: String, got: String| {
            let at = at.unwrap_or(exchange.sent);
            Breach::new(at, &run.relay, wanted, got).concerning(&exchange.client)
        };
        let mut compare = |came: &Headers, went: &Headers, at: Option<Moment>, toward: &str| {
            let (forwarded, named) = (options(went), options(came));
            if let Some(option) = named.iter().find(|option| forwarded.contains(option)) {
                let wanted = format!("no connection option {option} from another connection");
                let sent = headers::shown(&headers::values(went, "connection"));
                let got = format!("connection: {sent} sent on to {toward}");
                inquiry.broke(breach(at, wanted, got));
            }
            for (name, value) in one_hop(came) {
                inquiry.applies();
                if headers::values(went, name).contains(&value) {
                    let wanted = format!("no {name} from another connection");
                    let got = format!("{name}: {value} sent on to {toward}");
                    inquiry.broke(breach(at, wanted, got));
                }
            }
        };
        let asked = tcp.up.wrote.marks.when(above.request.start);
        compare(&passage.below.request.headers, &above.request.headers, asked, &above.to);
        if let (Some(came), Some(went)) = (passage.incoming(), passage.outgoing()) {
            let wrote = passage.below_tcp.down.wrote.marks.when(went.start);
            compare(&came.headers, &went.headers, wrote, &passage.below.from);
        }
    }
    inquiry.verdict("no field that speaks of one connection came to the relay")
}

type Headers = Vec<(String, String)>;

/// What a message's `Connection` lists that each hop does not say of its own accord.
fn options(all: &Headers) -> Vec<String> {
    let own =
        |option: &String| matches!(&**option, "" | "close") || KNOWN.contains(&option.as_str());
    listed(all).into_iter().filter(|option| !own(option)).collect()
}

/// The options and names of fields that a message's `Connection` lists.
fn listed(all: &Headers) -> Vec<String> {
    let lists = headers::values(all, "connection");
    let names = lists.iter().flat_map(|list| list.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// The fields of a message that speak of its connection alone.
fn one_hop(all: &Headers) -> Vec<(&str, &str)> {
    let named = listed(all);
    let speaks = |name: &str| {
        let name = name.to_ascii_lowercase();
        KNOWN.contains(&name.as_str()) || named.contains(&name)
    };
    let fields = all.iter().filter(|(name, _)| speaks(name));
    fields.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{STREAM, Story},
        verdict::Verdict,
    };

    /// What the client sends and what the relay sends on; what the provider answers and what the
    /// relay answers.
    fn passed(up: [&[(&str, &str)]; 2], down: [&[(&str, &str)]; 2]) -> Story {
        let mut story = Story::new();
        story.asks_with(0, "reader", "POST", up[0], "{\"user\":\"reader\"}");
        story.forwards_with(1, "reader", "POST", up[1]);
        story.answers(2, "reader", 200, down[0]);
        story.replies(3, "reader", 200, down[1]);
        story
    }

    const NAMED: &[(&str, &str)] =
        &[("Connection", "close, X-Mine"), ("X-Mine", "1"), ("TE", "gzip")];

    #[test]
    fn it_holds_where_the_relay_keeps_them_back() {
        let own: &[(&str, &str)] =
            &[("Connection", "close, TE, keep-alive"), ("X-Mine", "another"), ("TE", "trailers")];
        let story = passed([NAMED, own], [&[("Keep-Alive", "timeout=5")], STREAM]);
        assert_eq!(story.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_one_is_sent_on() {
        let breach = passed([NAMED, &[("x-mine", "1")]], [STREAM, STREAM]).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 1);
        assert_eq!(breach.wanted, ["no X-Mine from another connection"]);
        assert_eq!(breach.got, "X-Mine: 1 sent on to upstream");
        let listed = &[("connection", "X-Mine")];
        let breach = passed([NAMED, listed], [STREAM, STREAM]).breach(&RULE);
        assert_eq!(breach.wanted, ["no connection option x-mine from another connection"]);
        assert_eq!(breach.got, "connection: X-Mine sent on to upstream");
        let keep = &[("Keep-Alive", "timeout=5")];
        let breach = passed([&[], &[]], [keep, keep]).breach(&RULE);
        assert_eq!(breach.at.as_millis(), 3);
        assert_eq!(breach.got, "Keep-Alive: timeout=5 sent on to reader");
    }

    #[test]
    fn it_does_not_apply_where_none_comes() {
        let why = "no field that speaks of one connection came to the relay";
        Story::streaming().assert_not_applicable(&RULE, why);
    }
}

//! The relay asks what stands before it to leave the stream alone.

use super::{Level, Rule, headers};
use crate::{
    exchange::{Run, is_event_stream},
    verdict::{Breach, Inquiry, Verdict},
};

/// Proxies cache, buffer and compress what nobody forbids. `X-Accel-Buffering: no` is nginx's word,
/// and others took it up. What the provider said of caching stays as it said it.
pub(super) const RULE: Rule = Rule {
    id: "no-transform",
    level: Level::Profile,
    citation: "RFC 9111 5.2.2.4; RFC 9110 8.4; nginx, proxy_buffering",
    demand: "a stream says Cache-Control: no-cache or what the provider said, X-Accel-Buffering: no, and no coding but the provider's",
    judge,
};

type Headers = [(String, String)];

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer, head) in headers::forwarded(run) {
        let sent = &answer.answer_headers;
        if !is_event_stream(sent) || !exchange.is_stream() {
            continue;
        }
        // What the relay said, where a middlebox on the way may have taken it for itself.
        let said = run.at_relay(index).and_then(|at| at.outgoing()).map(|message| &message.headers);
        let Some(said) = said else { continue };
        inquiry.applies();
        for (wanted, name) in
            [cache(sent, said), accel(said), coding(sent, said)].into_iter().flatten()
        {
            let got = format!("{name}: {}", headers::shown(&headers::values(said, name)));
            // A coding may be that of a hop behind the relay; what to forbid is the relay's own to say.
            let by_hop = |all: &Headers| name == CODING && coding(sent, all).is_some();
            let host = run.blame(index, |at| {
                let hop = at.outgoing().is_some_and(|message| by_hop(&message.headers));
                hop || run.plan.is_relay(at.host)
            });
            let breach = Breach::new(head.moment, &host, wanted, got);
            inquiry.broke(breach.concerning(&exchange.client));
        }
    }
    inquiry.verdict("no client got a stream")
}

/// What is wanted and not said, and of which header.
type Missing = Option<(String, &'static str)>;

fn cache(sent: &Headers, said: &Headers) -> Missing {
    let name = "cache-control";
    let (sent, said) = (headers::values(sent, name), headers::values(said, name));
    let forbids = |value: &&str| {
        let mut words = value.split(',').map(|word| word.trim().to_ascii_lowercase());
        words.any(|word| matches!(word.as_str(), "no-cache" | "no-store"))
    };
    let right = said.iter().any(forbids) || (!sent.is_empty() && said == sent);
    (!right).then(|| (format!("{name}: {}", sent.first().unwrap_or(&"no-cache")), name))
}

fn accel(said: &Headers) -> Missing {
    let name = "x-accel-buffering";
    let no = headers::values(said, name).iter().any(|value| value.eq_ignore_ascii_case("no"));
    (!no).then(|| (format!("{name}: no"), name))
}

const CODING: &str = "content-encoding";

fn coding(sent: &Headers, said: &Headers) -> Missing {
    let name = CODING;
    let (sent, said) = (headers::values(sent, name), headers::values(said, name));
    (sent != said).then(|| (format!("{name}: {}", headers::shown(&sent)), name))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, verdict::Verdict};

    const TYPE: (&str, &str) = ("content-type", "text/event-stream");
    const CACHE: (&str, &str) = ("cache-control", "no-cache, no-transform");
    const ACCEL: (&str, &str) = ("X-Accel-Buffering", "no");

    fn said(provider: &[(&str, &str)], client: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", 200, provider);
        story.replies(2, "reader", 200, client);
        story
    }

    #[test]
    fn it_holds_where_all_is_said() {
        assert_eq!(said(&[TYPE], &[TYPE, CACHE, ACCEL]).verdict(&RULE), Verdict::Held);
        let private = ("cache-control", "private");
        assert_eq!(said(&[TYPE, private], &[TYPE, private, ACCEL]).verdict(&RULE), Verdict::Held);
        let gzip = ("content-encoding", "gzip");
        let coded = said(&[TYPE, gzip], &[TYPE, CACHE, ACCEL, gzip]);
        assert_eq!(coded.verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_something_is_not_said() {
        let gzip = ("content-encoding", "gzip");
        for (client, wanted, got) in [
            (vec![TYPE, ACCEL], "cache-control: no-cache", "cache-control: absent"),
            (vec![TYPE, CACHE], "x-accel-buffering: no", "x-accel-buffering: absent"),
            (vec![TYPE, CACHE, ACCEL, gzip], "content-encoding: absent", "content-encoding: gzip"),
        ] {
            let breach = said(&[TYPE], &client).breach(&RULE);
            assert_eq!((breach.at.as_millis(), breach.wanted), (2, vec![wanted.to_owned()]));
            assert_eq!(breach.got, got);
        }
    }

    #[test]
    fn it_does_not_apply_to_other_answers() {
        let json = [("content-type", "application/json")];
        said(&json, &json).assert_not_applicable(&RULE, "no client got a stream");
    }
}

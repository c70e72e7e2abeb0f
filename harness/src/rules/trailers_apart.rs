//! What comes behind a body stays behind it, or goes.

use super::{Level, Rule, headers};
use crate::{
    exchange::Run,
    verdict::{Breach, Inquiry, Verdict},
};

/// Trailers may be discarded, and must not be merged into the header section where nobody knows
/// that their field allows it (RFC 9110 6.5.1). Judged at the relay: a trailer of the provider is
/// no header of the relay's answer, alone or as a member of a list, unless the provider had said it
/// in its header section too.
pub(super) const RULE: Rule = Rule {
    id: "trailers-apart",
    level: Level::Must,
    citation: "RFC 9110 6.5.1",
    demand: "trailers of the provider are forwarded as trailers or dropped, and never become headers",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let Some(passage) = run.at_relay(index) else { continue };
        let (Some(came), Some(went)) = (passage.incoming(), passage.outgoing()) else { continue };
        for (name, value) in &came.trailers {
            inquiry.applies();
            if says(&went.headers, name, value) && !says(&came.headers, name, value) {
                let wrote = passage.below_tcp.down.wrote.marks.when(went.start);
                let wanted = format!("no header {name}: the provider sent it as a trailer");
                let got = format!("{name}: {value} among the headers of the relay's answer");
                let at = wrote.unwrap_or(exchange.sent);
                let breach = Breach::new(at, passage.host, wanted, got);
                inquiry.broke(breach.concerning(&exchange.client));
            }
        }
    }
    inquiry.verdict("the provider sent no trailers")
}

/// Whether a header has a value, alone or in a list.
fn says(all: &[(String, String)], name: &str, value: &str) -> bool {
    let of = headers::values(all, name);
    of.iter().any(|one| *one == value || one.split(',').any(|member| member.trim() == value))
}

#[cfg(test)]
mod tests {
    use mock_openai::script::End;

    use super::RULE;
    use crate::{
        exchange::testing::{STREAM, Story},
        verdict::Verdict,
    };

    const CHECKSUM: &[(&str, &str)] = &[("X-Checksum", "1f2e")];

    /// The provider's headers and trailers, and the headers that the relay answers with.
    fn passed(said: &[(&str, &str)], trailed: &[(&str, &str)], went: &[(&str, &str)]) -> Story {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.forwards(0, "reader");
        story.answers(1, "reader", 200, said);
        story.trails(2, "reader", trailed);
        story.replies(3, "reader", 200, went);
        story
    }

    #[test]
    fn it_holds_where_they_are_dropped_or_were_headers_too() {
        assert_eq!(passed(STREAM, CHECKSUM, STREAM).verdict(&RULE), Verdict::Held);
        assert_eq!(passed(CHECKSUM, CHECKSUM, CHECKSUM).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_one_becomes_a_header_or_a_member_of_one() {
        let breach = passed(STREAM, CHECKSUM, &[("x-checksum", "1f2e")]).breach(&RULE);
        assert_eq!((breach.at.as_millis(), &*breach.host), (3, "relay"));
        assert_eq!(breach.wanted, ["no header X-Checksum: the provider sent it as a trailer"]);
        assert_eq!(breach.got, "X-Checksum: 1f2e among the headers of the relay's answer");
        let said = &[("cache-control", "no-cache")];
        let joined = &[("cache-control", "no-cache, no-store")];
        let breach = passed(said, &[("cache-control", "no-store")], joined).breach(&RULE);
        assert_eq!(breach.got, "cache-control: no-store among the headers of the relay's answer");
    }

    #[test]
    fn it_does_not_apply_where_none_come() {
        let mut story = Story::streaming();
        story.provider_ends(5, "reader", End::Clean);
        story.assert_not_applicable(&RULE, "the provider sent no trailers");
    }
}

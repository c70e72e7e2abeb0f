//! No byte of one stream comes in another.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use mock_openai::quantity::Size;

use super::{
    Level, Rule, alignment::align, comments::taken_out, headers, limits::Limit, payload,
    quote::quote,
};
use crate::{
    exchange::{Answer, Exchange, Frame, Frames, Run, header},
    plan::{LAST_EVENT_ID, Number},
    verdict::{Breach, Inquiry, Verdict},
};

/// Bodies and the values of header fields. Only streams that say different things can be told apart: the mock gives the chunks of each
/// answer an id of their own, and a script can say something else for each client. `[DONE]` is the same in
/// all: that of another's stream is told by its time, and `one-ending` sees it.
pub(super) const RULE: Rule = Rule {
    id: "no-cross-talk",
    level: Level::Profile,
    citation: "RFC 9110 3.3",
    demand: "no {no-cross-talk} in a row that the provider sent for one client alone reach another",
    judge,
};

pub(super) const TELLING: Limit = Limit {
    name: "no-cross-talk",
    default: Number::Size(Size(16)),
    least: Number::Size(Size(1)),
    bounds: "how many bytes in a row that another's stream holds and its own does not are no accident",
    source: "ours: shorter than any id of a chunk, longer than most words",
};

/// How much of a strange frame is searched.
const SEARCHED_BYTES: usize = 1024;

/// Fields whose values any relay may say by itself: the usual words of a message, and the time.
const ANYBODYS: [&str; 6] =
    ["cache-control", "content-type", "date", "expires", "retry-after", "vary"];

fn judge(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    judge_bodies(run, &mut inquiry);
    judge_heads(run, &mut inquiry);
    inquiry.verdict("no two clients got answers that can be told apart")
}

fn judge_bodies(run: &Run<'_>, inquiry: &mut Inquiry) {
    let telling = TELLING.bytes(run);
    let streams: Vec<_> = payload::streams(run).collect();
    let answered =
        streams.iter().map(|(index, exchange, answer)| (*index, *exchange, &answer.body.bytes[..]));
    for (index, exchange, own) in answered.chain(unasked(run)) {
        // Nothing is kept from a client that was its own.
        let is_other = |of: &Exchange| !own.is_empty() || of.client != exchange.client;
        let others =
            || streams.iter().filter(|(_, of, other)| other.body.bytes != own && is_other(of));
        if others().next().is_none() {
            continue;
        }
        inquiry.applies();
        let foreign = |added: &'_ [u8], other: &Answer| {
            let mut pieces = added.windows(telling);
            // Where someone asked again, an earlier answer was for the same client.
            let is_own =
                |piece: &[u8]| run.answers_to(index).any(|own| holds(&own.body.bytes, piece));
            let at = pieces.position(|piece| holds(&other.body.bytes, piece) && !is_own(piece))?;
            Some(added[at..at + telling].to_vec())
        };
        let theirs = additions(own, &exchange.body.bytes).into_iter().find_map(|range| {
            let added = &exchange.body.bytes[range.clone()];
            let found = others().find_map(|(of, _, other)| Some((*of, foreign(added, other)?)));
            found.map(|(of, piece)| (range, of, piece))
        });
        let Some((range, of, piece)) = theirs else { continue };
        let owner = &run.exchanges[of].client;
        let host = run.blame(index, |at| at.outgoing().is_some_and(|m| holds(&m.body, &piece)));
        let wanted = format!("nothing but the provider's answer to {}", exchange.client);
        let strange = quote(&exchange.body.bytes[range.clone()]);
        let got = format!("{strange}, with bytes of the answer to {owner}");
        let breach = Breach::new(exchange.had(range.start + 1), &host, wanted, got);
        inquiry.broke(breach.concerning(&exchange.client));
    }
}

/// Exchanges that succeed though the provider was never asked: whatever it sent is another's. Who
/// comes back to a stream that is kept for it gets what was sent before.
fn unasked<'a>(run: &'a Run<'_>) -> impl Iterator<Item = (usize, &'a Exchange, &'a [u8])> {
    let is_unasked = |index: usize, exchange: &Exchange| {
        let succeeds = exchange.status().is_some_and(|status| (200..300).contains(&status));
        let comes_back = header(&exchange.headers, LAST_EVENT_ID).is_some();
        let asks = exchange.method == "POST" && !comes_back;
        succeeds && asks && run.answers_to(index).next().is_none()
    };
    let all = run.exchanges.iter().enumerate();
    all.filter(move |(index, exchange)| is_unasked(*index, exchange))
        .map(|(index, exchange)| (index, exchange, &[][..]))
}

/// What of a body is not the provider's own: the comments that were added to it, each once, and the
/// beginning of what is strange.
fn additions(own: &[u8], body: &[u8]) -> Vec<Range<usize>> {
    let found = align(own, body, false);
    let (sent, got) = (Frames::of(own), Frames::of(body));
    let mut added = Vec::new();
    for index in found.own {
        added.extend(got.get(index).filter(Frame::is_comment).map(|_| got.ranges[index].clone()));
    }
    for (event, index) in found.passed.iter().enumerate() {
        let (Some(event), Some(frame)) = (sent.get(event), got.get(*index)) else { continue };
        if event.0 != frame.0 {
            let start = got.ranges[*index].start;
            let comments = taken_out(event.0, frame.0);
            let lines = comments.before.into_iter().chain(comments.inside);
            added.extend(lines.map(|line| start + line.start..start + line.end));
        }
    }
    let half_comment = || got.tail().starts_with(b":").then(|| got.tail_start());
    let rest = found.strange.or_else(half_comment);
    added.extend(rest.map(|start| start..body.len().min(start + SEARCHED_BYTES)));
    let mut seen = BTreeSet::new();
    added.retain(|range| seen.insert(&body[range.clone()]));
    added
}

/// Looks for what the provider said in the head of an answer to one client alone.
fn judge_heads(run: &Run<'_>, inquiry: &mut Inquiry) {
    let telling = TELLING.bytes(run);
    let of_one = said_to_one(run);
    for (index, exchange) in run.exchanges.iter().enumerate() {
        let others = || of_one.iter().filter(|(_, to)| **to != &*exchange.client);
        let (Some(head), true) = (&exchange.head, run.answers_to(index).next().is_some()) else {
            continue;
        };
        if others().next().is_none() {
            continue;
        }
        inquiry.applies();
        let own = || run.answers_to(index).flat_map(|answer| &answer.answer_headers);
        let is_own = |piece: &[u8]| own().any(|(_, value)| holds(value.as_bytes(), piece));
        let got = head.headers.iter().filter(|(name, value)| {
            is_telling(name, value, telling) && !own().any(|(_, said)| said == value)
        });
        let foreign = got.into_iter().find_map(|(name, value)| {
            let pieces = || value.as_bytes().windows(telling).filter(|piece| !is_own(piece));
            let (_, to) = others().find(|(said, _)| pieces().any(|p| holds(said.as_bytes(), p)))?;
            Some((name, value, *to))
        });
        let Some((name, value, owner)) = foreign else { continue };
        let wanted = format!("nothing but the provider's answer to {}", exchange.client);
        let got = format!("{name}: {value}, with bytes of the answer to {owner}");
        let shows =
            |_, all: &[(String, String)]| headers::values(all, name).contains(&value.as_str());
        inquiry.broke(headers::breach(run, (index, exchange, head), wanted, got, shows));
    }
}

/// Values of fields that the provider sent in answers to one client and to no other, with that client.
fn said_to_one<'a>(run: &'a Run<'_>) -> BTreeMap<&'a str, &'a str> {
    let telling = TELLING.bytes(run);
    let mut said: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for (exchange, answer) in run.answers.iter().filter_map(|a| Some((a.exchange?, a))) {
        let to = &*run.exchanges[exchange].client;
        let values = answer.answer_headers.iter().filter(|(n, v)| is_telling(n, v, telling));
        for (_, value) in values {
            let client = said.entry(value).or_insert(Some(to));
            *client = client.filter(|other| *other == to);
        }
    }
    said.into_iter().filter_map(|(value, client)| Some((value, client?))).collect()
}

/// Whether a field's value tells whose answer it stands in.
fn is_telling(name: &str, value: &str, telling: usize) -> bool {
    let is_anybodys = |name: &str| ANYBODYS.contains(&name) || name.starts_with("access-control-");
    value.len() >= telling && !is_anybodys(&name.to_ascii_lowercase())
}

fn holds(body: &[u8], piece: &[u8]) -> bool {
    body.windows(piece.len()).any(|window| window == piece)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{
        exchange::testing::{STREAM, Story},
        scenario::Kind,
        trace::BodyEnd,
        verdict::Verdict,
    };

    /// Two clients at once; the second gets this.
    fn two(passed: &str) -> Story {
        let mut story = Story::streaming();
        story.client("other", Kind::Raw);
        story.begins(0, "other");
        story.relays(1, "reader", "data: words for reader\n\n");
        story.provides(2, "other", "data: words for another\n\n");
        story.passes(2, "other", passed);
        story.finishes(3, "reader");
        story.finishes(3, "other");
        story
    }

    #[test]
    fn it_holds_where_each_gets_its_own() {
        assert_eq!(two(": ping\n\ndata: words for another\n\n").verdict(&RULE), Verdict::Held);
        // Wrong, but nobody else's.
        assert_eq!(two("data: strange\n\n").verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_the_first_bytes_of_another_stream() {
        let breach = two("data: words for another\n\ndata: words for reader\n\n").breach(&RULE);
        assert_eq!(breach.at.as_millis(), 2);
        assert_eq!(breach.wanted, ["nothing but the provider's answer to other"]);
        assert_eq!(
            breach.got,
            "`data: words for reader\\n\\n`, with bytes of the answer to reader"
        );
    }

    #[test]
    fn it_breaks_where_a_comment_of_another_stream_comes() {
        let leaks = |passed: &str| {
            let mut story = two(passed);
            story.client("third", Kind::Raw);
            story.begins(4, "third");
            story.relays(4, "third", ": the third one waits\n\ndata: words for the third\n\n");
            story.finishes(5, "third");
            story
        };
        let words = "data: words for another\n\n";
        assert_eq!(leaks(words).verdict(&RULE), Verdict::Held);
        for passed in [
            ": the third one waits\n\ndata: words for another\n\n",
            ": the third one waits\ndata: words for another\n\n",
            "data: words for another\n: the third one waits\n\n",
            "data: words for another\n\n: the third one waits",
        ] {
            let breach = leaks(passed).breach(&RULE);
            assert_eq!(breach.wanted, ["nothing but the provider's answer to other"], "{passed}");
            assert!(breach.got.ends_with("with bytes of the answer to third"), "{}", breach.got);
        }
    }

    /// A client whose request the relay answers by itself, with these bytes.
    fn unasked(headers: &[(&str, &str)], passed: &str) -> Story {
        let mut story = Story::streaming();
        story.client("other", Kind::Raw);
        story.relays(1, "reader", "data: words for reader\n\n");
        story.finishes(3, "reader");
        story.asks_with(4, "other", "POST", headers, "{\"user\":\"other\"}");
        story.replies(4, "other", 200, STREAM);
        story.passes(5, "other", passed);
        story.closes(5, "other", BodyEnd::Complete);
        story
    }

    #[test]
    fn it_breaks_where_one_is_served_what_the_provider_said_to_another() {
        let breach = unasked(&[], "data: words for reader\n\n").breach(&RULE);
        assert_eq!(breach.at.as_millis(), 5);
        assert_eq!(
            breach.got,
            "`data: words for reader\\n\\n`, with bytes of the answer to reader"
        );
        assert_eq!(unasked(&[], "data: words of mine\n\n").verdict(&RULE), Verdict::Held);
        // That stream is kept, and whose it is is for the relay to know.
        let kept = unasked(&[("last-event-id", "a-1")], "data: words for reader\n\n");
        kept.assert_not_applicable(&RULE, "no two clients got answers that can be told apart");
    }

    const TYPE: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    /// The provider sets a cookie for one client, and another gets these fields.
    fn cookie_of_one(sent: &[(&str, &str)], got: &[(&str, &str)]) -> Story {
        let cookie = ("set-cookie", "session=5b1e8c0a9d3f; Path=/");
        let mut story = Story::new();
        story.client("other", Kind::Raw);
        for (ms, client, sent, got) in
            [(0, "reader", &[cookie, TYPE][..], &[cookie, TYPE][..]), (5, "other", sent, got)]
        {
            story.asks(ms, client);
            story.forwards(ms, client);
            story.answers(ms + 1, client, 200, sent);
            story.replies(ms + 2, client, 200, got);
            story.closes(ms + 3, client, BodyEnd::Complete);
        }
        story
    }

    #[test]
    fn it_breaks_where_a_field_of_another_answers_head_arrives() {
        for field in ["Set-Cookie", "X-Renamed"] {
            let got = [(field, "session=5b1e8c0a9d3f; Path=/")];
            let breach = cookie_of_one(&[], &got).breach(&RULE);
            assert_eq!(breach.at.as_millis(), 7);
            assert_eq!(breach.wanted, ["nothing but the provider's answer to other"]);
            let said = "session=5b1e8c0a9d3f; Path=/, with bytes of the answer to reader";
            assert_eq!(breach.got, format!("{field}: {said}"));
        }
    }

    #[test]
    fn it_holds_where_heads_are_their_own_or_say_what_anybody_says() {
        let own = [("set-cookie", "session=77c2b9e04a16; Path=/")];
        assert_eq!(cookie_of_one(&own, &own).verdict(&RULE), Verdict::Held);
        // The type of an error of the relay's own is the provider's type for another.
        assert_eq!(cookie_of_one(&[], &[TYPE]).verdict(&RULE), Verdict::Held);
        let short = [("set-cookie", "session=5b1e8")];
        assert_eq!(cookie_of_one(&[], &short).verdict(&RULE), Verdict::Held);
        // What the provider says to both is nobody's.
        let both = [("set-cookie", "session=5b1e8c0a9d3f; Path=/")];
        let why = "no two clients got answers that can be told apart";
        cookie_of_one(&both, &both).assert_not_applicable(&RULE, why);
    }

    #[test]
    fn it_does_not_apply_to_one_stream_or_to_streams_that_say_the_same() {
        let why = "no two clients got answers that can be told apart";
        Story::streaming().assert_not_applicable(&RULE, why);
        let mut same = Story::streaming();
        same.client("other", Kind::Raw);
        same.begins(0, "other");
        same.relays(1, "reader", "data: 1\n\n");
        same.relays(1, "other", "data: 1\n\n");
        same.assert_not_applicable(&RULE, why);
    }
}

//! What an event says beside its data reaches the client.

use std::collections::BTreeMap;

use super::{Level, Rule, payload, quote::quote};
use crate::{
    exchange::{Answer, Exchange, Fate, Frame, Frames, Run},
    plan::RelayKind,
    verdict::{Breach, Inquiry, Verdict},
};

/// `id` and `retry` steer how a browser comes back, `event` names what a client listens for, and a
/// field that nobody knows today is somebody's tomorrow. A relay that says that it reframes may write
/// the fields of an event in its own way, and leave out comments and what means nothing. Of a client
/// that has gone, and of an answer that was cut, nothing is said.
pub(super) const RULE: Rule = Rule {
    id: "fields-survive",
    level: Level::Profile,
    citation: "HTML 9.2.6",
    demand: "id, retry, event, comments, unknown fields and each of several data lines survive, and a comment never becomes data",
    judge,
};

fn judge(run: &Run<'_>) -> Verdict {
    if let Some(verdict) = payload::translated(run) {
        return verdict;
    }
    let (kind, mut may_go) = (run.plan.claims.kind, false);
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer) in payload::streams(run) {
        let sent = telling(kind, &answer.body.bytes);
        let says_more = |kind| !telling(kind, &answer.body.bytes).is_empty();
        if sent.is_empty() || !is_spoken_of(run, index, exchange, answer) {
            may_go |= sent.is_empty() && says_more(RelayKind::Transparent);
            continue;
        }
        inquiry.applies();
        if let Some(breach) = breach(run, index, exchange, &sent) {
            inquiry.broke(breach);
        }
    }
    let why = "no client got a whole answer that says more than one line of data an event";
    inquiry.verdict(payload::by_claim(kind).filter(|_| may_go).unwrap_or(why))
}

/// Whether this rule breaks for an exchange, so that others need not.
pub(super) fn tells_of(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer) -> bool {
    let sent = telling(run.plan.claims.kind, &answer.body.bytes);
    is_spoken_of(run, index, exchange, answer) && breach(run, index, exchange, &sent).is_some()
}

/// A whole answer, to a client that stayed.
fn is_spoken_of(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer) -> bool {
    run.fate(index, answer) == Fate::Whole && !run.ended_from_outside(index, exchange)
}

fn breach(run: &Run<'_>, index: usize, exchange: &Exchange, sent: &[Said<'_>]) -> Option<Breach> {
    let kind = run.plan.claims.kind;
    let line = missing(kind, sent, &exchange.body.bytes)?;
    let guilty = |body: &[u8]| missing(kind, sent, body).is_some();
    let host = run.blame(index, |at| at.outgoing().is_some_and(|m| guilty(&m.body)));
    let wanted = match line {
        b"data" => "each line of data of the provider's".to_owned(),
        line => format!("the provider's line {}", quote(line)),
    };
    let got = if as_data(line, &exchange.body.bytes) {
        "its text as data".to_owned()
    } else {
        exchange.ending()
    };
    let breach = Breach::new(exchange.last_seen(), &host, wanted, got);
    Some(breach.concerning(&exchange.client))
}

/// What a line says, as it is compared, and the line as it stands there.
#[derive(Debug, Clone, Copy)]
struct Said<'a> {
    name: &'a [u8],
    value: &'a [u8],
    line: &'a [u8],
}

impl<'a> Said<'a> {
    /// A line of data without the data; any other as it is.
    fn as_it_is(line: &'a [u8]) -> Self {
        let line: &[u8] = if is_data(line) { DATA } else { line };
        Self { name: line, value: b"", line }
    }

    /// A field as a reader takes it (HTML 9.2.6), of data the name alone.
    fn field(line: &'a [u8]) -> Self {
        if is_data(line) {
            return Self::as_it_is(line);
        }
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        Self { name: &line[..colon], value: value.strip_prefix(b" ").unwrap_or(value), line }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.name, self.value) == (other.name, other.value)
    }
}

const DATA: &[u8] = b"data";

/// The lines of a body that say more than an event's only line of data. What a line of data says is
/// for other rules.
fn telling(kind: RelayKind, body: &[u8]) -> Vec<Said<'_>> {
    let mut lines = Vec::new();
    for (_, frame) in Frames::of(body).iter() {
        let several = frame.lines().filter(|line| is_data(line)).count() > 1;
        let all = said(kind, frame).into_iter();
        lines.extend(all.filter(|said| several || said.name != DATA));
    }
    lines
}

/// What a frame says, as a relay of this kind has to keep it: in order where it is held to the lines.
fn said(kind: RelayKind, frame: Frame<'_>) -> Vec<Said<'_>> {
    match kind {
        RelayKind::Transparent | RelayKind::Translating => {
            frame.lines().map(Said::as_it_is).collect()
        }
        RelayKind::Reframing => fields(frame),
    }
}

/// The fields that a reader goes by: of several ids, names and times the last, no usual name, and of what
/// has no data only what holds for the stream (HTML 9.2.6).
fn fields(frame: Frame<'_>) -> Vec<Said<'_>> {
    let lines = frame.lines().filter(|line| !line.starts_with(b":"));
    let all: Vec<Said<'_>> = lines.map(Said::field).collect();
    let is_dispatched = all.iter().any(|one| one.name == DATA);
    let counts = |(at, one): &(usize, &Said<'_>)| {
        let is_last = !all[at + 1..].iter().any(|later| later.name == one.name);
        match one.name {
            b"id" | b"retry" => is_last,
            b"event" => is_dispatched && is_last && !matches!(one.value, b"" | b"message"),
            _ => is_dispatched,
        }
    };
    all.iter().enumerate().filter(counts).map(|(_, one)| *one).collect()
}

fn is_data(line: &[u8]) -> bool {
    line == DATA || line.starts_with(b"data:")
}

/// The first of these lines that does not stand in a body behind those before it; of a relay that reframes,
/// behind those of its name.
fn missing<'a>(kind: RelayKind, sent: &[Said<'a>], body: &[u8]) -> Option<&'a [u8]> {
    let frames = Frames::of(body);
    let got: Vec<Said<'_>> = frames.iter().flat_map(|(_, frame)| said(kind, frame)).collect();
    let mut passed = BTreeMap::new();
    let gone = sent.iter().find(|line| {
        let name = if kind == RelayKind::Reframing { line.name } else { b"" };
        let from: &mut usize = passed.entry(name).or_default();
        let found = got[*from..].iter().position(|candidate| candidate.is_same(line));
        *from += found.map_or(0, |at| at + 1);
        found.is_none()
    })?;
    Some(gone.line)
}

/// Whether a comment's text came as data.
fn as_data(line: &[u8], body: &[u8]) -> bool {
    let Some(text) = line.strip_prefix(b":") else { return false };
    let is_it = |data: &[u8]| {
        data.trim_ascii().strip_prefix(b":").unwrap_or(data).trim_ascii() == text.trim_ascii()
    };
    Frames::of(body).iter().any(|(_, frame)| frame.data().is_some_and(|data| is_it(&data)))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::{exchange::testing::Story, plan::RelayKind, scenario::Leave, verdict::Verdict};

    fn passed(provider: &str, client: &str) -> Story {
        let mut story = Story::streaming();
        story.provides(1, "reader", provider);
        story.passes(1, "reader", client);
        story.finishes(2, "reader");
        story
    }

    const RICH: &str = ": note\n\nid: 7\nretry: 100\nevent: tick\nx-new: y\ndata: 1\n\n";

    #[test]
    fn it_holds_where_each_line_survives_and_the_relay_adds_its_own() {
        assert_eq!(passed(RICH, RICH).verdict(&RULE), Verdict::Held);
        let more = format!(": ping\n\n{RICH}");
        assert_eq!(passed(RICH, &more).verdict(&RULE), Verdict::Held);
        let lines = "data: 1\ndata: 2\n\n";
        assert_eq!(passed(lines, lines).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_at_the_first_line_that_is_gone() {
        for (line, wanted) in [
            (": note\n\n", "the provider's line `: note`"),
            ("id: 7\n", "the provider's line `id: 7`"),
            ("retry: 100\n", "the provider's line `retry: 100`"),
            ("event: tick\n", "the provider's line `event: tick`"),
            ("x-new: y\n", "the provider's line `x-new: y`"),
        ] {
            let breach = passed(RICH, &RICH.replace(line, "")).breach(&RULE);
            assert_eq!((breach.at.as_millis(), breach.wanted), (2, vec![wanted.to_owned()]));
        }
        let breach = passed("data: 1\ndata: 2\n\n", "data: 1\n\n").breach(&RULE);
        assert_eq!(breach.wanted, ["each line of data of the provider's"]);
        assert_eq!(breach.got, "status 200 and 1 frame, then a clean end of the body");
    }

    #[test]
    fn it_breaks_where_a_comment_becomes_data() {
        let breach = passed(": note\n\ndata: 1\n\n", "data: : note\n\ndata: 1\n\n").breach(&RULE);
        assert_eq!(
            (breach.wanted, breach.got.as_str()),
            (vec!["the provider's line `: note`".to_owned()], "its text as data")
        );
    }

    #[test]
    fn it_does_not_apply_to_plain_data_or_to_a_client_that_has_gone() {
        let why = "no client got a whole answer that says more than one line of data an event";
        passed("data: 1\n\n", "").assert_not_applicable(&RULE, why);
        let mut gone = Story::streaming();
        gone.provides(1, "reader", RICH);
        gone.leaves(2, "reader", Leave::Fin);
        gone.assert_not_applicable(&RULE, why);
    }

    fn reframed(provider: &str, client: &str) -> Story {
        let mut story = passed(provider, client);
        story.plan.claims.kind = RelayKind::Reframing;
        story
    }

    #[test]
    fn it_holds_where_a_relay_that_reframes_writes_the_same_fields_in_its_own_way() {
        for same in [
            "event:tick\nid:7\nretry:100\ndata:1\nx-new:y\n\n",
            ": other\n\ndata: 1\nx-new: y\nretry: 100\nid: 7\nevent: tick\n\n",
        ] {
            assert_eq!(reframed(RICH, same).verdict(&RULE), Verdict::Held, "{same}");
        }
        // What holds for the stream may stand with any event, and what has no data means nothing.
        let (apart, together) = (
            "retry: 9\n\nevent: tick\ndata: 1\n\nevent: ping\n\n",
            "data: 1\nevent: tick\nretry: 9\n\n",
        );
        assert_eq!(reframed(apart, together).verdict(&RULE), Verdict::Held);
        // Of several ids a reader takes the last; the usual name says nothing.
        let (twice, once) = ("id: a\nevent: message\nid: b\ndata: 1\n\n", "data: 1\nid:b\n\n");
        assert_eq!(reframed(twice, once).verdict(&RULE), Verdict::Held);
    }

    #[test]
    fn it_breaks_where_a_relay_that_reframes_loses_a_field() {
        for (line, wanted) in [
            ("id: 7\n", "the provider's line `id: 7`"),
            ("retry: 100\n", "the provider's line `retry: 100`"),
            ("event: tick\n", "the provider's line `event: tick`"),
            ("x-new: y\n", "the provider's line `x-new: y`"),
        ] {
            let less = RICH.replace(line, "").replace(": ", ":");
            assert_eq!(reframed(RICH, &less).breach(&RULE).wanted, [wanted]);
        }
    }

    #[test]
    fn it_does_not_apply_where_a_relay_that_reframes_was_sent_nothing_but_comments_and_data() {
        let why = "the relay says that it reframes what the provider sends";
        reframed(": note\n\ndata: 1\n\n", "data: 1\n\n").assert_not_applicable(&RULE, why);
    }
}

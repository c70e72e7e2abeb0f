//! What an event says beside its data reaches the client.

use super::{Level, Rule, payload, quote::quote};
use crate::{
    exchange::{Answer, Exchange, Fate, Frames, Run},
    verdict::{Breach, Inquiry, Verdict},
};

/// `id` and `retry` steer how a browser comes back, `event` names what a client listens for, and a
/// field that nobody knows today is somebody's tomorrow. Of a client that has gone, and of an answer
/// that was cut, nothing is said.
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
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer) in payload::streams(run) {
        let sent = telling(&answer.body.bytes);
        if sent.is_empty() || !is_spoken_of(run, index, exchange, answer) {
            continue;
        }
        inquiry.applies();
        if let Some(breach) = breach(run, index, exchange, &sent) {
            inquiry.broke(breach);
        }
    }
    inquiry.verdict("no client got a whole answer that says more than one line of data an event")
}

/// Whether this rule breaks for an exchange, so that others need not.
pub(super) fn tells_of(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer) -> bool {
    let sent = telling(&answer.body.bytes);
    is_spoken_of(run, index, exchange, answer) && breach(run, index, exchange, &sent).is_some()
}

/// A whole answer, to a client that stayed.
fn is_spoken_of(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer) -> bool {
    run.fate(index, answer) == Fate::Whole && !run.ended_from_outside(index, exchange)
}

fn breach(run: &Run<'_>, index: usize, exchange: &Exchange, sent: &[&[u8]]) -> Option<Breach> {
    let line = missing(sent, &exchange.body.bytes)?;
    let guilty = |body: &[u8]| missing(sent, body).is_some();
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

/// The lines of a body that say more than an event's only line of data. What a line of data says is
/// for other rules.
fn telling(body: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    for (_, frame) in Frames::of(body).iter() {
        let several = frame.lines().filter(|line| is_data(line)).count() > 1;
        lines.extend(frame.lines().filter(|line| several || !is_data(line)).map(said));
    }
    lines
}

/// A line of data without the data; any other as it is.
fn said(line: &[u8]) -> &[u8] {
    if is_data(line) { b"data" } else { line }
}

fn is_data(line: &[u8]) -> bool {
    line == b"data" || line.starts_with(b"data:")
}

/// The first of these lines that does not stand in a body behind those before it.
fn missing<'a>(sent: &[&'a [u8]], body: &[u8]) -> Option<&'a [u8]> {
    let frames = Frames::of(body);
    let got: Vec<&[u8]> = frames.iter().flat_map(|(_, frame)| frame.lines()).map(said).collect();
    let mut left = got.into_iter();
    sent.iter().copied().find(|line| !left.any(|candidate| candidate == *line))
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
    use crate::{exchange::testing::Story, scenario::Leave, verdict::Verdict};

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
}

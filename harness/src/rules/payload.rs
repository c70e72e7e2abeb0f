//! Which frames of a body are the provider's, and which were added on the way.

use std::ops::Range;

use mock_openai::script::Step;

use super::{comments::taken_out, fields_survive, usage_honest};
use crate::{
    exchange::{Answer, Exchange, Fate, Frame, Frames, Run},
    plan::{Plan, RelayKind},
    verdict::{Breach, Inquiry, Verdict},
};

/// How the provider sends the bytes of an answer: each has a rule of its own, which demands that they
/// arrive, so that one mistake is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// In pieces that its script cuts.
    Cut,
    /// With a CR in them.
    WithCr,
    /// In neither way.
    Plainly,
}

impl Sent {
    fn of(plan: &Plan, answer: &Answer) -> Self {
        if plan.upstream.iter().any(|rule| any_cut(&rule.then)) {
            Self::Cut
        } else if answer.body.bytes.contains(&b'\r') {
            Self::WithCr
        } else {
            Self::Plainly
        }
    }
}

fn any_cut(steps: &[Step]) -> bool {
    steps.iter().any(|step| {
        matches!(step, Step::Cut(_)) || step.inner().is_some_and(|(inner, _)| any_cut(inner))
    })
}

/// Judges whether the answers that are sent so reach their clients.
pub(crate) fn judge(run: &Run<'_>, sent: Sent, none: &str) -> Verdict {
    if let Some(verdict) = translated(run) {
        return verdict;
    }
    let mut inquiry = Inquiry::default();
    for (index, exchange, answer) in streams(run) {
        if Sent::of(run.plan, answer) != sent {
            continue;
        }
        inquiry.applies();
        if let Some(breach) = breach(run, index, exchange, answer) {
            inquiry.broke(breach);
        }
    }
    inquiry.verdict(none)
}

/// A body beside the provider's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Alignment {
    /// For each frame of the provider, in order, the frame of the body that is it; ends with the
    /// first that is not there.
    pub(crate) passed: Vec<usize>,
    /// Frames that are not the provider's and may stand where they stand: heartbeats, an error event
    /// after the provider failed, with what belongs to it, and a terminator after all that the
    /// provider sent, which is for other rules to judge.
    pub(crate) own: Vec<usize>,
    /// Comment lines that are not the provider's and stand inside a frame of its: which frame of the
    /// provider, and where in the body. What they stand in is whole, so that they are
    /// `own-bytes-between-events`' to judge.
    pub(crate) commented: Vec<(usize, Range<usize>)>,
    /// Where the first thing begins that is neither.
    pub(crate) strange: Option<usize>,
    /// Whether the body holds all that the provider sent, its unfinished rest included.
    pub(crate) all: bool,
}

/// Why the provider's frames are not looked for: the relay says that it makes its own of them.
pub(crate) fn translated(run: &Run<'_>) -> Option<Verdict> {
    let translates = run.plan.claims.kind == RelayKind::Translating;
    let why = "the relay says that it translates what the provider sends";
    translates.then(|| Verdict::NotApplicable { why: why.to_owned() })
}

/// The frames of the provider that a client must get: all of them, and of a relay that says that it
/// reframes those that a reader dispatches.
fn demanded(kind: RelayKind, provider: &[u8]) -> Vec<Frame<'_>> {
    let sent = Frames::of(provider);
    let all = sent.iter().map(|(_, frame)| frame);
    match kind {
        RelayKind::Reframing => all.filter(|frame| frame.data().is_some()).collect(),
        RelayKind::Transparent | RelayKind::Translating => all.collect(),
    }
}

/// Compares a body with the provider's, as the relay's kind asks.
fn align_as(kind: RelayKind, provider: &[u8], body: &[u8], failed: bool) -> Alignment {
    match kind {
        RelayKind::Reframing => align_events(provider, body, failed),
        RelayKind::Transparent | RelayKind::Translating => align(provider, body, failed),
    }
}

/// Compares a body with the provider's event by event, however their lines are written. What no reader
/// dispatches may come and go: comments, and a half event at the end.
fn align_events(provider: &[u8], body: &[u8], failed: bool) -> Alignment {
    let (sent, got) = (demanded(RelayKind::Reframing, provider), Frames::of(body));
    let mut found = Alignment::default();
    for (index, (range, frame)) in got.iter().enumerate() {
        let expected = sent.get(found.passed.len());
        if expected.is_some_and(|event| event.says_the_same_as(frame)) {
            found.passed.push(index);
        } else if frame.data().is_none() || frame.is_heartbeat() || (failed && is_last_word(frame))
        {
            found.own.push(index);
        } else {
            found.strange = Some(range.start);
            return found;
        }
    }
    found.all = found.passed.len() == sent.len();
    found
}

/// Whether a frame is what a relay may say in place of what its provider did not.
fn is_last_word(frame: Frame<'_>) -> bool {
    frame.error().is_some() || frame.is_done()
}

/// Compares a body with the provider's, frame by frame and byte by byte. `failed`: the provider's
/// answer was cut, so that an error event may stand in for what is missing.
pub(crate) fn align(provider: &[u8], body: &[u8], failed: bool) -> Alignment {
    let (sent, got) = (Frames::of(provider), Frames::of(body));
    let mut found = Alignment::default();
    for (index, (range, frame)) in got.iter().enumerate() {
        let expected = sent.get(found.passed.len());
        if let Some(inside) = expected.and_then(|event| is_it(event, frame)) {
            let lines = inside.iter().map(|line| range.start + line.start..range.start + line.end);
            found.commented.extend(lines.map(|line| (found.passed.len(), line)));
            found.passed.push(index);
        } else if range.end == body.len() && expected.is_some_and(|whole| begins(whole, frame)) {
            // More of the same blank lines may follow.
            break;
        } else if frame.is_heartbeat()
            || (expected.is_none() && frame.is_done())
            || (failed && belongs_to_failure(&sent, &found, frame))
        {
            found.own.push(index);
        } else {
            found.strange = Some(range.start);
            return found;
        }
    }
    let rest_start =
        sent.ranges.get(found.passed.len()).map_or_else(|| sent.tail_start(), |r| r.start);
    let rest = &provider[rest_start..];
    let tail = got.tail();
    if !rest.starts_with(tail) && !tail.starts_with(b":") && !failed {
        found.strange = Some(got.tail_start());
    }
    // The provider's unfinished rest has come where it comes last, or where a blank line ends it.
    let half = sent.tail();
    let ended = || found.own.iter().filter_map(|own| got.get(*own)).any(|own| ends(half, own.0));
    let has_rest = tail.starts_with(half) || ended();
    found.all = found.passed.len() == sent.ranges.len() && has_rest;
    found
}

/// Where a frame is that event, as it was sent or with what a relay may add to one: an id, and comment
/// lines, of which it gives those that stand inside.
fn is_it(event: Frame<'_>, frame: Frame<'_>) -> Option<Vec<Range<usize>>> {
    if event.0 == frame.0 || gives_id_to(event, frame.0) {
        return Some(Vec::new());
    }
    // A comment before blank lines is a block of its own.
    if event.is_blank() {
        return None;
    }
    let found = taken_out(event.0, frame.0);
    let is_same = found.event == event.0 || gives_id_to(event, &found.event);
    is_same.then_some(found.inside)
}

/// Whether a frame is that event with an id that its sender did not give: a line more, before the
/// blank one. A relay that resumes streams has to name their events.
fn gives_id_to(event: Frame<'_>, frame: &[u8]) -> bool {
    let common = event.0.iter().zip(frame).take_while(|(a, b)| a == b).count();
    let (Some(rest), Some(blank)) = (frame.get(common..), event.0.get(common..)) else {
        return false;
    };
    let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let blank_follows = !blank.is_empty() && blank.iter().all(is_line_end);
    let Some(line) = rest.strip_suffix(blank) else { return false };
    let ended = line.last().is_some_and(is_line_end);
    let inner = line.iter().rposition(|byte| !is_line_end(byte)).map_or(0, |last| last + 1);
    blank_follows
        && ended
        && line.starts_with(b"id: ")
        && !line[..inner].iter().any(is_line_end)
        && event.data().is_some()
}

/// Whether blank lines are the first of a longer run of them.
fn begins(whole: Frame<'_>, frame: Frame<'_>) -> bool {
    whole.is_blank() && frame.is_blank() && whole.0.starts_with(frame.0)
}

/// Whether a frame is half an event and the line ends that make it a whole one.
fn ends(half: &[u8], frame: &[u8]) -> bool {
    let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    frame.strip_prefix(half).is_some_and(|rest| rest.iter().all(is_line_end))
}

/// Whether a frame is what a relay writes when its provider failed: an error event, the blank line
/// that ends a half-sent event before it, or the terminator after it.
fn belongs_to_failure(sent: &Frames<'_>, found: &Alignment, frame: Frame<'_>) -> bool {
    let half = sent.get(found.passed.len()).map_or_else(|| sent.tail(), |frame| frame.0);
    let common = half.iter().zip(frame.0).take_while(|(a, b)| a == b).count();
    let closes_half = frame.0[common..].iter().all(|byte| matches!(byte, b'\n' | b'\r'));
    frame.error().is_some() || closes_half || (frame.is_done() && !found.own.is_empty())
}

/// How one exchange breaks the demand that the client gets what the provider sent, unless a rule about
/// a part of that speaks of it.
fn breach(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer) -> Option<Breach> {
    let found = difference(run, index, exchange, answer)?;
    let left = is_left_to_usage_honest(run, index, exchange, answer)
        || is_left_to_fields_survive(run, index, exchange, answer);
    (!left).then_some(found)
}

/// Whether nothing differs but the frames that tell usage.
fn is_left_to_usage_honest(
    run: &Run<'_>,
    index: usize,
    exchange: &Exchange,
    answer: &Answer,
) -> bool {
    let kind = run.plan.claims.kind;
    let [sent, got] = [&answer.body.bytes, &exchange.body.bytes].map(|body| without_usage(body));
    let failed = run.fate(index, answer) != Fate::Whole;
    let rest = align_as(kind, &sent, &got, failed);
    rest.strange.is_none() && rest.all && usage_honest::tells_of(run, index, exchange, answer)
}

/// Whether each event's data is there, so that only what stands beside it differs.
fn is_left_to_fields_survive(
    run: &Run<'_>,
    index: usize,
    exchange: &Exchange,
    answer: &Answer,
) -> bool {
    let [sent, got] = [&answer.body.bytes, &exchange.body.bytes].map(|body| Frames::of(body));
    let data =
        |frames: &Frames<'_>| -> Vec<_> { frames.iter().filter_map(|(_, f)| f.data()).collect() };
    data(&sent) == data(&got) && fields_survive::breach(run, index, exchange, answer).is_some()
}

/// A body without the frames that tell usage and nothing else.
fn without_usage(body: &[u8]) -> Vec<u8> {
    let frames = Frames::of(body);
    let others = frames.iter().filter(|(_, frame)| !usage_honest::tells_usage(*frame));
    let mut rest: Vec<u8> = others.flat_map(|(_, frame)| frame.0).copied().collect();
    rest.extend(frames.tail());
    rest
}

/// Where what the client got is not what the provider sent.
fn difference(run: &Run<'_>, index: usize, exchange: &Exchange, answer: &Answer) -> Option<Breach> {
    let (provider, kind) = (&answer.body.bytes, run.plan.claims.kind);
    let fate = run.fate(index, answer);
    let failed = fate != Fate::Whole;
    let found = align_as(kind, provider, &exchange.body.bytes, failed);
    let expected = demanded(kind, provider).get(found.passed.len()).map(|frame| frame.0);
    let (number, client) = (found.passed.len() + 1, &exchange.client);
    if let Some(start) = found.strange {
        let guilty = |p: &crate::exchange::Passage<'_>| {
            p.outgoing()
                .is_some_and(|m| align_as(kind, provider, &m.body, failed).strange.is_some())
        };
        let strange = &exchange.body.bytes[start..];
        let (wanted, got) = if let Some(frame) = expected {
            let (sent, got) = quote_both(frame, strange);
            let wanted = format!("frame {number} of the provider as it was sent: {sent}");
            (wanted, format!("{client} got {got} in place of the provider's frame {number}"))
        } else {
            let wanted = format!("nothing after the provider's {} frames", number - 1);
            (wanted, format!("{client} got {}, which the provider never sent", quote(strange)))
        };
        let host = run.blame(index, guilty);
        let moment = exchange.had(start + 1);
        return Some(Breach::new(moment, &host, wanted, got).concerning(&exchange.client));
    }
    let excused = fate == Fate::Cut || run.ended_from_outside(index, exchange);
    if found.all || excused {
        return None;
    }
    let guilty = |p: &crate::exchange::Passage<'_>| {
        p.outgoing().is_some_and(|m| !align_as(kind, provider, &m.body, failed).all)
    };
    let (wanted, missing) = match expected {
        Some(frame) => {
            let wanted = format!("frame {number} of the provider: {}", quote(frame));
            (wanted, format!("the provider's frame {number}"))
        }
        None => (
            "the provider's last bytes, which end no frame".to_owned(),
            "the provider's last bytes".to_owned(),
        ),
    };
    let host = run.blame(index, guilty);
    let got = format!("{client} never got {missing}: {}", exchange.ending());
    Some(Breach::new(exchange.last_seen(), &host, wanted, got).concerning(client))
}

/// Whether the demand speaks of an exchange: both sides have an answer that succeeds.
fn speaks_of(exchange: &Exchange, answer: &Answer) -> bool {
    let client = exchange.status().is_some_and(|status| (200..300).contains(&status));
    client && answer.succeeds() && !answer.body.bytes.is_empty()
}

/// The exchanges that such demands speak of, each with the provider's answer.
pub(crate) fn streams<'a>(
    run: &'a Run<'_>,
) -> impl Iterator<Item = (usize, &'a Exchange, &'a Answer)> {
    run.answered().filter(|(_, exchange, answer)| speaks_of(exchange, answer))
}

/// Two stretches of bytes that begin alike, quoted from shortly before they differ.
fn quote_both(sent: &[u8], got: &[u8]) -> (String, String) {
    const BEFORE: usize = 20;
    let alike = sent.iter().zip(got).take_while(|(a, b)| a == b).count();
    if alike <= 2 * BEFORE {
        return (quote(sent), quote(got));
    }
    let from = alike - BEFORE;
    let (sent, got) = (quote(&sent[from..]), quote(&got[from..]));
    (format!("`...{}", &sent[1..]), format!("`...{}", &got[1..]))
}

/// The beginning of some bytes, in quotes, invisible characters escaped.
pub(crate) fn quote(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let text = bytes[..bytes.len().min(SHOWN)].escape_ascii().to_string();
    // The quotes of JSON need no mark between ours.
    let text = text.replace("\\\"", "\"").replace("\\'", "'");
    let more = if bytes.len() > SHOWN { "..." } else { "" };
    format!("`{text}{more}`")
}

#[cfg(test)]
mod tests {
    use super::{align, align_events};

    #[test]
    fn a_relay_that_reframes_passes_events_and_not_bytes() {
        let sent =
            b"\xef\xbb\xbf: hello\r\n\r\nevent:note\r\ndata:1\r\ndata: 2\r\n\r\ndata: [DONE]\r\r";
        let same = b"data: 1\ndata: 2\nevent: note\n\n: ping\n\ndata: [DONE]\n\n";
        let found = align_events(sent, same, false);
        assert_eq!((found.strange, found.all, found.own), (None, true, vec![1]));
        let other = b"data: 1\nevent: note\n\ndata: [DONE]\n\n";
        assert_eq!(align_events(sent, other, false).strange, Some(0));
        let less = b"data: 1\ndata: 2\nevent: note\n\n";
        assert_eq!(
            (align_events(sent, less, true).strange, align_events(sent, less, true).all),
            (None, false)
        );
    }

    #[test]
    fn a_heartbeat_before_a_blank_line_is_not_that_line() {
        let found = align(b"data:1\n\n\ndata:2\n\n", b"data:1\n\n: ping\n\n\ndata:2\n\n", false);
        assert_eq!((found.strange, found.all, found.own), (None, true, vec![1]));
    }

    #[test]
    fn an_event_with_an_id_and_a_comment_that_the_relay_gave_it_is_that_event() {
        let found = align(b"data:1\n\n", b": ping\ndata:1\nid: 7\n\n", false);
        assert_eq!((found.strange, found.all, found.commented), (None, true, vec![]));
    }

    #[test]
    fn what_differs_late_is_quoted_where_it_differs() {
        let begins = "data: {\"id\":\"chatcmpl-0RdAk7cpwZrITQhmCDPmyLyfqtmtS\",\"text\":";
        let (sent, got) =
            super::quote_both(format!("{begins}1}}").as_bytes(), format!("{begins}2}}").as_bytes());
        assert_eq!(sent, "`...PmyLyfqtmtS\",\"text\":1}`");
        assert_eq!(got, "`...PmyLyfqtmtS\",\"text\":2}`");
        assert_eq!(super::quote_both(b"data: 1", b"data: 2").1, "`data: 2`");
    }

    #[test]
    fn a_body_cut_inside_a_run_of_blank_lines_has_nothing_strange() {
        let found = align(b"data:1\n\n\n\n\ndata:2\n\n", b"data:1\n\n\n\n", false);
        assert_eq!((found.strange, found.all), (None, false));
        let more = align(b"data:1\n\n\ndata:2\n\n", b"data:1\n\n\n\n", false);
        assert_eq!(more.strange, Some(8));
    }
}

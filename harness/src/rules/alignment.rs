//! Which frames of a body are the provider's, and which were added on the way.

use std::ops::Range;

use super::comments::taken_out;
use crate::{
    exchange::{Frame, Frames},
    plan::RelayKind,
};

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

/// The frames of the provider that a client must get: all of them, and of a relay that says that it
/// reframes those that a reader dispatches.
pub(crate) fn demanded(kind: RelayKind, provider: &[u8]) -> Vec<Frame<'_>> {
    let sent = Frames::of(provider);
    let all = sent.iter().map(|(_, frame)| frame);
    match kind {
        RelayKind::Reframing => all.filter(|frame| frame.data().is_some()).collect(),
        RelayKind::Transparent | RelayKind::Translating => all.collect(),
    }
}

/// Compares a body with the provider's, as the relay's kind asks.
pub(crate) fn align_as(kind: RelayKind, provider: &[u8], body: &[u8], failed: bool) -> Alignment {
    match kind {
        RelayKind::Reframing => align_events(provider, body, failed),
        RelayKind::Transparent | RelayKind::Translating => align(provider, body, failed),
    }
}

/// The events of an answer that have to leave a host.
#[derive(Debug)]
pub(super) struct Passing {
    /// Where each of them lies in what came, in order.
    pub(super) came: Vec<Range<usize>>,
    /// Where each of them ends in what went, up to the first that is not there.
    pub(super) went: Vec<usize>,
    /// Whether what is not there does not come either: all is there, or the body goes another way.
    pub(super) is_settled: bool,
}

/// Finds the events that come to a host of a kind among those that go.
pub(super) fn passing(kind: RelayKind, incoming: &[u8], outgoing: &[u8]) -> Passing {
    let (came, went) = (Frames::of(incoming), Frames::of(outgoing));
    let found = align_as(kind, incoming, outgoing, true);
    // What it passes as it came needs no translation.
    let is_as_sent = found.strange.is_none() && !found.passed.is_empty();
    if kind == RelayKind::Translating && !is_as_sent {
        return one_for_one(&came, &went);
    }
    let leaves = |frame: Frame<'_>| kind != RelayKind::Reframing || frame.data().is_some();
    let came = came.iter().filter(|(_, frame)| leaves(*frame)).map(|(range, _)| range);
    Passing {
        came: came.collect(),
        went: found.passed.iter().map(|index| went.ranges[*index].end).collect(),
        is_settled: found.strange.is_some() || found.all,
    }
}

/// The events of a relay that translates each into one, as far as can be told: as many went as came, with
/// the terminators in the same places. Each may wait for the next one: some open a translation with an event
/// of their own, and others have one to spare at its end.
fn one_for_one(came: &Frames<'_>, went: &Frames<'_>) -> Passing {
    let [came, went] = [came, went].map(|frames| {
        let events = frames.iter().filter(|(_, f)| f.data().is_some() && !f.is_heartbeat());
        events.map(|(range, frame)| (range, frame.is_done())).collect::<Vec<_>>()
    });
    let is_same = came.iter().map(|one| one.1).eq(went.iter().map(|one| one.1));
    let is_told = is_same || went.is_empty();
    let next = came.iter().skip(1).chain(came.last()).map(|(range, _)| range.clone());
    Passing {
        came: if is_told { next.collect() } else { Vec::new() },
        went: went.iter().map(|(range, _)| range.end).collect(),
        is_settled: !went.is_empty(),
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
    fn a_body_cut_inside_a_run_of_blank_lines_has_nothing_strange() {
        let found = align(b"data:1\n\n\n\n\ndata:2\n\n", b"data:1\n\n\n\n", false);
        assert_eq!((found.strange, found.all), (None, false));
        let more = align(b"data:1\n\n\ndata:2\n\n", b"data:1\n\n\n\n", false);
        assert_eq!(more.strange, Some(8));
    }
}

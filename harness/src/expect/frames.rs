//! Whether a client received the frames that were expected.

use super::bound::{holds, words};
use crate::{
    exchange::{Exchange, Family, Fate, Frame, Frames as Split, Run},
    plan::RelayKind,
    rules::{
        alignment::{Alignment, align_as, demanded},
        quote::quote,
    },
    scenario::Frames,
    verdict::{Breach, Verdict},
};

/// Judges the frames of a client's last response.
pub(super) fn judge(
    run: &Run<'_>,
    index: usize,
    exchange: &Exchange,
    expected: &Frames,
) -> Verdict {
    match expected {
        Frames::Count(bound) => {
            let count = exchange.frames().count() as u64;
            if holds(bound, &count) {
                return Verdict::Held;
            }
            let got = format!("{count} frames");
            broke(run, exchange, format!("{} frames", words(bound)), got)
        }
        Frames::List(list) => listed(run, exchange, list),
        Frames::AsSent => as_sent(run, index, exchange, None),
        Frames::AsSentFirst(first) => as_sent(run, index, exchange, Some(*first)),
    }
}

/// These frames and no others: the first that differs is the breach.
fn listed(run: &Run<'_>, exchange: &Exchange, list: &[String]) -> Verdict {
    let received = exchange.frames();
    let mut received = received.iter().filter(|(_, frame)| !frame.is_blank());
    for (number, expected) in (1..).zip(list) {
        let expected = text(expected.as_bytes());
        let wanted = format!("frame {number}: {}", quote(expected));
        match received.next() {
            Some((_, frame)) if text(frame.0) == expected => {}
            Some((range, frame)) => {
                let got = format!("frame {number}: {}", quote(text(frame.0)));
                let breach = Breach::new(exchange.had(range.end), &run.relay, wanted, got);
                return Verdict::Broke(breach.concerning(&exchange.client));
            }
            None => return broke(run, exchange, wanted, exchange.ending()),
        }
    }
    let Some((range, frame)) = received.next() else { return Verdict::Held };
    let wanted = format!("nothing after {} frames", list.len());
    let got = format!("frame {}: {}", list.len() + 1, quote(text(frame.0)));
    let breach = Breach::new(exchange.had(range.end), &run.relay, wanted, got);
    Verdict::Broke(breach.concerning(&exchange.client))
}

/// A frame without its blank line and the end of its last line.
fn text(frame: &[u8]) -> &[u8] {
    let ends = frame.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    &frame[..frame.len() - ends]
}

fn broke(run: &Run<'_>, exchange: &Exchange, wanted: String, got: String) -> Verdict {
    let breach = Breach::new(exchange.last_seen(), &run.relay, wanted, got);
    Verdict::Broke(breach.concerning(&exchange.client))
}

/// The provider's frames, byte for byte; of a relay that says that it reframes, its events. Of one that
/// translates nothing is asked: what it makes of them is its own.
fn as_sent(run: &Run<'_>, index: usize, exchange: &Exchange, first: Option<u64>) -> Verdict {
    let Some(answer) = run.answers_to(index).next_back() else {
        let wanted = "frames as the provider sent them".to_owned();
        return broke(run, exchange, wanted, "no answer of the provider".to_owned());
    };
    let provider = &answer.body.bytes;
    let failed = run.fate(index, answer) != Fate::Whole;
    let kind = run.plan.claims.kind;
    let ([plural, as_sent, of_them], least) = match kind {
        RelayKind::Transparent => (["frames", ", as sent", "frames as sent"], first),
        // Those of the first frames that a reader dispatches. A client that counts to so many may get more.
        RelayKind::Reframing => {
            (["events", "", "of them"], first.map(|first| events_among(first, provider)))
        }
        RelayKind::Translating => return Verdict::Held,
    };
    let Alignment { passed, strange, all, .. } =
        align_as(kind, provider, &exchange.body.bytes, failed);
    let due = demanded(kind, provider);
    let count_real = |some: &[Frame<'_>]| some.iter().filter(|frame| !frame.is_blank()).count();
    let count = count_real(&due[..passed.len()]) as u64;
    let wanted = match first {
        None => format!("all {} {plural} of the provider{as_sent}", count_real(&due)),
        Some(first) => {
            format!("the first {first} {plural} of the provider{as_sent}, and no other")
        }
    };
    if let Some(start) = strange {
        let place = quote(&exchange.body.bytes[start..]);
        let got = format!("{count} {of_them}, then {place}");
        let breach = Breach::new(exchange.had(start + 1), &run.relay, wanted, got);
        return Verdict::Broke(breach.concerning(&exchange.client));
    }
    // As sent means no terminator too many either.
    let received = exchange.frames();
    let family = exchange.family();
    let (sent_count, got_count) =
        (terminators(&Split::of(provider), family), terminators(&received, family));
    let same_terminators = sent_count == got_count;
    let right = match (least, first) {
        (Some(least), Some(first)) => (least..=first).contains(&count),
        _ => all && same_terminators,
    };
    let got = if got_count > sent_count {
        format!("{count} of them, and {got_count} {}", family.terminator())
    } else {
        format!("{count} of them")
    };
    if right { Verdict::Held } else { broke(run, exchange, wanted, got) }
}

/// How many of the first so many frames of a body a reader dispatches.
fn events_among(first: u64, body: &[u8]) -> u64 {
    let frames = Split::of(body);
    let whole = frames.iter().map(|(_, frame)| frame).filter(|frame| !frame.is_blank());
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    whole.take(first).filter(|frame| frame.data().is_some()).count() as u64
}

fn terminators(frames: &Split<'_>, family: Family) -> usize {
    frames.iter().filter(|(_, frame)| family.is_terminator(frame)).count()
}

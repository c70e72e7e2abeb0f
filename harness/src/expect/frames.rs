//! Whether a client received the frames that were expected.

use super::bound::{holds, words};
use crate::{
    exchange::{Exchange, Family, Fate, Frames as Split, Run},
    rules::{
        alignment::{Alignment, align},
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

fn as_sent(run: &Run<'_>, index: usize, exchange: &Exchange, first: Option<u64>) -> Verdict {
    let Some(answer) = run.answers_to(index).next_back() else {
        let wanted = "frames as the provider sent them".to_owned();
        return broke(run, exchange, wanted, "no answer of the provider".to_owned());
    };
    let provider = &answer.body.bytes;
    let failed = run.fate(index, answer) != Fate::Whole;
    let Alignment { passed, strange, all, .. } = align(provider, &exchange.body.bytes, failed);
    let sent = Split::of(provider);
    let real = |index: &usize| sent.get(*index).is_some_and(|frame| !frame.is_blank());
    let count = (0..passed.len()).filter(real).count() as u64;
    let wanted = match first {
        None => format!("all {} frames of the provider, as sent", sent.count()),
        Some(first) => format!("the first {first} frames of the provider, as sent, and no other"),
    };
    if let Some(start) = strange {
        let place = quote(&exchange.body.bytes[start..]);
        let got = format!("{count} frames as sent, then {place}");
        let breach = Breach::new(exchange.had(start + 1), &run.relay, wanted, got);
        return Verdict::Broke(breach.concerning(&exchange.client));
    }
    // As sent means no terminator too many either.
    let received = exchange.frames();
    let family = exchange.family();
    let (sent_count, got_count) = (terminators(&sent, family), terminators(&received, family));
    let same_terminators = sent_count == got_count;
    let right = first.map_or(all && same_terminators, |first| count == first);
    let got = if got_count > sent_count {
        format!("{count} of them, and {got_count} {}", family.terminator())
    } else {
        format!("{count} of them")
    };
    if right { Verdict::Held } else { broke(run, exchange, wanted, got) }
}

fn terminators(frames: &Split<'_>, family: Family) -> usize {
    frames.iter().filter(|(_, frame)| family.is_terminator(frame)).count()
}

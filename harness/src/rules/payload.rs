//! Whether what the provider sent reaches its client, as three rules ask it of three ways to send.

use mock_openai::script::Step;

use super::{
    alignment::{align_as, demanded},
    fields_survive,
    quote::{quote, quote_both},
    usage_honest,
};
use crate::{
    exchange::{Answer, Exchange, Fate, Frames, Passage, Run},
    plan::{Plan, RelayKind},
    verdict::{Breach, Inquiry, Verdict},
};

/// How the provider sends the bytes of an answer: each has a rule of its own, which demands that they
/// arrive, so that one mistake is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// In pieces that its script cuts.
    Cut,
    /// With a CR in them.
    WithCr,
    /// In neither way.
    Plainly,
}

impl Sent {
    fn of(plan: &Plan, answer: &Answer) -> Self {
        if plan.upstream.iter().any(|rule| cuts(&rule.then)) {
            Self::Cut
        } else if answer.body.bytes.contains(&b'\r') {
            Self::WithCr
        } else {
            Self::Plainly
        }
    }
}

fn cuts(steps: &[Step]) -> bool {
    steps.iter().any(|step| {
        matches!(step, Step::Cut(_)) || step.inner().is_some_and(|(inner, _)| cuts(inner))
    })
}

/// Judges whether the answers that are sent so reach their clients.
pub(super) fn judge(run: &Run<'_>, sent: Sent, none: &str) -> Verdict {
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

/// Why a rule asks nothing of a relay that says that it writes the provider's frames anew.
pub(crate) fn by_claim(kind: RelayKind) -> Option<&'static str> {
    match kind {
        RelayKind::Transparent => None,
        RelayKind::Reframing => Some("the relay says that it reframes what the provider sends"),
        RelayKind::Translating => Some("the relay says that it translates what the provider sends"),
    }
}

/// Why the provider's frames are not looked for: the relay says that it makes its own of them.
pub(super) fn translated(run: &Run<'_>) -> Option<Verdict> {
    let kind = run.plan.claims.kind;
    let why = by_claim(kind).filter(|_| kind == RelayKind::Translating)?;
    Some(Verdict::NotApplicable { why: why.to_owned() })
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
    let events = sent.iter().filter_map(|(_, frame)| frame.data());
    events.eq(got.iter().filter_map(|(_, frame)| frame.data()))
        && fields_survive::tells_of(run, index, exchange, answer)
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
        let guilty = |p: &Passage<'_>| {
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
    let guilty = |p: &Passage<'_>| {
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
pub(super) fn streams<'a>(
    run: &'a Run<'_>,
) -> impl Iterator<Item = (usize, &'a Exchange, &'a Answer)> {
    run.answered().filter(|(_, exchange, answer)| speaks_of(exchange, answer))
}

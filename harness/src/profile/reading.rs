//! What each SDK would have made of the answers of a run: of the exact bytes that its clients got.

use mock_openai::script::End;

use super::{ALL, Ending, Meant, Outcome, Problem, Profile, Received, Seen, chunks};
use crate::{
    exchange::{Answer, Exchange, Family, Fate, Run},
    trace::{BodyEnd, ClientFact, Fact, Name, Sight},
};

/// One answer as one SDK's application would have seen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The SDK.
    pub sdk: &'static str,
    /// Whose answer it was.
    pub client: Name,
    /// What became of it.
    pub outcome: Outcome,
    /// What would have become of the provider's answer without anything between.
    pub direct: Outcome,
    /// The error that it raised, where it did.
    pub error: Option<Problem>,
}

/// What every SDK would have made of each chat completion of a run, in the order of the requests.
/// Answers that a client did not want to the end are left out, and so is what speaks of no chat
/// completion: SDKs read other things by other rules.
pub fn readings(run: &Run<'_>) -> Vec<Reading> {
    let mut all = Vec::new();
    for (index, exchange) in run.exchanges.iter().enumerate() {
        if let Some(case) = Case::of(run, index, exchange) {
            all.extend(ALL.iter().map(|profile| case.read(profile)));
        }
    }
    all
}

/// An answer on both sides of all that stands between.
struct Case<'a> {
    exchange: &'a Exchange,
    answer: Option<&'a Answer>,
    meant: Meant,
}

impl<'a> Case<'a> {
    fn of(run: &'a Run<'_>, index: usize, exchange: &'a Exchange) -> Option<Self> {
        let is_asked = exchange.family() == Family::Chat && exchange.method == "POST";
        if !is_asked || exchange.left.is_some() || exchange.half_closed.is_some() {
            return None;
        }
        let meant = meant(run, index, exchange)?;
        Some(Self { exchange, answer: run.answers_to(index).next_back(), meant })
    }

    fn read(&self, profile: &Profile) -> Reading {
        let seen = self.seen(profile);
        let outcome = Outcome::of(&seen, &self.meant);
        let direct = self.answer.map_or(Outcome::Error, |answer| {
            Outcome::of(&sees(profile, &sent(answer)), &self.meant)
        });
        let error = match seen.end {
            chunks::End::Failed(problem) => Some(problem),
            chunks::End::Over | chunks::End::Waits => None,
        };
        Reading { sdk: profile.name, client: self.exchange.client.clone(), outcome, direct, error }
    }

    fn seen(&self, profile: &Profile) -> Seen {
        let end = match self.exchange.ended.map(|(_, how)| how) {
            Some(BodyEnd::Complete) => Ending::Complete,
            Some(BodyEnd::Truncated) => Ending::Truncated,
            Some(
                BodyEnd::Reset
                | BodyEnd::StreamReset(_)
                | BodyEnd::TurnedAway(_)
                | BodyEnd::Garbled,
            ) => Ending::Reset,
            None => Ending::Silent,
        };
        match &self.exchange.head {
            Some(head) => {
                let (status, headers) = (head.status, head.headers.as_slice());
                let body = &self.exchange.body.bytes;
                sees(profile, &Received { status, headers, body, end })
            }
            None if end == Ending::Silent => Seen::default().waits(),
            None => Seen::default().fails("connection error", None),
        }
    }
}

/// What was meant for a client; nothing where that is no chat completion.
fn meant(run: &Run<'_>, index: usize, exchange: &Exchange) -> Option<Meant> {
    match run.answers_to(index).next_back() {
        Some(answer) => {
            let failed = run.fate(index, answer) != Fate::Whole;
            let meant = Meant::of(answer.status().unwrap_or(502), &answer.body.bytes)?;
            Some(meant.or_an_error(failed || run.ended_from_outside(index, exchange)))
        }
        // What a relay says by itself is right where it refuses; a stream of its own is one that it
        // keeps, for those who come back.
        None if exchange.status().is_some_and(|status| status < 400) => None,
        None => Some(Meant::failure()),
    }
}

/// What the application of a client that is an SDK made of its last answer; nothing where it left, or
/// where the provider meant no chat completion.
pub fn seen_by(run: &Run<'_>, client: &Name) -> Option<Outcome> {
    let mut seen = Seen::default().waits();
    for event in run.trace.events.iter().filter(|event| event.actor == *client) {
        match &event.fact {
            Fact::Client(ClientFact::Saw(Sight::Answer { said, tool_arguments, finish })) => {
                seen.words.clone_from(said);
                seen.tool_arguments.clone_from(tool_arguments);
                seen.finish.clone_from(finish);
            }
            Fact::Client(ClientFact::Saw(Sight::Error { text })) => seen = seen.fails(text, None),
            Fact::Client(ClientFact::Saw(Sight::End)) => seen.end = chunks::End::Over,
            Fact::Client(ClientFact::Left { .. }) => return None,
            Fact::Packet(_)
            | Fact::Arrived { .. }
            | Fact::Socket(..)
            | Fact::Client(_)
            | Fact::Provider(_)
            | Fact::Middlebox(..)
            | Fact::World(_)
            | Fact::Logged { .. } => {}
        }
    }
    let asked = run.exchanges.iter().enumerate().rfind(|(_, one)| one.client == *client);
    let meant = match asked {
        Some((index, exchange)) => meant(run, index, exchange)?,
        None => Meant::failure(),
    };
    Some(Outcome::of(&seen, &meant))
}

fn sees(profile: &Profile, received: &Received<'_>) -> Seen {
    (profile.sees)(received)
}

/// What the provider sent, as a client at its side would have got it.
fn sent(answer: &Answer) -> Received<'_> {
    let end = match answer.ended.map(|(_, how)| how) {
        Some(End::Clean | End::NoTerminator | End::CloseIdleAfter(_)) => Ending::Complete,
        Some(End::Truncated | End::Fin | End::HalfClose | End::Goaway(_)) => Ending::Truncated,
        Some(End::Reset | End::StreamReset(_)) => Ending::Reset,
        Some(End::Hold) | None => Ending::Silent,
    };
    Received {
        status: answer.status().unwrap_or(502),
        headers: &answer.answer_headers,
        body: &answer.body.bytes,
        end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exchange::testing::{STREAM, Story},
        scenario::Leave,
    };

    const ONE: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"},\"finish_reason\":null}]}\n\n";
    const STOP: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

    fn of(story: &Story, sdk: &str) -> Vec<(&'static str, &'static str)> {
        let run = Run::of(&story.trace, &story.plan);
        let all = readings(&run);
        assert_eq!(all.len() % ALL.len(), 0);
        let of_sdk = all.iter().filter(|reading| reading.sdk == sdk);
        of_sdk.map(|reading| (reading.outcome.name(), reading.direct.name())).collect()
    }

    #[test]
    fn a_relay_that_loses_the_end_deceives_and_a_direct_connection_does_not() {
        let mut story = Story::streaming();
        story.provides(1, "reader", &format!("{ONE}{STOP}"));
        story.passes(1, "reader", ONE);
        story.finishes(2, "reader");
        for profile in ALL {
            assert_eq!(of(&story, profile.name), [("no finish", "whole")]);
        }
    }

    #[test]
    fn a_relay_that_tells_of_a_provider_that_ended_too_early_is_better_than_none() {
        let mut story = Story::streaming();
        story.provides(1, "reader", ONE);
        story.passes(1, "reader", ONE);
        story.provider_ends(2, "reader", End::NoTerminator);
        story.passes(2, "reader", "data: {\"error\":{\"message\":\"gone\"}}\n\n");
        story.closes(2, "reader", BodyEnd::Complete);
        assert_eq!(of(&story, "go-openai"), [("error", "silent truncation")]);
    }

    #[test]
    fn who_left_and_what_is_no_chat_completion_is_left_out() {
        let mut story = Story::streaming();
        story.provides(1, "reader", ONE);
        story.passes(1, "reader", ONE);
        story.leaves(2, "reader", Leave::Fin);
        assert_eq!(of(&story, "go-openai"), []);
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: event 1\n\n");
        story.finishes(2, "reader");
        assert_eq!(of(&story, "go-openai"), []);
    }

    #[test]
    fn a_refusal_is_an_error_and_silence_is_a_stall() {
        let mut story = Story::new();
        story.asks(0, "reader");
        story.replies(0, "reader", 502, &[]);
        story.closes(0, "reader", BodyEnd::Complete);
        assert_eq!(of(&story, "ai-sdk-6"), [("error", "error")]);
        let mut story = Story::new();
        story.asks(0, "reader");
        story.replies(0, "reader", 200, STREAM);
        assert_eq!(of(&story, "ai-sdk-6"), []);
    }
}

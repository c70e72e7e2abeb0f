//! The output items of an answer, and what a stream tells of each.

use super::shape;
use crate::{
    content::{Choice, Completion, Speech, Text, ToolCall},
    dialect::logprobs::Logprobs,
};

/// An output item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) id: &'a str,
    pub(super) index: u64,
    pub(super) choice: &'a Choice,
    pub(super) kind: Kind<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Message(&'a Speech),
    Call(&'a ToolCall),
}

/// What an event tells of an item.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    Added,
    PartAdded,
    /// The piece of that index.
    Delta(u64),
    WordsDone,
    PartDone,
    Done,
}

/// A choice's message, where it says anything in words, and its calls; then the next choice's.
pub(super) fn items<'a>(ids: &'a [String], completion: &'a Completion) -> Vec<Item<'a>> {
    let kinds = completion.choices.iter().flat_map(|choice| {
        let speech = choice.speech.words().map(|_| Kind::Message(&choice.speech));
        let calls = choice.calls.iter().map(Kind::Call);
        speech.into_iter().chain(calls).map(move |kind| (choice, kind))
    });
    let ids = ids.iter().map(String::as_str).chain(std::iter::repeat(""));
    let items = kinds.zip(ids).zip(0..);
    items.map(|(((choice, kind), id), index)| Item { id, index, choice, kind }).collect()
}

/// Why an answer is not complete, where it is not.
pub(super) fn incomplete_reason(choice: &Choice) -> Option<&'static str> {
    match choice.finish.as_ref() {
        "length" => Some("max_output_tokens"),
        "content_filter" => Some("content_filter"),
        _ => None,
    }
}

impl<'a> Item<'a> {
    /// What a stream tells of it, in order.
    pub(super) fn moments(self) -> impl Iterator<Item = (Self, Moment)> + Send {
        let (before, after): (&[_], &[_]) = match self.kind {
            Kind::Message(_) => (
                &[Moment::Added, Moment::PartAdded],
                &[Moment::WordsDone, Moment::PartDone, Moment::Done],
            ),
            Kind::Call(_) => (&[Moment::Added], &[Moment::WordsDone, Moment::Done]),
        };
        let deltas = (0..self.pieces()).map(Moment::Delta);
        let moments = before.iter().copied().chain(deltas).chain(after.iter().copied());
        moments.map(move |moment| (self, moment))
    }

    /// How many they are.
    pub(super) fn moments_count(&self) -> u64 {
        let around = match self.kind {
            Kind::Message(_) => 5,
            Kind::Call(_) => 3,
        };
        self.pieces() + around
    }

    pub(super) fn words(self) -> Option<&'a Text> {
        match self.kind {
            Kind::Message(speech) => speech.words(),
            Kind::Call(call) => Some(&call.arguments),
        }
    }

    fn pieces(&self) -> u64 {
        self.words().map_or(0, Text::pieces)
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self.kind, Kind::Message(Speech::Text(_)))
    }

    /// The types of its delta events, and of the one that tells all its words.
    pub(super) fn kinds(self) -> (&'static str, &'static str) {
        match self.kind {
            Kind::Message(Speech::Refusal(_)) => {
                ("response.refusal.delta", "response.refusal.done")
            }
            Kind::Message(_) => ("response.output_text.delta", "response.output_text.done"),
            Kind::Call(_) => {
                ("response.function_call_arguments.delta", "response.function_call_arguments.done")
            }
        }
    }

    /// As it is before anything of it was said.
    pub(super) fn added(self) -> shape::Item<'a> {
        match self.kind {
            Kind::Message(_) => shape::Item::message(self.id, "in_progress", Vec::new()),
            Kind::Call(call) => shape::Item::call(self.id, "in_progress", call, None),
        }
    }

    /// As it is once all of it was said.
    pub(super) fn done(&self) -> shape::Item<'a> {
        let is_cut = incomplete_reason(self.choice).is_some();
        let status = if is_cut { "incomplete" } else { "completed" };
        match self.kind {
            Kind::Message(_) => {
                shape::Item::message(self.id, status, self.part_done().into_iter().collect())
            }
            Kind::Call(call) => {
                shape::Item::call(self.id, status, call, Some(call.arguments.whole()))
            }
        }
    }

    pub(super) fn part_added(self) -> Option<shape::Part<'a>> {
        match self.kind {
            Kind::Message(Speech::Text(_)) => {
                Some(shape::Part::text(None, Logprobs::none(self.choice)))
            }
            Kind::Message(Speech::Refusal(_)) => Some(shape::Part::refusal(None)),
            Kind::Message(Speech::Silent) | Kind::Call(_) => None,
        }
    }

    pub(super) fn part_done(self) -> Option<shape::Part<'a>> {
        match self.kind {
            Kind::Message(Speech::Text(text)) => {
                Some(shape::Part::text(Some(text.whole()), Logprobs::all(self.choice)))
            }
            Kind::Message(Speech::Refusal(text)) => Some(shape::Part::refusal(Some(text.whole()))),
            Kind::Message(Speech::Silent) | Kind::Call(_) => None,
        }
    }
}

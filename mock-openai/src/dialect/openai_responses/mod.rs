//! The Responses API of `OpenAI`: named events with sequence numbers, and no `[DONE]`.

mod items;
mod shape;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::{
    items::{Item, Kind, Moment, items},
    shape::{Event, Response, Status},
};
use super::{Dialect, Envelope, Frames, frame, logprobs::Logprobs};
use crate::{content::Completion, identity::Identity};

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiResponses;

impl Dialect for OpenaiResponses {
    /// The API knows one answer a request: each of several is output items of its own.
    fn ids(&self, identity: &Identity, completion: &Completion) -> (String, Vec<String>) {
        let prefix = |item: Item<'_>| match item.kind {
            Kind::Message(_) => "msg_",
            Kind::Call(_) => "fc_",
        };
        let items = items(&[], completion).into_iter().enumerate();
        let ids = items.map(|(at, item)| identity.item_id(prefix(item), at)).collect();
        (identity.response_id(), ids)
    }

    fn frames<'a>(&self, envelope: &'a Envelope, completion: &'a Completion) -> Frames<'a> {
        let first = envelope.first_sequence_number;
        let begins = ["response.created", "response.in_progress"].into_iter().zip(0..);
        let begins = begins.map(move |(kind, nth)| {
            let response = Response::new(envelope, Status::InProgress, Vec::new(), None);
            of_response(kind, first + nth, response)
        });
        let items = items(&envelope.items, completion);
        let count: u64 = items.iter().map(Item::moments_count).sum();
        let moments = items.into_iter().flat_map(Item::moments).zip(first + 2..);
        let moments =
            moments.map(|((item, moment), number)| of_item(envelope, item, moment, number));
        let ends = std::iter::once_with(move || ending(envelope, completion, first + 2 + count));
        Box::new(begins.chain(moments).chain(ends))
    }

    /// What ends a stream tells the whole answer, so nothing else can.
    fn terminator(&self) -> Option<Bytes> {
        None
    }

    fn whole(&self, envelope: &Envelope, completion: &Completion) -> String {
        let whole = complete(envelope, completion);
        serde_json::to_string(&whole).expect("strings and numbers always have a JSON form")
    }
}

/// The `response.failed` event with an error's code and message.
pub(crate) fn failed(envelope: &Envelope, code: &'static str, message: &'static str) -> Bytes {
    let response = Response::new(envelope, Status::Failed { code, message }, Vec::new(), None);
    of_response("response.failed", envelope.first_sequence_number, response)
}

fn of_response(kind: &'static str, sequence_number: u64, response: Response<'_>) -> Bytes {
    let response = Some(response);
    frame::event(kind, &Event { kind, sequence_number, response, ..Event::default() })
}

/// The answer as it is once all of it was said.
fn complete<'a>(envelope: &'a Envelope, completion: &'a Completion) -> Response<'a> {
    let reason = completion.choices.iter().find_map(items::incomplete_reason);
    let status = reason.map_or(Status::Completed, |reason| Status::Incomplete { reason });
    let items = items(&envelope.items, completion);
    let output = items.iter().map(Item::done).collect();
    Response::new(envelope, status, output, completion.usage)
}

fn ending(envelope: &Envelope, completion: &Completion, number: u64) -> Bytes {
    let response = complete(envelope, completion);
    let kind = match response.status() {
        "incomplete" => "response.incomplete",
        _ => "response.completed",
    };
    of_response(kind, number, response)
}

fn of_item(envelope: &Envelope, item: Item<'_>, moment: Moment, number: u64) -> Bytes {
    let mut event = Event {
        sequence_number: number,
        item_id: Some(item.id),
        output_index: Some(item.index),
        ..Event::default()
    };
    match moment {
        Moment::Added => {
            event.kind = "response.output_item.added";
            (event.item_id, event.item) = (None, Some(item.added()));
        }
        Moment::Done => {
            event.kind = "response.output_item.done";
            (event.item_id, event.item) = (None, Some(item.done()));
        }
        Moment::PartAdded => {
            event.kind = "response.content_part.added";
            (event.content_index, event.part) = (Some(0), item.part_added());
        }
        Moment::PartDone => {
            event.kind = "response.content_part.done";
            (event.content_index, event.part) = (Some(0), item.part_done());
        }
        Moment::Delta(index) => delta(&mut event, envelope, item, index),
        Moment::WordsDone => words_done(&mut event, item),
    }
    frame::event(event.kind, &event)
}

fn delta<'a>(event: &mut Event<'a>, envelope: &Envelope, item: Item<'a>, index: u64) {
    let Some(words) = item.words() else { return };
    event.kind = item.kinds().0;
    if let Kind::Message(_) = item.kind {
        event.content_index = Some(0);
    }
    if item.is_text() {
        event.logprobs = Some(Logprobs::one(item.choice, index));
    }
    let piece = words.piece(index);
    let padding = envelope.obfuscation.as_ref();
    event.obfuscation = padding.map(|p| p.for_delta(event.sequence_number, piece.len()));
    event.delta = Some(piece);
}

fn words_done<'a>(event: &mut Event<'a>, item: Item<'a>) {
    let whole = item.words().map(|words| words.whole());
    event.kind = item.kinds().1;
    match item.kind {
        Kind::Call(_) => event.arguments = whole,
        Kind::Message(_) if item.is_text() => {
            (event.content_index, event.text) = (Some(0), whole);
            event.logprobs = Some(Logprobs::all(item.choice));
        }
        Kind::Message(_) => (event.content_index, event.refusal) = (Some(0), whole),
    }
}

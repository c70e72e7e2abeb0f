//! Whether a `stream` says what can be said together.

use super::{answer::check_reach, check_count, check_one_of, pause::check_pause};
use crate::{
    script::{Choices, Dialect, Extent, Step, Stream},
    yaml::{Diagnostic, Place},
};

pub(super) fn check_stream(stream: &Stream, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    check_count(stream.chunks, place.key("chunks"), wrong);
    if stream.chunk_size.is_some_and(|size| size.0 == 0) {
        wrong.push(place.key("chunk_size").wrong("a chunk of no bytes carries nothing"));
    }
    if let Some(every) = &stream.every {
        check_pause(every, place.key("every"), wrong);
    }
    check_words(stream.text.as_ref(), stream.refusal.as_ref(), place, wrong);
    if let Some(choices) = &stream.choices {
        check_choices(stream, choices, place.key("choices"), wrong);
    }
    let Some(stop) = stream.stop else { return };
    let whole =
        Extent::of_steps(&[Step::Stream(Box::new(Stream { stop: None, ..stream.clone() }))]);
    let place = place.key("stop").key("after");
    check_reach(stop.after, whole, "the stream", place, wrong);
}

fn check_words(
    text: Option<&String>,
    refusal: Option<&String>,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    if text.is_some() && refusal.is_some() {
        let of = "a refusal stands in the place of the text";
        check_one_of(&["text", "refusal"], of, place, wrong);
    }
}

fn check_choices(
    stream: &Stream,
    choices: &Choices,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    /// The API's own bound of `n`.
    const CHOICES_MAX: u64 = 128;
    let count = match choices {
        Choices::Count(count) => *count,
        Choices::Given(given) => given.len() as u64,
    };
    if !(1..=CHOICES_MAX).contains(&count) {
        let message = format!("an answer has no {count} choices");
        wrong.push(place.wrong(message).wanted("wanted: 1 to 128"));
    }
    if count > 1 && stream.dialect == Some(Dialect::OpenaiResponses) {
        let message = "the Responses API gives one answer to a request";
        let help = "leave `choices` out, or write `dialect: openai-chat`";
        wrong.push(place.at_key().wrong(message).help(help));
    }
    if let Choices::Given(given) = choices {
        for (index, choice) in given.iter().enumerate() {
            let place = place.nth(index);
            check_words(choice.text.as_ref(), choice.refusal.as_ref(), place, wrong);
        }
    }
}

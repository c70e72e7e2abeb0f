//! How a response ended, in the words of the scenario language.

use crate::{exchange::Exchange, scenario::EndsHow, trace::BodyEnd};

/// How a response ended as its client saw it; `None` while it is still open.
///
/// The first that fits: the client left; an error event came; a status of 400 or more; broken
/// framing, or no head at all; a stream's end without its terminator; a clean end.
pub fn ending(exchange: &Exchange) -> Option<EndsHow> {
    let frames = exchange.frames();
    let error = frames.iter().any(|(_, frame)| frame.error().is_some());
    let done = frames.iter().any(|(_, frame)| frame.is_done());
    let Some((_, how)) = exchange.ended else {
        return exchange.left.map(|_| EndsHow::Left);
    };
    Some(if error {
        EndsHow::ErrorEvent
    } else if how != BodyEnd::Complete || exchange.head.is_none() {
        EndsHow::Broken
    } else if exchange.status().is_some_and(|status| status >= 400) {
        EndsHow::Status
    } else if exchange.is_stream() && !done {
        EndsHow::NoTerminator
    } else {
        EndsHow::Clean
    })
}

/// An ending as the language spells it.
pub(super) fn word(how: EndsHow) -> &'static str {
    match how {
        EndsHow::Clean => "clean",
        EndsHow::NoTerminator => "no_terminator",
        EndsHow::ErrorEvent => "error_event",
        EndsHow::Broken => "broken",
        EndsHow::Status => "status",
        EndsHow::Left => "left",
    }
}

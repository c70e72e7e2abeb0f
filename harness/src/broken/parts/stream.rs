//! Edits a body as it passes.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::{Blocks, Body, Item, Tail, error_object};

/// A body whose first error is its last item: one of HTTP/2 would tell it again for ever.
pub(super) fn up_to_its_error(body: Body) -> Body {
    let items = stream::unfold(Some(body), async |body| {
        let mut body = body?;
        let item = body.next().await?;
        let rest = item.is_ok().then_some(body);
        Some((item, rest))
    });
    items.boxed()
}

/// Passes on what `step` makes of each item, and of the end, which is `None`.
pub(in crate::broken) fn edit(
    body: Body,
    mut step: impl FnMut(Option<Item>) -> Vec<Item> + Send + 'static,
) -> Body {
    let end = stream::once(async { None });
    body.map(Some).chain(end).flat_map(move |item| stream::iter(step(item))).boxed()
}

/// Adds what `last` makes of where the stream stands at its end, be it a good one or a bad one.
pub(in crate::broken) fn with_last_word(body: Body, last: fn(&Tail) -> Option<Bytes>) -> Body {
    let mut tail = Tail::default();
    edit(body, move |item| {
        let mut leaving = Vec::new();
        match &item {
            Some(Ok(bytes)) => tail.push(bytes),
            Some(Err(_)) | None => leaving.extend(last(&tail).map(Ok)),
        }
        leaving.extend(item);
        leaving
    })
}

/// Passes on what `step` makes of each whole block. What is unfinished at the end passes as it is.
pub(in crate::broken) fn edit_blocks(
    body: Body,
    mut step: impl FnMut(Bytes) -> Option<Bytes> + Send + 'static,
) -> Body {
    let mut blocks = Blocks::default();
    edit(body, move |item| match item {
        Some(Ok(bytes)) => blocks.push(&bytes).into_iter().filter_map(&mut step).map(Ok).collect(),
        Some(Err(error)) => vec![Ok(blocks.rest()), Err(error)],
        None => vec![Ok(blocks.rest())],
    })
}

/// Tells the client of a broken stream: by an error event where that can stand between whole
/// events, and in any case by a body that does not end as it should.
pub(in crate::broken) fn with_error_event(body: Body) -> Body {
    let mut tail = Tail::default();
    edit(body, move |item| match item {
        Some(Ok(bytes)) => {
            tail.push(&bytes);
            vec![Ok(bytes)]
        }
        Some(Err(error)) if tail.takes_more() => {
            vec![Ok(error_event(&error.to_string())), Err(error)]
        }
        Some(Err(error)) => vec![Err(error)],
        None => vec![],
    })
}

/// An error as an event of a chat's stream.
pub(in crate::broken) fn error_event(why: &str) -> Bytes {
    let message = format!("the provider's stream broke: {why}");
    Bytes::from(format!("data: {}\n\n", error_object(&message, "upstream_error")))
}

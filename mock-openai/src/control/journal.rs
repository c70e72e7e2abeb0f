//! `GET /__mock/journal`: what the provider saw and did, filtered by the query.

use serde_json::json;

use super::{
    Context,
    reply::{JSON, Reply},
};
use crate::journal::{Query, Store, Told, millis};

/// One entry a line, so that it reads in a terminal too.
pub(super) fn get(context: &Context<'_>) -> Reply {
    let target = &context.request.head.target;
    let query = target.split_once('?').map_or("", |(_, query)| query);
    match Query::parse(query) {
        Err(why) => Reply::error(context.request, 400, &why),
        Ok(query) => match text(context.store, &query) {
            Ok(text) => Reply::new(200, JSON, text),
            Err(error) => Reply::error(context.request, 500, &error.to_string()),
        },
    }
}

/// `next` is what `since` wants to be in the next query, to see only what came after this one.
fn text(store: &Store, query: &Query) -> serde_json::Result<Vec<u8>> {
    let entries = store.select(query);
    let summary = json!({
        "now_ms": millis(store.now()),
        "dropped": store.dropped(),
        "next": store.next(),
    })
    .to_string();
    let mut text = summary.into_bytes();
    // The closing brace makes room for one more key.
    text.pop();
    text.extend(b",\"entries\":[");
    for (index, seen) in entries.iter().enumerate() {
        text.extend(if index == 0 { &b"\n"[..] } else { b",\n" });
        serde_json::to_writer(&mut text, &Told(seen))?;
    }
    text.extend(b"\n]}\n");
    Ok(text)
}

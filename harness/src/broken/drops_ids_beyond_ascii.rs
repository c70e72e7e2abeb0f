//! Passes on what it can print.

use axum::Router;
use http::HeaderName;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "drops-ids-beyond-ascii",
    mistake: "takes a Last-Event-ID that is not ASCII for none",
    made_by: "apify/impit PR#434: `HeaderValue::to_str` refuses what is no visible ASCII, and an empty text \
              takes its place",
    caught_by: &["last-event-id-passes"],
    server: Server::RIGHT,
    relay,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

fn relay(setup: Setup) -> Router {
    parts::changing_calls(setup, |call| {
        // `to_str` knows visible ASCII alone.
        if call.headers.get(LAST_EVENT_ID).is_some_and(|id| id.to_str().is_err()) {
            call.headers.remove(LAST_EVENT_ID);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn an_id_of_ascii_arrives_and_another_does_not() {
        let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
        for (id, arrives) in [("stream-7", true), ("größe-7", false)] {
            let mut request = chat();
            request.headers_mut().insert(LAST_EVENT_ID, id.parse().unwrap());
            ask(relay, &provider, request.map(|_| "{}".into())).await;
            assert_eq!(provider.asked().headers().contains_key(LAST_EVENT_ID), arrives, "{id}");
        }
    }
}

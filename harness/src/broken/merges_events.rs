//! Passes events on two by two.

use axum::Router;
use bytes::BytesMut;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "merges-events",
    mistake: "holds every other event until the next one comes, and writes both at once",
    made_by: "maximhq/bifrost PR#2204: fasthttp's pipe writer merged events into bursts",
    caught_by: &["prompt-frames", "headers-first", "bounded-memory", "no-head-of-line"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        let mut waiting = BytesMut::new();
        let mut blocks = parts::Blocks::default();
        parts::edit(body, move |item| {
            let mut leaving = Vec::new();
            let bytes = match &item {
                Some(Ok(bytes)) => &bytes[..],
                Some(Err(_)) | None => &[],
            };
            for block in blocks.push(bytes) {
                let is_second = !waiting.is_empty();
                waiting.extend_from_slice(&block);
                if is_second {
                    leaving.push(Ok(waiting.split().freeze()));
                }
            }
            if !matches!(item, Some(Ok(_))) {
                waiting.extend_from_slice(&blocks.rest());
                leaving.push(Ok(waiting.split().freeze()));
            }
            if let Some(Err(error)) = item {
                leaving.push(Err(error));
            }
            leaving
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn every_other_event_comes_with_the_next_one() {
        let event = |n: u8| send(&format!("data: {n}\n\n"));
        let acts = vec![event(1), wait(20), event(2), wait(20), event(3), wait(20), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        let expected = [
            (20, "data: 1\n\ndata: 2\n\n".to_owned()),
            (60, "data: 3\n\ndata: [DONE]\n\n".to_owned()),
        ];
        assert_eq!(seen.pieces, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn an_odd_event_comes_at_the_end() {
        let acts = vec![send("data: 1\n\ndata: 2\n\n"), wait(20), send("data: 3\n\nda")];
        let seen = ask(relay, &Provider::new(vec![Reply::stream(acts)]), chat()).await;
        assert_eq!(seen.text(), "data: 1\n\ndata: 2\n\ndata: 3\n\nda");
    }
}

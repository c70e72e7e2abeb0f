//! Writes and does not flush: what leaves when is up to a buffer.

use axum::Router;
use bytes::BytesMut;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "forgets-flush",
    mistake: "passes bytes on when 4 KiB have come together, or the answer is over",
    made_by: "traefik/traefik#503: Go's ResponseWriter without Flush; speakeasy-api/gram PR#4961: a \
              wrapper for the log hides Flush, and nobody calls it; \
              the Gin handler of a widely read tutorial",
    caught_by: &["prompt-frames", "headers-first", "no-head-of-line"],
    server: Server::RIGHT,
    relay,
};

/// Go's `net/http` puts a buffer of 4 KiB before each connection (`newBufioWriterSize(.., 4<<10)`).
const BUFFER_BYTES: usize = 4 << 10;

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, without_flush)
}

/// What comes out of the buffer: all of it when it is full, and at the end.
pub(super) fn without_flush(body: parts::Body) -> parts::Body {
    let mut buffer = BytesMut::new();
    parts::edit(body, move |item| match item {
        Some(Ok(bytes)) => {
            buffer.extend_from_slice(&bytes);
            let is_full = buffer.len() >= BUFFER_BYTES;
            if is_full { vec![Ok(buffer.split().freeze())] } else { vec![] }
        }
        Some(Err(error)) => vec![Ok(buffer.split().freeze()), Err(error)],
        None => vec![Ok(buffer.split().freeze())],
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Act, DONE, Provider, Reply, Seen, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn small_events_wait_for_the_end_and_large_ones_for_4_kib() {
        let acts = vec![send("data: 1\n\n"), wait(20), send("data: 2\n\n"), wait(20), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.pieces, [(40, "data: 1\n\ndata: 2\n\ndata: [DONE]\n\n".to_owned())]);
        let times = |seen: &Seen| seen.pieces.iter().map(|piece| piece.0).collect::<Vec<_>>();
        assert_eq!(times(&ask(parts::right, &provider, chat()).await), [0, 20, 40]);

        let large = format!("data: {}\n\n", "x".repeat(3 << 10));
        let acts = vec![send(&large), wait(20), send(&large), wait(20), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        assert_eq!(times(&ask(relay, &provider, chat()).await), [20, 40]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_is_told_after_what_was_held() {
        let acts = vec![send("data: 1\n\n"), wait(20), Act::Break];
        let seen = ask(relay, &Provider::new(vec![Reply::stream(acts)]), chat()).await;
        assert!(seen.text().starts_with("data: 1\n\ndata: {\"error\":"), "{seen:?}");
        assert!(seen.broke);
    }
}

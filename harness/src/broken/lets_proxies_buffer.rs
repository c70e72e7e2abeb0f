//! Tells what stands before it nothing.

use axum::Router;
use http::header;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "lets-proxies-buffer",
    mistake: "says neither Cache-Control: no-cache nor X-Accel-Buffering: no, so that proxies before \
              it cache and buffer as they like",
    made_by: "ggml-org/llama.cpp PR#20872: no headers against buffering, and the page hangs behind \
              nginx; dstackai/dstack#4269: nginx holds 16 KiB of tokens",
    caught_by: &["no-transform", "prompt-frames"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_answers(setup, |answer| {
        if answer.is_event_stream() {
            answer.headers.remove(header::CACHE_CONTROL);
            answer.headers.remove("x-accel-buffering");
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
    async fn a_stream_says_nothing_to_proxies() {
        let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
        let words = ["cache-control", "x-accel-buffering"];
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(words.map(|name| seen.header(name)), [None, None]);
        let right = ask(parts::right, &provider, chat()).await;
        assert_eq!(words.map(|name| right.header(name)), [Some("no-cache"), Some("no")]);
    }
}

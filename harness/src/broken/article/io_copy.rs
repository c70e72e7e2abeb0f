//! Section 3.2: the provider's body, copied by `io.Copy`.

use axum::Router;

use super::{Broken, Server, Setup, forgets_flush::without_flush, parts};

pub(in crate::broken) const BROKEN: Broken = Broken {
    name: "article-io-copy",
    mistake: "copies the provider's body by io.Copy, which reads up to 32 KiB at a time and flushes \
              nothing",
    made_by: "the proxy of a widely read Gin tutorial",
    caught_by: &["prompt-frames", "headers-first", "no-head-of-line"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, without_flush)
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn half_an_event_leaves_when_the_buffer_is_full() {
        let half = "x".repeat(4 << 10);
        let acts = vec![send("data: "), wait(500), send(&half), wait(500), send("\n\n")];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        let times: Vec<u128> = seen.pieces.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [500, 1_000]);
    }
}

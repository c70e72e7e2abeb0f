//! Gives each call thirty seconds, from its first byte to its last.

use std::time::Duration;

use axum::Router;
use tokio::time::{Instant, timeout_at};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "thirty-second-timeout",
    mistake: "calls its provider through a client with a total time-out of 30 s, which also covers \
              the body",
    made_by: "inference-gateway/inference-gateway PR#427: streams are cut at about 30 s; \
              NVIDIA/nvcf#1060: a deadline of 15 s ends healthy streams",
    caught_by: &["no-total-deadline"],
    server: Server::RIGHT,
    relay,
};

/// Go's `http.Client{Timeout: 30 * time.Second}`, as examples have it.
pub(super) const TOTAL: Duration = Duration::from_secs(30);

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let deadline = Instant::now() + TOTAL;
        let response = timeout_at(deadline, call.send(&upstream)).await??;
        let answer = parts::Answer::from(response);
        Ok(answer
            .change_stream(|body| parts::with_error_event(parts::in_time(body, move || deadline))))
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_stream_of_forty_seconds_is_cut_at_thirty() {
        let acts = vec![send("data: 1\n\n"), wait(20_000), send("data: 2\n\n"), wait(20_000)];
        let provider = Provider::new(vec![Reply::stream([acts, vec![send(DONE)]].concat())]);
        let seen = ask(relay, &provider, chat()).await;
        assert!(seen.broke);
        assert_eq!(seen.pieces.last().map(|(at, _)| *at), Some(30_000));
        assert!(seen.text().starts_with("data: 1\n\ndata: 2\n\ndata: {\"error\""), "{seen:?}");
        let right = ask(parts::right, &provider, chat()).await;
        assert!(!right.broke && right.text().ends_with(DONE));
    }
}

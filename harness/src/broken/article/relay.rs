//! The whole of it, as a reader puts it together.

use std::time::Duration;

use axum::Router;
use tokio::time::{Instant, timeout_at};

use super::{
    Broken, Server, Setup, cors_sample::sampled, forgets_flush::without_flush, parts,
    retry_anything::insisted, thirty_second_timeout::TOTAL, thirty_seconds::whatever_comes,
    ticker_heartbeat::ticking,
};

pub(in crate::broken) const BROKEN: Broken = Broken {
    name: "article-relay",
    mistake: "copies by io.Copy, under a time-out of 30 s, with a ticker for a heartbeat, an \
              interceptor that tries everything again, and the sample's CORS headers",
    made_by: "the reader of a widely read Gin tutorial who follows all of it",
    caught_by: &[
        "prompt-frames",
        "headers-first",
        "no-head-of-line",
        "honest-ending",
        "no-total-deadline",
        "heartbeat-when-idle",
        "own-bytes-between-events",
        "nothing-left",
        "payload-intact",
        "stalled-reader-ends",
        "storm-is-damped",
        "preflight-without-auth",
        "cors-credentials",
    ],
    server: Server { stalled: None, ..Server::RIGHT },
    relay,
};

const PERIOD: Duration = Duration::from_secs(15);

fn relay(mut setup: Setup) -> Router {
    let origins = setup.origins();
    let period = setup.take_heartbeat().unwrap_or(PERIOD);
    let bare = parts::without_cors(setup, move |upstream, call| async move {
        let deadline = Instant::now() + TOTAL;
        let response = timeout_at(deadline, insisted(&upstream, &call)).await??;
        let answer = parts::Answer::from(response);
        Ok(answer.change_stream(|body| {
            without_flush(ticking(whatever_comes(parts::in_time(body, move || deadline)), period))
        }))
    });
    sampled(bare, origins)
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_long_answer_comes_in_one_piece_is_cut_and_looks_whole() {
        let acts =
            vec![send("data: 1\n\n"), wait(20_000), send("data: 2\n\n"), wait(20_000), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        // Pings after 12 s and 24 s: none falls on the end.
        let seen = ask(relay, &provider.switched("heartbeat", "12s"), chat()).await;
        let text = "data: 1\n\n: ping\n\ndata: 2\n\n: ping\n\n".to_owned();
        assert_eq!(seen.pieces, [(30_000, text)]);
        assert!(!seen.broke);
    }
}

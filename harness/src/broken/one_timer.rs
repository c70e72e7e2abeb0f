//! Has one clock for the first token and for every other.

use std::time::Duration;

use axum::Router;
use tokio::time::{Instant, timeout};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "one-timer",
    mistake: "bears as much silence before the first token as between two, since its timer begins at the \
              provider's head",
    made_by: "BlockRunAI/Franklin#74: the idle timer also governs the time to the first token where the \
              provider flushes its headers early",
    caught_by: &["separate-budgets"],
    server: Server { switches: &["first_byte", "idle"], ..Server::RIGHT },
    relay,
};

fn relay(setup: Setup) -> Router {
    let budgets = (setup.time("first_byte"), setup.time("idle"));
    parts::relay(setup, move |upstream, call| async move {
        let (first_byte, idle) = budgets;
        // It is meant for the first byte, and ends with the head.
        let response = timeout(first_byte.unwrap_or(Duration::MAX), call.send(&upstream)).await??;
        let answer = parts::Answer::from(response);
        Ok(answer.change_stream(|body| {
            parts::with_error_event(match idle {
                Some(idle) => parts::in_time(body, move || Instant::now() + idle),
                None => body,
            })
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_first_token_after_twenty_seconds_comes_too_late() {
        let thinking = Reply::stream(vec![wait(20_000), send(DONE)]);
        let provider = Provider::new(vec![thinking]);
        let provider = provider.switched("first_byte", "60s").switched("idle", "10s");
        let seen = ask(relay, &provider, chat()).await;
        assert!(seen.broke);
        assert_eq!(seen.pieces.last().map(|(at, _)| *at), Some(10_000));
        assert_eq!(ask(parts::right, &provider, chat()).await.text(), DONE);
    }
}

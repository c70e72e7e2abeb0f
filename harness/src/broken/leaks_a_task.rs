//! Starts a timer for each stream and never stops it.

use std::time::Duration;

use axum::Router;
use tokio::time::sleep;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "leaks-a-task",
    mistake: "starts a task for each stream that goes on for ever after it",
    made_by: "a widely read tutorial: its heartbeat timer is never cleared when the client goes; \
              ollama/ollama PR#17135: a producer that nobody wakes",
    caught_by: &["nothing-left"],
    server: Server::RIGHT,
    relay,
};

const PERIOD: Duration = Duration::from_secs(15);

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        tokio::spawn(async {
            loop {
                sleep(PERIOD).await;
            }
        });
        body
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    /// Tasks that are left an hour after three streams.
    async fn tasks_left(relay: fn(Setup) -> Router) -> usize {
        let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let before = alive();
        for _ in 0..3 {
            let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
            assert_eq!(ask(relay, &provider, chat()).await.text(), DONE);
        }
        sleep(Duration::from_hours(1)).await;
        alive() - before
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_is_left_for_each_stream() {
        assert_eq!(tasks_left(relay).await, 3);
        assert_eq!(tasks_left(parts::right).await, 0);
    }
}

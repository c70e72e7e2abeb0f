//! Reads each answer twice: for the client, and for its log.

use axum::Router;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "tees-for-its-log",
    mistake: "reads an answer through a tee whose branch for the log runs ahead, and queues for the \
              client all that it has not read yet",
    made_by: "tombii/better-ccflare#238: the branch of `tee()` for the analytics races ahead, and the \
              client's holds the whole answer",
    caught_by: &["bounded-memory"],
    server: Server { logs: true, ..Server::RIGHT },
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, teed)
}

/// The client's branch. It pulls nothing: the other one does, and ends when the client's is dropped.
fn teed(body: parts::Body) -> parts::Body {
    let mut log = parts::logged(body);
    let (branch, queue) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let item = tokio::select! {
                biased;
                () = branch.closed() => return,
                item = log.next() => item,
            };
            let Some(item) = item else { return };
            if branch.send(item).is_err() {
                return;
            }
        }
    });
    stream::unfold(queue, async |mut queue| Some((queue.recv().await?, queue))).boxed()
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;

    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_log_takes_everything_for_a_client_that_reads_one_event() {
        let event = format!("data: {}\n\n", "x".repeat((1 << 10) - 8));
        let taken = async |relay: fn(Setup) -> Router| {
            let acts = vec![send(&event); 1_000];
            let provider = Provider::new(vec![Reply::stream(acts)]);
            let response = relay(provider.setup()).oneshot(chat()).await.unwrap();
            let mut body = response.into_body().into_data_stream();
            body.next().await.unwrap().unwrap();
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            provider.taken()
        };
        assert_eq!(taken(relay).await, 1_000 << 10);
        assert_eq!(taken(parts::right).await, 1 << 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_keeps_up_gets_the_answer_as_it_was_sent() {
        let acts = vec![send("data: 1\n\n"), send(DONE)];
        let seen = ask(relay, &Provider::new(vec![Reply::stream(acts)]), chat()).await;
        assert_eq!(seen.text(), format!("data: 1\n\n{DONE}"));
    }
}

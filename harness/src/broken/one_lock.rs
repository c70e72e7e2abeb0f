//! Writes to one client at a time.

use std::sync::Arc;

use axum::Router;
use futures_util::{StreamExt as _, stream};
use tokio::sync::{Mutex, mpsc};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "one-lock",
    mistake: "holds one lock for all streams while it hands bytes to a client, so that the slowest \
              client sets the pace of all",
    made_by: "modelcontextprotocol/ruby-sdk PR#449: writes to every stream under one mutex, so that one \
              slow reader delays all sessions",
    caught_by: &["no-head-of-line"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    let hub = Arc::new(Mutex::new(()));
    parts::relay(setup, move |upstream, call| {
        let hub = Arc::clone(&hub);
        async move {
            let answer = parts::Answer::from(call.send(&upstream).await?);
            Ok(answer.change_stream(|body| through(hub, parts::with_error_event(body))))
        }
    })
}

/// A body that a task of its own hands on, piece by piece, under the lock.
fn through(hub: Arc<Mutex<()>>, mut body: parts::Body) -> parts::Body {
    let (hand, taken) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let item = tokio::select! {
                biased;
                () = hand.closed() => return,
                item = body.next() => item,
            };
            let Some(item) = item else { return };
            let _held = hub.lock().await;
            if hand.send(item).await.is_err() {
                return;
            }
        }
    });
    stream::unfold(taken, async |mut taken| Some((taken.recv().await?, taken))).boxed()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use tokio::time::{Instant, sleep};
    use tower::ServiceExt as _;

    use super::{
        super::parts::testing::{DONE, Provider, Reply, chat, send, wait},
        *,
    };

    /// When the second client has its whole answer, while the first takes nothing for 10 s.
    async fn second_done(relay: fn(Setup) -> Router) -> u128 {
        let events = |n| (0..n).flat_map(|_| [send("data: 1\n\n"), wait(10)]).chain([send(DONE)]);
        let provider = Provider::new(vec![Reply::stream(events(9).collect())]);
        let router = relay(provider.setup());
        let start = Instant::now();
        let slow: Body = router.clone().oneshot(chat()).await.unwrap().into_body();
        let body = router.oneshot(chat()).await.unwrap().into_body();
        let reading = tokio::spawn(async move {
            axum::body::to_bytes(body, 1000).await.unwrap();
            start.elapsed().as_millis()
        });
        sleep(Duration::from_secs(10)).await;
        drop(slow);
        reading.await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_stops_the_others() {
        assert!(second_done(relay).await >= 10_000);
        assert_eq!(second_done(parts::right).await, 90);
    }
}

//! Section 2.3: a timer that writes `:ping`.

use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::mpsc,
    time::{Instant, interval_at},
};

use super::{Broken, Server, Setup, parts};

pub(in crate::broken) const BROKEN: Broken = Broken {
    name: "article-ticker-heartbeat",
    mistake: "writes a comment from a timer of 15 s that knows nothing of events in progress, and that \
              nobody stops when the client goes",
    made_by: "the heartbeat of a widely read Gin tutorial: setInterval without its clearInterval",
    caught_by: &[
        "heartbeat-when-idle",
        "own-bytes-between-events",
        "nothing-left",
        "payload-intact",
    ],
    server: Server::RIGHT,
    relay,
};

const PERIOD: Duration = Duration::from_secs(15);

fn relay(mut setup: Setup) -> Router {
    let period = setup.take_heartbeat().unwrap_or(PERIOD);
    parts::changing_what_leaves(setup, move |body| ticking(body, period))
}

/// A body beside whose bytes a task of its own writes.
pub(super) fn ticking(body: parts::Body, period: Duration) -> parts::Body {
    let (write, written) = mpsc::unbounded_channel::<Bytes>();
    tokio::spawn(async move {
        let mut clock = interval_at(Instant::now() + period, period);
        loop {
            clock.tick().await;
            // Whether somebody takes it is nobody's question.
            let _nobody_looks = write.send(parts::HEARTBEAT);
        }
    });
    let both = stream::unfold((body, written), async |(mut body, mut written)| {
        let item = tokio::select! {
            biased;
            Some(ping) = written.recv() => Some(Ok(ping)),
            item = body.next() => item,
        }?;
        Some((item, (body, written)))
    });
    both.boxed()
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_ping_lands_inside_an_event() {
        let acts = vec![send("data: ha"), wait(15_500), send("lf\n\n"), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.text(), format!("data: ha: ping\n\nlf\n\n{DONE}"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_goes_on_after_the_stream() {
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
        let before = tasks();
        ask(relay, &provider, chat()).await;
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(tasks(), before + 1);
    }
}

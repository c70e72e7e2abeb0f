//! Beats by a clock that never looks at the stream.

use std::time::Duration;

use axum::Router;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, interval_at};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "ticks-regardless",
    mistake: "writes a comment at each tick of a fixed clock, also where frames flow",
    made_by: "everruns/everruns#603 demands it: heartbeats go out whether the stream is silent \
              or not",
    caught_by: &["heartbeat-when-idle"],
    server: Server::RIGHT,
    relay,
};

/// It asks when its heartbeats are due, and has none where they are off.
fn relay(mut setup: Setup) -> Router {
    let period = setup.take_heartbeat();
    parts::changing_what_leaves(setup, move |body| match period {
        Some(period) => ticking(body, period),
        None => body,
    })
}

/// A tick that falls into an event waits for its end: what it writes is well placed, and too much.
fn ticking(body: parts::Body, period: Duration) -> parts::Body {
    let clock = interval_at(Instant::now() + period, period);
    let state = (body, clock, parts::Tail::default());
    stream::unfold(state, async |(mut body, mut clock, mut tail)| {
        let item = tokio::select! {
            biased;
            _tick = clock.tick(), if tail.takes_more() => Some(Ok(parts::HEARTBEAT)),
            item = body.next() => item,
        }?;
        if let Ok(bytes) = &item {
            tail.push(bytes);
        }
        Some((item, (body, clock, tail)))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    /// Times of the comments in a stream of one event every 4 s, with heartbeats every 10 s.
    async fn beats(relay: fn(Setup) -> Router) -> Vec<u128> {
        let event = || [send("data: 1\n\n"), wait(4_000)];
        let acts = (0..7).flat_map(|_| event()).chain([send(DONE)]).collect();
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider.switched("heartbeat", "10s"), chat()).await;
        assert!(seen.text().ends_with(DONE), "{seen:?}");
        let comments = seen.pieces.iter().filter(|(_, text)| text.starts_with(':'));
        comments.map(|(at, _)| *at).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_never_silent_gets_comments_too() {
        assert_eq!(beats(relay).await, [10_000, 20_000]);
        assert!(beats(parts::right).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_half_event_has_none_inside_and_a_stream_without_the_switch_has_none_at_all() {
        let acts = vec![send("data: "), wait(15_000), send("1\n\n"), wait(20_000), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider.clone().switched("heartbeat", "10s"), chat()).await;
        assert!(seen.text().starts_with("data: 1\n\n: ping\n\n"), "{seen:?}");
        assert_eq!(ask(relay, &provider, chat()).await.text(), "data: 1\n\ndata: [DONE]\n\n");
    }
}

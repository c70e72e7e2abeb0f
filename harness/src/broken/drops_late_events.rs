//! Loses events: every one after the fifth, the terminator apart.

use axum::Router;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "drops-late-events",
    mistake: "passes the first five events and `[DONE]`, and drops what is between them",
    made_by: "lobehub/lobehub PR#18640: lines lost where each network read was split by itself",
    // The last event of a Responses stream is an event like any other, and lost too.
    caught_by: &[
        "payload-intact",
        "any-cut",
        "bounded-memory",
        "one-ending",
        "prompt-frames",
        "fields-survive",
        "usage-honest",
        "nothing-left",
    ],
    server: Server::RIGHT,
    relay,
};

/// Few, so that short streams show it.
const EVENTS_KEPT: u32 = 5;

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        let mut seen = 0_u32;
        parts::edit_blocks(body, move |block| {
            seen = seen.saturating_add(1);
            (seen <= EVENTS_KEPT || parts::is_done(&block)).then_some(block)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_sixth_event_is_lost_and_the_terminator_is_not() {
        let acts = (1..=8).map(|n| send(&format!("data: {n}\n\n"))).chain([send(DONE)]).collect();
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        let kept = "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\ndata: 5\n\ndata: [DONE]\n\n";
        assert_eq!(seen.text(), kept);
        let right = ask(parts::right, &provider, chat()).await;
        assert_eq!(right.text().matches("data: ").count(), 9);
    }
}

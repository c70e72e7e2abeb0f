//! Writes its heartbeat wherever the stream stands.

use std::time::Duration;

use axum::Router;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "heartbeat-inside-events",
    mistake: "after a second of silence it writes a comment, even if an event is half sent",
    made_by: "maximhq/bifrost#5905: a 1 s heartbeat between raw chunks lands inside a data line",
    caught_by: &["own-bytes-between-events", "payload-intact"],
    server: Server::RIGHT,
    relay,
};

/// Where no switch says otherwise.
const SILENCE: Duration = Duration::from_secs(1);

fn relay(mut setup: Setup) -> Router {
    let silence = setup.take_heartbeat().unwrap_or(SILENCE);
    parts::changing_what_leaves(setup, move |body| {
        parts::with_comments(body, parts::HEARTBEAT, silence, |_anywhere| true)
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_lands_inside_an_event_that_takes_longer_than_a_second() {
        let acts = vec![send("data: {\"a\":"), wait(1_500), send("1}\n\n"), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        let got = "data: {\"a\":: ping\n\n1}\n\ndata: [DONE]\n\n";
        assert_eq!(seen.text(), got);
        assert_eq!(seen.pieces[1].0, 1_000);
        let right = ask(parts::right, &provider, chat()).await;
        assert_eq!(right.text(), "data: {\"a\":1}\n\ndata: [DONE]\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_never_silent_for_a_second_passes_as_it_is() {
        let acts = vec![send("data: 1\n\n"), wait(900), send("data: 2\n\n"), wait(900), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.text(), "data: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
    }
}

//! Knows where a stream stood to the nearest ten events.

use axum::Router;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "resumes-from-blocks-of-ten",
    mistake: "keeps a stream in blocks of ten events, and resumes from the beginning of the block in \
              which the last id stands: events come twice",
    made_by: "feder-cr/invisible_playwright_mcp PR#1263: a page that comes back gets again what it has; \
              NVIDIA-AI-Blueprints/aiq#272: the cursor overshoots, and it misses what it has not",
    caught_by: &["resume-exact"],
    server: Server { switches: &["resume"], ..Server::RIGHT },
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::resuming(setup, |last, _| last / 10 * 10)
}

#[cfg(test)]
mod tests {
    use super::{super::parts::comes_back, *};

    #[tokio::test(start_paused = true)]
    async fn the_eleventh_event_comes_again() {
        let (_, rest) = comes_back(relay, "0-11").await;
        assert_eq!(rest, "data: 11\nid: 0-11\n\ndata: 12\nid: 0-12\n\n");
    }
}

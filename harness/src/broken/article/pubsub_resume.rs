//! Section 2.5: streams are fanned out by publishing.

use axum::Router;

use super::{Broken, Server, Setup, parts};

pub(in crate::broken) const BROKEN: Broken = Broken {
    name: "article-pubsub-resume",
    mistake: "publishes each event to whoever listens: a client that comes back with its last id hears \
              what is published from then on, and never what it missed",
    made_by: "the fan-out by Redis Pub/Sub of a widely read Gin tutorial",
    caught_by: &["resume-exact"],
    server: Server { switches: &["resume"], ..Server::RIGHT },
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::resuming(setup, |_, kept| kept)
}

#[cfg(test)]
mod tests {
    use super::{super::parts::comes_back, *};

    #[tokio::test(start_paused = true)]
    async fn what_was_missed_never_comes() {
        assert_eq!(comes_back(relay, "0-3").await, (200, String::new()));
    }
}

//! Refuses, and does not say until when.

use axum::Router;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "refuses-without-a-time",
    mistake: "answers 429 over its own cap without Retry-After",
    made_by: "alisaifee/flask-limiter#47 and kubestellar/console#7040: the 429 of a rate limiter without \
              Retry-After",
    caught_by: &["caps-answer-429"],
    server: Server { switches: &["max_streams_per_address"], ..Server::RIGHT },
    relay,
};

fn relay(setup: Setup) -> Router {
    let most = setup.count("max_streams_per_address");
    let cap = parts::Cap { most, gives_back: true, says_when: false };
    parts::capped(parts::right(setup), cap)
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;

    use super::{
        super::parts::testing::{DONE, Provider, Reply, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_second_of_two_is_not_told_when_to_come() {
        let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
        let relay = relay(provider.switched("max_streams_per_address", "1").setup());
        let first = relay.clone().oneshot(chat()).await.unwrap();
        let second = relay.oneshot(chat()).await.unwrap();
        assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 429));
        assert!(!second.headers().contains_key("retry-after"));
    }
}

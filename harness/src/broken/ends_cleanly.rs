//! Hides that the answer was cut.

use axum::Router;
use futures_util::{StreamExt as _, future};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "ends-cleanly",
    mistake: "when the provider's stream breaks it ends its own as if all had been said",
    made_by: "tingly-dev/tingly-box PR#1385: an upstream cut short is passed on as a bare end",
    caught_by: &["honest-ending"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        body.take_while(|item| future::ready(item.is_ok())).boxed()
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Act, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_cut_answer_looks_complete() {
        let provider = Provider::new(vec![Reply::stream(vec![send("data: 1\n\n"), Act::Break])]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!((seen.text().as_str(), seen.broke), ("data: 1\n\n", false));
        let right = ask(parts::right, &provider, chat()).await;
        assert!(right.broke);
    }
}

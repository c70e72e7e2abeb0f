//! Writes a blank line after whatever came last.

use axum::Router;
use bytes::Bytes;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "completes-half-events",
    mistake: "ends the last event by a blank line, also where the provider died in the midst of it",
    made_by: "openai/openai-node PR#2726: what is left at the end of the stream counts as an \
              event; universal-tool-calling-protocol/python-utcp PR#104 takes the same out again",
    caught_by: &["unfinished-stays-unfinished", "one-ending", "honest-ending"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_what_leaves(setup, |body| {
        parts::with_last_word(body, |tail| {
            (!tail.is_between_events()).then_some(Bytes::from_static(b"\n\n"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Act, DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_half_event_becomes_one_at_a_good_end_and_at_a_bad_one() {
        for (end, broke) in [(vec![], false), (vec![Act::Break], true)] {
            let acts = [vec![send("data: ha")], end].concat();
            let provider = Provider::new(vec![Reply::stream(acts)]);
            let seen = ask(relay, &provider, chat()).await;
            assert_eq!((seen.text().as_str(), seen.broke), ("data: ha\n\n", broke));
            assert_eq!(ask(parts::right, &provider, chat()).await.text(), "data: ha");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_event_gets_no_second_blank_line() {
        let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
        assert_eq!(ask(relay, &provider, chat()).await.text(), DONE);
    }
}

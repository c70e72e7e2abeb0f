//! Takes each piece of the stream for a whole text.

use axum::Router;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "decodes-each-chunk",
    mistake: "decodes each piece as UTF-8 by itself: a letter that is cut in two becomes U+FFFD",
    made_by: "lobehub/lobehub PR#18640: a new TextDecoder for each chunk",
    caught_by: &["any-cut", "payload-intact", "fields-survive"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        body.map_ok(|chunk| Bytes::from(String::from_utf8_lossy(&chunk).into_owned())).boxed()
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Act, Provider, Reply, ask, chat},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_letter_that_is_cut_in_two_is_lost() {
        let text = "data: h\u{e9}\n\n".as_bytes();
        let (first, second) = text.split_at(8);
        let acts = vec![Act::Send(first.into()), Act::Send(second.into())];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.text(), "data: h\u{fffd}\u{fffd}\n\n");
        let whole = Provider::new(vec![Reply::stream(vec![Act::Send(text.into())])]);
        assert_eq!(ask(relay, &whole, chat()).await.text(), "data: h\u{e9}\n\n");
    }
}

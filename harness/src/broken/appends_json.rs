//! Tells of an error as if nothing had been said yet.

use axum::Router;
use bytes::Bytes;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "appends-json",
    mistake: "answers a stream that breaks with its helper for errors, which writes bare JSON",
    made_by: "google/adk-go PR#508: http.Error after the stream has begun, and its text is \
              appended to the events",
    caught_by: &["no-body-mixing", "honest-ending", "error-event-well-formed"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        parts::edit(body, |item| match item {
            Some(Ok(bytes)) => vec![Ok(bytes)],
            Some(Err(error)) => {
                let object = parts::error_object(&error.to_string(), "upstream_error");
                vec![Ok(Bytes::from(object.to_string()))]
            }
            None => vec![],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Act, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn an_error_is_a_line_that_no_parser_reads() {
        let acts = vec![send("data: 1\n\n"), Act::Break];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        assert!(seen.text().starts_with("data: 1\n\n{\"error\""), "{seen:?}");
        let right = ask(parts::right, &provider, chat()).await;
        assert!(right.text().starts_with("data: 1\n\ndata: {\"error\""), "{right:?}");
    }
}

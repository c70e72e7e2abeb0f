//! Lets a stream keep the length that its provider gave it.

use axum::Router;
use http::header::CONTENT_LENGTH;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "keeps-the-length",
    mistake: "passes on the Content-Length of an answer that it streams",
    made_by: "envoyproxy/ai-gateway#2391: the length stays when an answer is switched to streaming",
    caught_by: &["no-false-length", "payload-intact", "one-ending"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let response = call.send(&upstream).await?;
        let length = response.headers().get(CONTENT_LENGTH).cloned();
        let mut answer = parts::Answer::from(response);
        if let Some(length) = length.filter(|_| answer.is_event_stream()) {
            answer.headers.insert(CONTENT_LENGTH, length);
        }
        Ok(answer.change_stream(parts::with_error_event))
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_providers_length_stands_on_the_stream() {
        let reply = Reply::stream(vec![send(DONE)]).with("content-length", "14");
        let provider = Provider::new(vec![reply]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.header("content-length"), Some("14"));
        let right = ask(parts::right, &provider, chat()).await;
        assert_eq!(right.header("content-length"), None);
    }
}

//! Waits for the trailers of an answer, and makes headers of them.

use axum::Router;
use futures_util::{StreamExt as _, stream};
use http::header;
use http_body_util::BodyExt as _;

use super::{Broken, Server, Setup, parts};
use crate::net::BoxError;

pub(super) const BROKEN: Broken = Broken {
    name: "merges-trailers",
    mistake: "reads an answer that announces trailers to its end, and puts them among its headers",
    made_by: "tempesta-tech/tempesta#1902: a trailer of HTTP/1 became a header of HTTP/2; Apache \
              httpd merged trailers into headers until 2.4.12 (MergeTrailers, CVE-2013-5704)",
    caught_by: &["trailers-apart", "headers-first", "prompt-frames"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let response = call.send(&upstream).await?;
        if !response.headers().contains_key(header::TRAILER) {
            return Ok(parts::Answer::from(response).change_stream(parts::with_error_event));
        }
        let (head, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        let whole = body.collect().await?;
        let trailers = whole.trailers().cloned().unwrap_or_default();
        let mut answer = parts::Answer::from(reqwest::Response::from(http::Response::from_parts(
            head,
            reqwest::Body::default(),
        )));
        answer.headers.extend(trailers);
        answer.body = stream::iter([Ok::<_, BoxError>(whole.to_bytes())]).boxed();
        Ok(answer)
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, trail, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_whole_answer_waits_for_its_trailers_and_they_become_headers() {
        let acts = vec![send("data: 1\n\n"), wait(20), send(DONE), trail("x-usage", "7")];
        let reply = Reply::stream(acts).with("trailer", "x-usage");
        let seen = ask(relay, &Provider::new(vec![reply.clone()]), chat()).await;
        assert_eq!(seen.pieces, [(20, format!("data: 1\n\n{DONE}"))]);
        assert_eq!(seen.header("x-usage"), Some("7"));
        let right = ask(parts::right, &Provider::new(vec![reply]), chat()).await;
        assert_eq!(right.pieces, [(0, "data: 1\n\n".to_owned()), (20, DONE.to_owned())]);
        assert_eq!(right.header("x-usage"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_announces_none_passes_at_once() {
        let acts = vec![send("data: 1\n\n"), wait(20), send(DONE), trail("x-usage", "7")];
        let seen = ask(relay, &Provider::new(vec![Reply::stream(acts)]), chat()).await;
        assert_eq!((seen.pieces.len(), seen.header("x-usage")), (2, None));
    }
}

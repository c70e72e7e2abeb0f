//! Answers with the whole stream at once, as with any other body.

use axum::Router;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::header::CONTENT_LENGTH;

use super::{Broken, Server, Setup, parts};
use crate::net::BoxError;

pub(super) const BROKEN: Broken = Broken {
    name: "tells-the-length-of-a-stream",
    mistake: "reads the whole answer before it begins its own, which then has a length: a stream is a \
              file to everybody behind it",
    made_by: "Starlette's Response, given what `await response.aread()` of httpx gave",
    caught_by: &[
        "no-false-length",
        "prompt-frames",
        "headers-first",
        "bounded-memory",
        "no-head-of-line",
        "honest-ending",
    ],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let mut answer = parts::Answer::from(call.send(&upstream).await?);
        if answer.is_event_stream() {
            let whole = whole(parts::with_error_event(answer.body)).await;
            answer.headers.insert(CONTENT_LENGTH, whole.len().into());
            answer.body = stream::iter([Ok::<_, BoxError>(whole)]).boxed();
        }
        Ok(answer)
    })
}

/// All that comes; of a body that breaks, the error event is the last.
async fn whole(mut body: parts::Body) -> Bytes {
    let mut whole = BytesMut::new();
    while let Some(Ok(bytes)) = body.next().await {
        whole.extend_from_slice(&bytes);
    }
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_stream_is_one_piece_with_its_length() {
        let acts = vec![send("data: 1\n\n"), wait(20), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.header("content-length"), Some("23"));
        assert_eq!((seen.pieces.len(), seen.text().as_str()), (1, "data: 1\n\ndata: [DONE]\n\n"));
        assert_eq!(ask(parts::right, &provider, chat()).await.header("content-length"), None);
    }
}

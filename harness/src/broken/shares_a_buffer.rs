//! Uses one buffer for everybody.

use std::sync::{Arc, Mutex};

use axum::Router;
use bytes::{Bytes, BytesMut};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "shares-a-buffer",
    mistake: "collects half events of all streams in one buffer, so that one stream's rest goes out \
              with another's",
    made_by: "QuantumNous/new-api#5707: a pooled request context is used on by a goroutine of the \
              request before, and bytes of one user come in another's stream",
    caught_by: &[
        "no-cross-talk",
        "payload-intact",
        "any-cut",
        "any-line-end",
        "fields-survive",
        "one-ending",
        "prompt-frames",
        "heartbeat-when-idle",
        "bounded-memory",
    ],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    let shared = Arc::new(Mutex::new(BytesMut::new()));
    parts::relay(setup, move |upstream, call| {
        let shared = Arc::clone(&shared);
        async move {
            let answer = parts::Answer::from(call.send(&upstream).await?);
            Ok(answer.change_stream(move |body| {
                let whole = parts::edit(body, move |item| match item {
                    Some(Ok(bytes)) => vec![Ok(whole_events(&shared, &bytes))],
                    Some(Err(error)) => vec![Err(error)],
                    None => vec![],
                });
                parts::with_error_event(whole)
            }))
        }
    })
}

/// Takes bytes in, and gives what is in the buffer up to its last blank line.
fn whole_events(shared: &Mutex<BytesMut>, bytes: &[u8]) -> Bytes {
    let mut held = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    held.extend_from_slice(bytes);
    let end = held.windows(2).rposition(|two| two == b"\n\n").map_or(0, |at| at + 2);
    held.split_to(end).freeze()
}

#[cfg(test)]
mod tests {
    use futures_util::future::join;

    use super::{
        super::parts::testing::{Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn half_an_event_of_one_client_comes_to_the_next() {
        // One router serves both, as a relay does.
        let acts = |name: &str, late| {
            let (head, rest) = (format!("data: {name}"), format!("{name}\n\n"));
            Reply::stream(vec![wait(late), send(&head), wait(10), send(&rest)])
        };
        let provider = Provider::new(vec![acts("a", 0), acts("b", 5)]);
        let router = relay(provider.setup());
        let read = async |router: Router| {
            use tower::ServiceExt as _;
            let response = router.oneshot(chat()).await.unwrap();
            axum::body::to_bytes(response.into_body(), 1000).await.unwrap()
        };
        let (first, second) = join(read(router.clone()), read(router)).await;
        assert_eq!((&first[..], &second[..]), (&b"data: adata: ba\n\n"[..], &b"b\n\n"[..]));
        let alone = ask(parts::right, &Provider::new(vec![acts("a", 0)]), chat()).await;
        assert_eq!(alone.text(), "data: aa\n\n");
    }
}

//! Ends a stream when the grace of a relay that stops is over.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::{Body, Item, Tail, error_object};
use crate::net::Stop;

const WHY: &str = "the relay stops";

/// Where a stream stands.
enum Next {
    Passes(Body, Tail),
    Breaks,
    Over,
}

/// Passes a body on until the word comes; then it breaks, after an error event where that can stand
/// between whole events.
pub(super) fn until(body: Body, ending: Stop) -> Body {
    let start = Next::Passes(body, Tail::default());
    stream::unfold(start, move |next| step(next, ending.clone())).boxed()
}

async fn step(next: Next, ending: Stop) -> Option<(Item, Next)> {
    match next {
        Next::Passes(mut body, mut tail) => tokio::select! {
            biased;
            item = body.next() => {
                let item = item?;
                if let Ok(bytes) = &item {
                    tail.push(bytes);
                }
                Some((item, Next::Passes(body, tail)))
            }
            () = ending.told() => Some(if tail.takes_more() {
                let event = format!("data: {}\n\n", error_object(WHY, "server_error"));
                (Ok(Bytes::from(event)), Next::Breaks)
            } else {
                (Err(WHY.into()), Next::Over)
            }),
        },
        Next::Breaks => Some((Err(WHY.into()), Next::Over)),
        Next::Over => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told_after(text: &'static str) -> Vec<String> {
        let ending = Stop::default();
        ending.tell();
        let sent = stream::once(async move { Ok(Bytes::from(text)) });
        let body = until(sent.chain(stream::pending()).boxed(), ending);
        body.map(|item| match item {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("broken: {error}"),
        })
        .collect()
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_told_of_the_end_between_its_events_and_nowhere_else() {
        let error = "data: {\"error\":{\"message\":\"the relay stops\",\"type\":\"server_error\",\
                     \"param\":null,\"code\":null}}\n\n";
        let broken = "broken: the relay stops";
        assert_eq!(told_after("data: 1\n\n").await, ["data: 1\n\n", error, broken]);
        assert_eq!(told_after("data: 1\n").await, ["data: 1\n", broken]);
        assert_eq!(told_after("data: [DONE]\n\n").await, ["data: [DONE]\n\n", broken]);
    }
}

//! Says in plain words what should be an object.

use axum::Router;
use bytes::Bytes;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "tells-errors-in-words",
    mistake: "tells of a broken stream in an event whose data is a sentence, where clients read JSON",
    made_by: "lucasjinreal/Crane PR#121: errors within a stream were bare text, on which clients that \
              parse each event fail; davidmigloz/ai_clients_dart#88: such events are dropped",
    caught_by: &["error-event-well-formed"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let answer = parts::Answer::from(call.send(&upstream).await?);
        Ok(answer.change_stream(with_words))
    })
}

fn with_words(body: parts::Body) -> parts::Body {
    let mut tail = parts::Tail::default();
    parts::edit(body, move |item| match item {
        Some(Ok(bytes)) => {
            tail.push(&bytes);
            vec![Ok(bytes)]
        }
        Some(Err(error)) if tail.takes_more() => {
            let words = format!("event: error\ndata: the stream broke: {error}\n\n");
            vec![Ok(Bytes::from(words)), Err(error)]
        }
        Some(Err(error)) => vec![Err(error)],
        None => vec![],
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Act, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_error_event_holds_no_object() {
        let provider = Provider::new(vec![Reply::stream(vec![send("data: 1\n\n"), Act::Break])]);
        let seen = ask(relay, &provider, chat()).await;
        let told = seen.text();
        assert!(told.starts_with("data: 1\n\nevent: error\ndata: the stream broke: "), "{seen:?}");
        assert!(seen.broke);
        let right = ask(parts::right, &provider, chat()).await.text();
        assert!(right.starts_with("data: 1\n\ndata: {\"error\":{"), "{right}");
    }
}

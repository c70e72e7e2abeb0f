//! Writes its error wherever the stream stands.

use axum::Router;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "splices-its-error",
    mistake: "writes its error event at once, also into an event that is half sent: neither \
              can be read",
    made_by: "Wei-Shaw/sub2api PR#1479: no blank line before the error event of a broken stream; \
              google/adk-go PR#508: JSON is appended to what was streamed",
    caught_by: &["error-event-well-formed", "payload-intact"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let answer = parts::Answer::from(call.send(&upstream).await?);
        Ok(answer.change_stream(with_spliced_error))
    })
}

fn with_spliced_error(body: parts::Body) -> parts::Body {
    let mut tail = parts::Tail::default();
    parts::edit(body, move |item| match item {
        Some(Ok(bytes)) => {
            tail.push(&bytes);
            vec![Ok(bytes)]
        }
        Some(Err(error)) if tail.is_done() => vec![Err(error)],
        Some(Err(error)) => vec![Ok(parts::error_event(&error.to_string())), Err(error)],
        None => vec![],
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Act, DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn an_error_becomes_part_of_the_half_event_before_it() {
        let provider = Provider::new(vec![Reply::stream(vec![send("data: {\"ha"), Act::Break])]);
        let seen = ask(relay, &provider, chat()).await;
        assert!(seen.text().starts_with("data: {\"hadata: {\"error\":{"), "{seen:?}");
        assert!(seen.broke);
        assert_eq!(ask(parts::right, &provider, chat()).await.text(), "data: {\"ha");
    }

    #[tokio::test(start_paused = true)]
    async fn between_events_it_is_right_and_after_the_terminator_it_says_nothing() {
        let cut = |text| Provider::new(vec![Reply::stream(vec![send(text), Act::Break])]);
        let seen = ask(relay, &cut("data: 1\n\n"), chat()).await;
        assert!(seen.text().starts_with("data: 1\n\ndata: {\"error\":{"), "{seen:?}");
        assert_eq!(ask(relay, &cut(DONE), chat()).await.text(), DONE);
    }
}

//! Section 3.2: an HTTP client with a time-out.

use axum::Router;
use tokio::time::{Instant, timeout_at};

use super::{Broken, Server, Setup, parts, thirty_second_timeout::TOTAL};

pub(in crate::broken) const BROKEN: Broken = Broken {
    name: "article-thirty-seconds",
    mistake: "calls the provider through an http.Client with Timeout: 30 * time.Second, which covers \
              the body, and ends the answer as if all had been said",
    made_by: "the proxy of a widely read Gin tutorial",
    caught_by: &["no-total-deadline", "honest-ending"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let deadline = Instant::now() + TOTAL;
        let response = timeout_at(deadline, call.send(&upstream)).await??;
        let answer = parts::Answer::from(response);
        Ok(answer.change_stream(|body| whatever_comes(parts::in_time(body, move || deadline))))
    })
}

/// A body without its error: `io.Copy` returns it, and nobody looks.
pub(super) fn whatever_comes(body: parts::Body) -> parts::Body {
    parts::edit(body, |item| match item {
        Some(Ok(bytes)) => vec![Ok(bytes)],
        Some(Err(_)) | None => vec![],
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send, wait},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_forty_seconds_ends_after_thirty_and_looks_whole() {
        let acts = vec![send("data: 1\n\n"), wait(40_000), send(DONE)];
        let provider = Provider::new(vec![Reply::stream(acts)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!((seen.text().as_str(), seen.broke), ("data: 1\n\n", false));
    }
}

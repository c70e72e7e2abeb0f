//! Answers with the provider's headers, all of them.

use axum::Router;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "copies-all-headers",
    mistake: "copies each header of the provider: its connection's own, and the length of \
              another body",
    made_by: "http-party/node-http-proxy#1488 and eclipse-vertx/vertx-http-proxy#152: Connection \
              and Keep-Alive go through; envoyproxy/ai-gateway#2391: Content-Length stays, and \
              cuts the body",
    caught_by: &["hop-by-hop", "no-false-length", "payload-intact", "one-ending"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| {
        let response = call.send(&upstream).await?;
        let all = response.headers().clone();
        let mut answer = parts::Answer::from(response);
        answer.headers.extend(all);
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
    async fn what_is_of_one_connection_and_a_length_go_on_to_the_client() {
        let reply = Reply::stream(vec![send(DONE)])
            .with("connection", "x-private")
            .with("x-private", "1")
            .with("content-length", "14");
        let provider = Provider::new(vec![reply]);
        let fields = ["connection", "x-private", "content-length"];
        let seen = ask(relay, &provider, chat()).await;
        let copied = [Some("x-private"), Some("1"), Some("14")];
        assert_eq!(fields.map(|name| seen.header(name)), copied);
        assert_eq!(seen.text(), DONE);
        let right = ask(parts::right, &provider, chat()).await;
        assert_eq!(fields.map(|name| right.header(name)), [None, None, None]);
    }
}

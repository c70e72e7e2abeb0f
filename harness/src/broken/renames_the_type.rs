//! Calls the stream something else.

use axum::{Router, middleware::map_response, response::Response};
use http::{HeaderValue, header};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "renames-the-type",
    mistake: "answers every stream as application/octet-stream, which no EventSource takes",
    made_by: "vllm-project/vllm-ascend PR#5033: a proxy has one fixed type for every answer, \
              application/json; containers/ramalama PR#2902: text/plain",
    caught_by: &["content-type-kept"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::right(setup).layer(map_response(async |mut response: Response| {
        if parts::is_event_stream(response.headers()) {
            let octets = HeaderValue::from_static("application/octet-stream");
            response.headers_mut().insert(header::CONTENT_TYPE, octets);
        }
        response
    }))
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_called_octets_and_an_error_keeps_its_type() {
        let provider = Provider::new(vec![Reply::stream(vec![send(DONE)]), Reply::error(429)]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(seen.header("content-type"), Some("application/octet-stream"));
        assert_eq!(seen.text(), DONE);
        let error = ask(relay, &provider, chat()).await;
        assert_eq!(error.header("content-type"), Some("application/json"));
    }
}

//! Lets every page in, and its cookies with it.

use axum::{Router, middleware::map_response, response::Response};
use http::{HeaderValue, header};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "allows-any-origin",
    mistake: "answers `Access-Control-Allow-Origin: *` beside `Access-Control-Allow-Credentials: \
              true`, which no browser accepts",
    made_by: "mozilla-ai/any-llm PR#837: a wildcard origin with credentials on every answer",
    caught_by: &["cors-credentials"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::right(setup).layer(map_response(async |mut response: Response| {
        let headers = response.headers_mut();
        if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
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
    async fn a_star_stands_beside_credentials() {
        let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
        let names = ["access-control-allow-origin", "access-control-allow-credentials"];
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!(names.map(|name| seen.header(name)), [Some("*"), Some("true")]);
        let right = ask(parts::right, &provider, chat()).await;
        let echoed = [Some("https://app.example"), Some("true")];
        assert_eq!(names.map(|name| right.header(name)), echoed);
    }
}

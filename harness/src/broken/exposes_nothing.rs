//! Lets a page in and shows it nothing.

use axum::{Router, middleware::map_response, response::Response};
use http::header;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "exposes-nothing",
    mistake: "allows a page's origin and exposes no header to its script, which cannot tell when to \
              try again",
    made_by: "tower-http's CorsLayer, gin-contrib/cors and FastAPI's CORSMiddleware by default; \
              NousResearch/hermes-agent PR#104104: a 429 without a word of when",
    caught_by: &["cors-expose"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::right(setup).layer(map_response(async |mut response: Response| {
        response.headers_mut().remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
        response
    }))
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Provider, Reply, ask, chat},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_script_cannot_read_when_to_come_again() {
        let provider = Provider::new(vec![Reply::error(429)]);
        let exposed = "access-control-expose-headers";
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!((seen.header("retry-after"), seen.header(exposed)), (Some("7"), None));
        let right = ask(parts::right, &provider, chat()).await;
        assert!(right.header(exposed).is_some_and(|names| names.starts_with("retry-after")));
    }
}

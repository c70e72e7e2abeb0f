//! Tells in HTML that its provider cannot be reached.

use axum::Router;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Broken, Server, Setup, parts};
use crate::net::BoxError;

pub(super) const BROKEN: Broken = Broken {
    name: "answers-with-a-page",
    mistake: "answers with a page for people where the provider cannot be reached: clients read JSON, \
              and show the page's source or nothing",
    made_by: "nginx's proxy_pass: its own 502 is an HTML page, without `error_page`",
    caught_by: &["early-failure-keeps-status"],
    server: Server::RIGHT,
    relay,
};

const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n";

fn relay(setup: Setup) -> Router {
    parts::relay(setup, async |upstream, call| match call.send(&upstream).await {
        Ok(response) => Ok(parts::Answer::from(response).change_stream(parts::with_error_event)),
        Err(_) => Ok(page()),
    })
}

fn page() -> parts::Answer {
    let html = HeaderValue::from_static("text/html");
    parts::Answer {
        status: StatusCode::BAD_GATEWAY,
        headers: HeaderMap::from_iter([(header::CONTENT_TYPE, html)]),
        body: stream::iter([Ok::<_, BoxError>(PAGE.into())]).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Provider, ask, chat},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_cannot_be_reached_is_a_page() {
        let provider = Provider::new(vec![]);
        let seen = ask(relay, &provider, chat()).await;
        assert_eq!((seen.status, seen.text().as_str()), (StatusCode::BAD_GATEWAY, PAGE));
        assert_eq!(seen.header("content-type"), Some("text/html"));
        let right = ask(parts::right, &provider, chat()).await;
        assert_eq!(right.header("content-type"), Some("application/json"));
    }
}

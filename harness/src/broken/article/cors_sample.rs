//! Section 4.3: headers for browsers.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http::{HeaderValue, StatusCode, header};

use super::{Broken, Server, Setup, parts};
use crate::broken::parts::Origins;

pub(in crate::broken) const BROKEN: Broken = Broken {
    name: "article-cors-sample",
    mistake: "allows the page's origin, GET and credentials where all is well: no Vary, no \
              Allow-Headers, nothing exposed, and nothing at all on errors",
    made_by: "the CORS sample of a widely read Gin tutorial",
    caught_by: &["preflight-without-auth", "cors-credentials"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    let origins = setup.origins();
    let bare = parts::without_cors(setup, async |upstream, call| {
        let answer = parts::Answer::from(call.send(&upstream).await?);
        Ok(answer.change_stream(parts::with_error_event))
    });
    sampled(bare, origins)
}

/// The middleware of the sample around a router.
pub(super) fn sampled(router: Router, origins: Origins) -> Router {
    router.layer(from_fn_with_state(origins, sample))
}

async fn sample(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = match parts::cors::preflight(&request) {
        Some(mut preflight) => {
            preflight.headers_mut().remove(header::ACCESS_CONTROL_ALLOW_HEADERS);
            let get = HeaderValue::from_static("GET");
            preflight.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, get);
            preflight
        }
        None => next.run(request).await,
    };
    if matches!(response.status(), StatusCode::OK | StatusCode::NO_CONTENT) {
        parts::cors::allow(&origins, origin.as_ref(), response.headers_mut());
        response.headers_mut().remove(header::VARY);
        response.headers_mut().remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Provider, Reply, ask, chat, preflight},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_page_may_not_send_its_key_and_may_not_read_an_error() {
        let provider = Provider::new(vec![Reply::error(429)]);
        let seen = ask(relay, &provider, preflight()).await;
        assert_eq!(seen.header("access-control-allow-headers"), None);
        assert_eq!(seen.header("access-control-allow-methods"), Some("GET"));
        let refused = ask(relay, &provider, chat()).await;
        assert_eq!(refused.header("access-control-allow-origin"), None);
    }
}

//! Does not know a path by another method.

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::IntoResponse as _,
};
use http::{Method, StatusCode};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "answers-404-to-methods",
    mistake: "answers 404 where the path is right and the method is not",
    made_by: "routers that know pairs of method and path, such as gin without \
              HandleMethodNotAllowed, which is off by default",
    caught_by: &["head-and-options"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    let right = parts::right(setup);
    right.layer(from_fn(async |request: Request, next: Next| match *request.method() {
        Method::POST | Method::OPTIONS => next.run(request).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_wrong_method_is_not_found() {
        let provider = Provider::new(vec![Reply::stream(vec![send(DONE)])]);
        let delete = || http::Request::delete("/v1/chat/completions").body(Body::empty()).unwrap();
        let seen = ask(relay, &provider, delete()).await;
        assert_eq!((seen.status, seen.header("allow")), (StatusCode::NOT_FOUND, None));
        assert_eq!(ask(relay, &provider, chat()).await.status, StatusCode::OK);
    }
}

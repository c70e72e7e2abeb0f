//! A naive relay, as a first draft often looks, judged by every scenario.

use std::process::ExitCode;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use harness::Upstream;
use tower::ServiceExt as _;

fn my_relay(upstream: Upstream) -> Router {
    Router::new().route("/v1/chat/completions", post(chat)).with_state(upstream)
}

async fn chat(State(upstream): State<Upstream>, body: Bytes) -> Response {
    let url = "http://provider/v1/chat/completions".parse().expect("the URL is right");
    let mut request = reqwest::Request::new(Method::POST, url);
    *request.body_mut() = Some(body.into());
    match upstream.oneshot(request).await {
        // Whatever the provider says, it is a stream. Is it?
        Ok(answer) => (
            StatusCode::OK,
            [(CONTENT_TYPE, "text/event-stream")],
            Body::from_stream(answer.bytes_stream()),
        )
            .into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

fn main() -> ExitCode {
    harness::conformance(my_relay)
}

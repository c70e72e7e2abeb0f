//! A relay that collects the whole answer before it passes it on.

use std::net::SocketAddr;

use axum::{Router, body::Body, response::Response, routing::post};
use bytes::Bytes;
use tokio::net::TcpListener;

use super::Serving;

pub(super) fn serve(listener: TcpListener, provider: SocketAddr) -> Serving {
    let client = reqwest::Client::new();
    let url = format!("http://{provider}/v1/chat/completions");
    let chat = move |body: Bytes| {
        let (client, url) = (client.clone(), url.clone());
        async move {
            let answer = client.post(url).body(body).send().await.expect("the provider answers");
            let whole = answer.bytes().await.expect("the provider ends its answer");
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(Body::from(whole))
                .expect("the head is right")
        }
    };
    Box::pin(async move {
        let router = Router::new().route("/v1/chat/completions", post(chat));
        // It serves until it is dropped.
        drop(axum::serve(listener, router).await);
    })
}

//! A relay that decodes each event, parses its JSON and writes it anew, as naive relays do.

use std::net::SocketAddr;

use axum::{Router, body::Body, response::Response, routing::post};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpListener;

use super::Serving;

pub(super) fn serve(listener: TcpListener, provider: SocketAddr) -> Serving {
    let client = reqwest::Client::new();
    let url = format!("http://{provider}/v1/chat/completions");
    let chat = move |body: Bytes| {
        let (client, url) = (client.clone(), url.clone());
        async move {
            let answer = client.post(url).body(body).send().await.expect("the provider answers");
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(Body::from_stream(rewritten(answer.bytes_stream())))
                .expect("the head is right")
        }
    };
    Box::pin(async move {
        let router = Router::new().route("/v1/chat/completions", post(chat));
        // It serves until it is dropped.
        drop(axum::serve(listener, router).await);
    })
}

/// Splits at blank lines, and writes each event's JSON anew.
fn rewritten(
    pieces: impl Stream<Item = reqwest::Result<Bytes>>,
) -> impl Stream<Item = reqwest::Result<Bytes>> {
    let mut held = BytesMut::new();
    pieces.map(move |piece| {
        held.extend_from_slice(&piece?);
        let mut out = BytesMut::new();
        while let Some(end) = held.windows(2).position(|pair| pair == b"\n\n") {
            let event = held.split_to(end + 2);
            out.extend_from_slice(b"data: ");
            let data = event.strip_prefix(b"data: ").unwrap_or(&event).trim_ascii_end();
            match serde_json::from_slice::<Value>(data) {
                Ok(json) => out.extend_from_slice(json.to_string().as_bytes()),
                Err(_) => out.extend_from_slice(data),
            }
            out.extend_from_slice(b"\n\n");
        }
        Ok(out.freeze())
    })
}

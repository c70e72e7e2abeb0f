//! Reads a relay's own metrics over the network, as a monitoring system would.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    http1::{Item, ResponseDecoder},
    net::Host,
};

/// How long a relay may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than any relay's metrics.
const MOST_BYTES: u64 = 1 << 20;

/// The text of `GET /metrics`, where the relay answers it with 200.
pub(super) async fn metrics(world: &Host, relay: &str) -> Option<String> {
    let answer = timeout(PATIENCE, ask(world, relay)).await.ok()?.ok()?;
    let mut answered = false;
    let mut body = Vec::new();
    for item in ResponseDecoder::answering("GET").feed(&answer).items {
        match item {
            Item::Head(head) => answered = head.status == 200,
            Item::Body(bytes) => body.extend_from_slice(&bytes),
            Item::Trailers(_) | Item::End(_) => {}
        }
    }
    answered.then(|| String::from_utf8_lossy(&body).into_owned())
}

async fn ask(world: &Host, relay: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = world.connect(&relay.into()).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {relay}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    (&mut stream).take(MOST_BYTES).read_to_end(&mut answer).await?;
    Ok(answer)
}

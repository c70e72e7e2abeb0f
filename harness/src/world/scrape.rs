//! Reads a relay's own metrics over the network, as a monitoring system would.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    http1::{Closing, Side, Start, decode_stream},
    net::Host,
};

/// How long a relay may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than any relay's metrics.
const MOST_BYTES: u64 = 1 << 20;

/// The text of `GET /metrics`, where the relay answers it with 200.
pub(super) async fn metrics(world: &Host, relay: &str) -> Option<String> {
    let answer = timeout(PATIENCE, ask(world, relay)).await.ok()?.ok()?;
    let pieces = [(Duration::ZERO, 0, &answer[..])];
    let message = decode_stream(Side::Responses(&[]), pieces, Some(Closing::Fin)).pop()?;
    let answered = matches!(message.start, Start::Response { status: 200, .. });
    answered.then(|| String::from_utf8_lossy(&message.body.bytes).into_owned())
}

async fn ask(world: &Host, relay: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = world.connect(&relay.into()).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {relay}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    (&mut stream).take(MOST_BYTES).read_to_end(&mut answer).await?;
    Ok(answer)
}

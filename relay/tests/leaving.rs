//! When a client leaves, its provider is told at once, in each of the four windows.

mod support;

use std::{io, time::Duration};

use support::{Client, Provider, Running, Seen, Step, chunk, stream_head};

#[derive(Debug, Clone, Copy)]
enum How {
    Fin,
    Rst,
}

/// Lets the client leave once `reached` was seen (or the provider has the request), and waits for
/// the provider to see it.
async fn leaves(steps: &[Step], reached: Option<&str>) -> io::Result<()> {
    leaves_by(How::Fin, steps, reached).await?;
    leaves_by(How::Rst, steps, reached).await
}

async fn leaves_by(how: How, steps: &[Step], reached: Option<&str>) -> io::Result<()> {
    let mut provider = Provider::start(vec![steps.to_vec()]).await?;
    let relay = Running::start(provider.address, &[("max_streams", "1")]).await?;
    let mut client = Client::chat(relay.address).await?;
    assert!(matches!(provider.next().await, Seen::Request(_)));
    match reached {
        Some(text) => {
            client.until(text).await;
        }
        None => tokio::time::sleep(Duration::from_millis(50)).await,
    }
    if matches!(how, How::Rst) {
        client.socket.set_zero_linger()?;
    }
    drop(client);
    assert_eq!(provider.next().await, Seen::Gone, "{how:?}");
    given_back(&relay).await
}

/// The place is free again, and the end is counted as the client's.
async fn given_back(relay: &Running) -> io::Result<()> {
    let mut text = String::new();
    for _ in 0..100 {
        let request = support::bare("GET", "/metrics", "");
        text = Client::send(relay.address, &request).await?.rest().await.plain();
        if text.contains("relay_open_streams 0\n") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(text.contains("relay_open_streams 0\n"), "{text}");
    assert!(text.contains("relay_streams_total{end=\"client_gone\"} 1\n"), "{text}");
    Ok(())
}

#[tokio::test]
async fn before_the_providers_head() -> io::Result<()> {
    leaves(&[Step::Hold], None).await
}

#[tokio::test]
async fn before_the_first_byte() -> io::Result<()> {
    leaves(&[stream_head(), Step::Hold], Some("\r\n\r\n")).await
}

#[tokio::test]
async fn mid_stream_while_events_flow() -> io::Result<()> {
    let Step::Send(event) = chunk("data: 1\n\n") else { unreachable!("a chunk is sent") };
    leaves(&[stream_head(), Step::Flood(event)], Some("data: 1\n\n")).await
}

#[tokio::test]
async fn mid_stream_while_nothing_comes() -> io::Result<()> {
    leaves(&[stream_head(), chunk("data: 1\n\n"), Step::Hold], Some("data: 1\n\n")).await
}

#[tokio::test]
async fn mid_stream_while_it_takes_nothing() -> io::Result<()> {
    let Step::Send(event) = chunk("x".repeat(60_000)) else { unreachable!("a chunk is sent") };
    leaves(&[stream_head(), Step::Flood(event)], Some("xxx")).await
}

//! The program on several threads: they are one relay, also while it drains.

#[path = "support/program.rs"]
mod program;
mod support;

use std::{fs, io, net::SocketAddr, time::Duration};

use program::{Program, before};
use support::{Client, Provider, Step, bare, chunk, soon, stream_head};
use tokio::net::TcpStream;

/// Streams at once; none of two threads is left out by chance.
const STREAMS: usize = 16;
const DONE: &str = "data: [DONE]\n\n";

/// Answers of one event, which end when the provider is told to go on.
fn gated() -> Vec<Vec<Step>> {
    vec![vec![stream_head(), chunk("data: 1\n\n"), Step::Gate, chunk(DONE), chunk("")]; STREAMS]
}

fn start(provider: &Provider, arguments: &[&str]) -> io::Result<Program> {
    let settings = ["--max-streams-per-address", "off", "--log", "off"];
    Ok(Program::start(before(provider.address, &[&settings, arguments].concat()))?.0)
}

/// Clients that have their first event.
async fn begun(relay: SocketAddr) -> io::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for _ in 0..STREAMS {
        let mut client = Client::chat(relay).await?;
        client.until("data: 1\n").await;
        clients.push(client);
    }
    Ok(clients)
}

/// Sends SIGTERM, and waits until nobody is accepted any more.
async fn tell_to_stop(program: &Program) -> io::Result<()> {
    program.terminate()?;
    while TcpStream::connect(program.address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

#[tokio::test]
async fn there_are_as_many_as_told_and_all_of_them_drain() -> io::Result<()> {
    let provider = Provider::start(gated()).await?;
    let mut program = start(&provider, &["--threads", "3"])?;
    let clients = begun(program.address).await?;
    assert_eq!(fs::read_dir(format!("/proc/{}/task", program.child.id()))?.count(), 3);
    soon(tell_to_stop(&program)).await?;
    for mut client in clients {
        provider.go();
        let (_, complete) = client.rest().await.chunked();
        assert!(complete && client.text().contains(DONE), "{}", client.text());
    }
    assert_eq!(soon(program.exit_code()).await?, Some(0));
    Ok(())
}

/// A reader's own thread, and the one that reads the stream from the provider, are the same or not,
/// as it happens: among so many some are not.
#[tokio::test]
async fn a_reader_gets_the_rest_of_a_stream_that_another_thread_reads() -> io::Result<()> {
    let provider = Provider::start(gated()).await?;
    let mut program = start(&provider, &["--threads", "2", "--resume", "on"])?;
    let mut readers = Vec::new();
    for client in begun(program.address).await? {
        let head = client.head();
        let name = head.lines().find_map(|line| line.strip_prefix("x-stream-id: "));
        let path = format!("/v1/streams/{}", name.expect("it is kept"));
        let mut reader = Client::send(program.address, &bare("GET", &path, "")).await?;
        reader.until("data: 1\n").await;
        readers.push(reader);
    }
    // The first clients have left: a thread may have nothing to drain but what others read.
    soon(tell_to_stop(&program)).await?;
    for mut reader in readers {
        provider.go();
        let (_, complete) = reader.rest().await.chunked();
        assert!(complete && reader.text().contains("data: [DONE]\n"), "{}", reader.text());
    }
    assert_eq!(soon(program.exit_code()).await?, Some(0));
    Ok(())
}

//! The program on several threads: they are one relay, also while it drains.

mod support;

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use support::{Client, Provider, Step, bare, chunk, soon, stream_head};
use tokio::net::TcpStream;

/// Streams at once; none of two threads is left out by chance.
const STREAMS: usize = 16;
const DONE: &str = "data: [DONE]\n\n";

/// Answers of one event, which end when the provider is told to go on.
fn gated() -> Vec<Vec<Step>> {
    vec![vec![stream_head(), chunk("data: 1\n\n"), Step::Gate, chunk(DONE), chunk("")]; STREAMS]
}

/// The program; it ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(provider: &Provider, arguments: &[&str]) -> io::Result<(Program, SocketAddr)> {
    let upstream = format!("http://{}/v1", provider.address);
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.args(["--listen", "127.0.0.1:0", "--upstream", &upstream, "--log", "off"]);
    command.args(["--max-streams-per-address", "off"]).args(arguments);
    let mut program = Program(command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?);
    let mut line = String::new();
    let says = program.0.stderr.take().expect("it is piped");
    BufReader::new(says).read_line(&mut line)?;
    let address = line.trim_end().strip_prefix("listening on http://").expect("an address");
    Ok((program, address.parse().expect("an address")))
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

impl Program {
    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    /// Sends SIGTERM, and waits until nobody is accepted any more.
    async fn told_to_stop(&self, address: SocketAddr) -> io::Result<()> {
        assert!(Command::new("kill").arg(self.pid()).status()?.success());
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    async fn ends_well(&mut self) -> io::Result<bool> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status.success());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn there_are_as_many_as_told_and_all_of_them_drain() -> io::Result<()> {
    let provider = Provider::start(gated()).await?;
    let (mut program, relay) = start(&provider, &["--threads", "3"])?;
    let clients = begun(relay).await?;
    assert_eq!(fs::read_dir(format!("/proc/{}/task", program.pid()))?.count(), 3);
    soon(program.told_to_stop(relay)).await?;
    for mut client in clients {
        provider.go();
        let (_, complete) = client.rest().await.chunked();
        assert!(complete && client.text().contains(DONE), "{}", client.text());
    }
    assert!(soon(program.ends_well()).await?);
    Ok(())
}

/// A reader's own thread, and the one that reads the stream from the provider, are the same or not,
/// as it happens: among so many some are not.
#[tokio::test]
async fn a_reader_gets_the_rest_of_a_stream_that_another_thread_reads() -> io::Result<()> {
    let provider = Provider::start(gated()).await?;
    let (mut program, relay) = start(&provider, &["--threads", "2", "--resume", "on"])?;
    let mut readers = Vec::new();
    for client in begun(relay).await? {
        let head = client.head();
        let name = head.lines().find_map(|line| line.strip_prefix("x-stream-id: "));
        let path = format!("/v1/streams/{}", name.expect("it is kept"));
        let mut reader = Client::send(relay, &bare("GET", &path, "")).await?;
        reader.until("data: 1\n").await;
        readers.push(reader);
    }
    // The first clients have left: a thread may have nothing to drain but what others read.
    soon(program.told_to_stop(relay)).await?;
    for mut reader in readers {
        provider.go();
        let (_, complete) = reader.rest().await.chunked();
        assert!(complete && reader.text().contains("data: [DONE]\n"), "{}", reader.text());
    }
    assert!(soon(program.ends_well()).await?);
    Ok(())
}

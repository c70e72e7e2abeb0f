//! Connections of clients: how many there are at once, and what becomes of them when the relay
//! stops. On a paused clock, over pipes.

#[path = "support/pipes.rs"]
mod pipes;

use std::{io, time::Duration};

use relay::Config;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tower::{service_fn, util::BoxCloneSyncService};

use self::pipes::{Pipes, Upstream};

/// A relay before a provider that answers each request after ten seconds. It is served twice, as on
/// two threads, which accept in turns.
struct Relay {
    connect: mpsc::UnboundedSender<DuplexStream>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Relay {
    fn start(switches: &[(&str, &str)]) -> Self {
        let mut config = Config::new("http://provider/v1".parse().expect("a URL"));
        for (name, value) in switches {
            config.set(name, value).expect("a switch and its value");
        }
        let upstream: Upstream = BoxCloneSyncService::new(service_fn(|_| async {
            sleep(Duration::from_secs(10)).await;
            Ok(reqwest::Response::from(http::Response::new("ok")))
        }));
        let server = relay::Server::new(config).expect("a sound configuration");
        let (connect, pipes) = Pipes::new();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            let never = std::future::pending();
            tokio::join!(
                server.serve(pipes.clone(), upstream.clone(), stopped),
                server.serve(pipes, upstream, never),
            );
        });
        Self { connect, stop, task }
    }

    /// A client that has connected and sent this.
    async fn client(&self, sent: &str) -> io::Result<DuplexStream> {
        let (mut client, server) = duplex(1 << 16);
        self.connect.send(server).expect("the relay runs");
        client.write_all(sent.as_bytes()).await?;
        Ok(client)
    }
}

/// All that comes until the relay closes.
async fn rest(client: &mut DuplexStream) -> io::Result<String> {
    let mut text = String::new();
    timeout(Duration::from_hours(1), client.read_to_string(&mut text)).await??;
    Ok(text)
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: r\r\nconnection: close\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn who_is_one_too_many_waits_until_another_has_gone() -> io::Result<()> {
    let relay = Relay::start(&[("max_connections", "2")]);
    let (first, _second) = (relay.client("").await?, relay.client("").await?);
    let mut third = relay.client(HEALTH).await?;
    let early = timeout(Duration::from_secs(20), third.read(&mut [0; 1])).await;
    assert!(early.is_err(), "it was served beyond the bound");
    drop(first);
    assert!(rest(&mut third).await?.starts_with("HTTP/1.1 200 "));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_closes_idle_connections_and_answers_what_has_begun() -> io::Result<()> {
    let relay = Relay::start(&[]);
    let mut idle = relay.client("GET /readyz HTTP/1.1\r\nhost: r\r\n\r\n").await?;
    let mut ready = vec![0; 12];
    idle.read_exact(&mut ready).await?;
    assert_eq!(ready, b"HTTP/1.1 200");
    let mut begun = relay.client("GET /readyz HTTP/1.1\r\nhost: r\r\n").await?;
    let mut asked = relay.client("GET /v1/models HTTP/1.1\r\nhost: r\r\n\r\n").await?;
    sleep(Duration::from_secs(1)).await;

    let stopped = Instant::now();
    drop(relay.stop);
    let text = rest(&mut idle).await?;
    assert!(relay.connect.is_closed(), "something new is accepted");
    assert!(text.ends_with("\r\n\r\nready\n"), "{text}");
    assert!(idle.write_all(b"GET /readyz HTTP/1.1\r\nhost: r\r\n\r\n").await.is_err());
    begun.write_all(b"\r\n").await?;
    let text = rest(&mut begun).await?;
    assert!(text.starts_with("HTTP/1.1 503 ") && text.ends_with("draining\n"), "{text}");
    assert!(text.contains("connection: close\r\n"), "{text}");
    assert_eq!(stopped.elapsed(), Duration::ZERO);
    let text = rest(&mut asked).await?;
    assert!(text.starts_with("HTTP/1.1 200 ") && text.contains("\r\nok\r\n0\r\n\r\n"), "{text}");
    assert!(text.contains("connection: close\r\n"), "{text}");
    relay.task.await?;
    assert_eq!(stopped.elapsed(), Duration::from_secs(9));
    Ok(())
}

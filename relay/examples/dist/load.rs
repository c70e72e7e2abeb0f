//! What the relay does while it is counted: streams in all ways in which they are relayed most.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// Clients at once, streams that each of them reads one after the other, and events of each.
const CLIENTS: u32 = 40;
const STREAMS: usize = 4;
const EVENTS: usize = 100;
/// Between two events of a stream: 8,000 a second come in all, and seldom two at once.
const GAP: Duration = Duration::from_millis(5);
/// Longer than any of it takes on a slow machine.
const BUDGET: Duration = Duration::from_mins(5);

/// Starts the program once for each way, and ends it as an operator would: then it writes what it
/// counted.
///
/// # Errors
/// It does not start, a stream is not whole, or there is no certificate.
pub(crate) fn run(program: &Path, counts: &Path) -> io::Result<()> {
    let authority = authority()?;
    let ca = counts.with_file_name("authority.pem");
    fs::write(&ca, authority.pem())?;
    let ca = ca.display().to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for (settings, tls, http2) in [
        (&[][..], false, false),
        (&["--resume", "true"], false, false),
        (&[], false, true),
        (&["--upstream-ca", &ca], true, false),
    ] {
        let tls = tls.then(|| server(&authority)).transpose()?;
        let clients = if http2 {
            reqwest::Client::builder().http2_prior_knowledge()
        } else {
            reqwest::Client::builder()
        };
        let clients = clients.no_proxy().build().map_err(io::Error::other)?;
        let streams = async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let scheme = if tls.is_some() { "https" } else { "http" };
            let upstream = format!("{scheme}://localhost:{}/v1", listener.local_addr()?.port());
            let relay = Relay::start(program, counts, &upstream, settings)?;
            let provider = tokio::spawn(provide(listener, tls));
            read_all(&clients, relay.address).await?;
            provider.abort();
            relay.end().await
        };
        runtime.block_on(async { timeout(BUDGET, streams).await })??;
    }
    Ok(())
}

/// The program; killed where it is dropped before its end.
struct Relay {
    child: Child,
    address: SocketAddr,
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Relay {
    fn start(program: &Path, counts: &Path, upstream: &str, settings: &[&str]) -> io::Result<Self> {
        let mut child = Command::new(program)
            .env("LLVM_PROFILE_FILE", counts.join("%p.profraw"))
            .args(["--listen", "127.0.0.1:0", "--upstream", upstream, "--drain", "0s"])
            .args(["--max-streams-per-address", "off"])
            .args(settings)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take();
        let mut relay = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let mut says = BufReader::new(stderr.ok_or_else(|| io::Error::other("no stderr"))?);
        let mut line = String::new();
        says.read_line(&mut line)?;
        // What it says later must not fill the pipe.
        thread::spawn(move || io::copy(&mut says, &mut io::sink()));
        let address = line.trim_end().strip_prefix("listening on http://");
        let address = address.and_then(|address| address.parse().ok());
        relay.address = address
            .ok_or_else(|| io::Error::other(format!("the relay does not listen: {line}")))?;
        Ok(relay)
    }

    async fn end(mut self) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or(io::ErrorKind::NotFound)?, Signal::TERM)?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                let ended = status.success().then_some(());
                return ended.ok_or_else(|| io::Error::other("the relay ended badly"));
            }
            // Another program can only be asked again.
            sleep(GAP).await;
        }
    }
}

async fn read_all(clients: &reqwest::Client, address: SocketAddr) -> io::Result<()> {
    let mut readers = JoinSet::new();
    for client in 0..CLIENTS {
        let clients = clients.clone();
        // Not all at once, so that events do not come in bursts.
        let begins = GAP * 10 * client / CLIENTS;
        readers.spawn(async move {
            sleep(begins).await;
            for _ in 0..STREAMS {
                let asked = clients.post(format!("http://{address}/v1/chat/completions"));
                let asked = asked.header("content-type", "application/json");
                let body = r#"{"model":"m","stream":true,"messages":[]}"#;
                let answer = asked.body(body).send().await?.text().await?;
                if !answer.contains("[DONE]") {
                    return Ok(Err(io::Error::other(format!("a stream is not whole: {answer}"))));
                }
            }
            Ok::<_, reqwest::Error>(Ok(()))
        });
    }
    while let Some(read) = readers.join_next().await {
        read.map_err(io::Error::other)?.map_err(io::Error::other)??;
    }
    Ok(())
}

async fn provide(listener: TcpListener, tls: Option<TlsAcceptor>) {
    while let Ok((socket, _)) = listener.accept().await {
        let tls = tls.clone();
        tokio::spawn(async move {
            socket.set_nodelay(true)?;
            match tls {
                Some(tls) => answer(tls.accept(socket).await?).await,
                None => answer(socket).await,
            }
        });
    }
}

/// Answers each request on a connection by a stream; writing fails where the relay has left.
async fn answer(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let event = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\
                 \"created\":1767225600,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\
                 \"delta\":{\"content\":\" word\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    let event = format!("{:x}\r\n{event}\r\n", event.len());
    let mut request = Vec::new();
    loop {
        while !request.ends_with(b"\"messages\":[]}") {
            if socket.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        request.clear();
        socket.write_all(head.as_bytes()).await?;
        for _ in 0..EVENTS {
            sleep(GAP).await;
            socket.write_all(event.as_bytes()).await?;
        }
        socket.write_all(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n").await?;
    }
}

/// Who vouches for the provider.
fn authority() -> io::Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)
}

fn server(authority: &CertifiedIssuer<'static, KeyPair>) -> io::Result<TlsAcceptor> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let params = CertificateParams::new(["localhost".to_owned()]).map_err(io::Error::other)?;
    let certificate = params.signed_by(&key, authority).map_err(io::Error::other)?;
    let key = key.serialize_der().try_into().map_err(io::Error::other)?;
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.into()], key);
    Ok(TlsAcceptor::from(Arc::new(config.map_err(io::Error::other)?)))
}

//! Providers behind TLS, with certificates of the test's own, and providers that speak HTTP/2: who
//! is trusted, and what is spoken.

mod support;

use std::{fs, io, net::SocketAddr, path::Path, sync::Arc};

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use support::{Client, Running, post, soon};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const EVENTS: [&str; 2] = ["data: 1\n\n", "data: [DONE]\n\n"];

/// An authority that the test makes, and the file that tells of it.
struct Authority(CertifiedIssuer<'static, KeyPair>, String);

impl Authority {
    /// One whose file is named like the test.
    fn new(test: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.pem"));
        fs::write(&file, authority.pem()).expect("the target folder can be written");
        Self(authority, file.display().to_string())
    }

    /// What a server needs that shows a certificate for `name` and offers these protocols.
    fn server(&self, name: &str, protocols: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = key.serialize_der().try_into().expect("a key");
        let config = ServerConfig::builder().with_no_client_auth();
        let mut config = config.with_single_cert(vec![certificate.into()], key).expect("they fit");
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A provider of one stream, whose second event waits for [`Provider::go`].
struct Provider {
    address: SocketAddr,
    /// What is spoken on each connection.
    spoken: mpsc::UnboundedReceiver<&'static str>,
    gate: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    /// Behind TLS, or without it by HTTP/2.
    async fn start(tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let gate = Arc::new(Semaphore::new(0));
        let (tell, spoken) = mpsc::unbounded_channel();
        let gates = Arc::clone(&gate);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (tls, gates, tell) = (tls.clone(), Arc::clone(&gates), tell.clone());
                tokio::spawn(async move { serve(socket, tls, &gates, &tell).await });
            }
        });
        Ok(Self { address, spoken, gate, task })
    }

    fn base(&self) -> String {
        format!("https://localhost:{}/v1", self.address.port())
    }
}

async fn serve(
    socket: TcpStream,
    tls: Option<TlsAcceptor>,
    gate: &Semaphore,
    tell: &mpsc::UnboundedSender<&'static str>,
) -> io::Result<()> {
    let Some(tls) = tls else {
        return http2(socket, gate, tell).await;
    };
    let stream = tls.accept(socket).await?;
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2(stream, gate, tell).await,
        _ => http1(stream, gate, tell).await,
    }
}

async fn http1(
    mut io: impl AsyncRead + AsyncWrite + Unpin,
    gate: &Semaphore,
    tell: &mpsc::UnboundedSender<&'static str>,
) -> io::Result<()> {
    assert_ne!(io.read(&mut [0; 4_096]).await?, 0, "a small request comes in one piece");
    let _ = tell.send("http/1.1");
    io.write_all(HEAD.as_bytes()).await?;
    for event in EVENTS {
        io.write_all(event.as_bytes()).await?;
        io.flush().await?;
        gate.acquire().await.map_err(io::Error::other)?.forget();
    }
    io.shutdown().await
}

async fn http2(
    io: impl AsyncRead + AsyncWrite + Unpin,
    gate: &Semaphore,
    tell: &mpsc::UnboundedSender<&'static str>,
) -> io::Result<()> {
    let mut connection = h2::server::handshake(io).await.map_err(io::Error::other)?;
    while let Some(accepted) = connection.accept().await {
        let (_, mut respond) = accepted.map_err(io::Error::other)?;
        let _ = tell.send("h2");
        let head = http::Response::builder().header("content-type", "text/event-stream").body(());
        let head = head.expect("a head");
        let mut body = respond.send_response(head, false).map_err(io::Error::other)?;
        let sending = async {
            for event in EVENTS {
                body.send_data(Bytes::from_static(event.as_bytes()), false).expect("a window");
                gate.acquire().await.expect("the gate stays").forget();
            }
            body.send_data(Bytes::new(), true).expect("a window");
        };
        tokio::select! {
            biased;
            () = sending => {}
            // It is driven meanwhile; one request is all that the test sends.
            _ = connection.accept() => {}
        }
    }
    Ok(())
}

/// The stream comes as it is sent; tells what was spoken to the provider.
async fn relayed(
    provider: &mut Provider,
    base: &str,
    switches: &[(&str, &str)],
) -> io::Result<&'static str> {
    let relay = Running::before(base, switches).await?;
    let mut client = Client::chat(relay.address).await?;
    client.until(EVENTS[0]).await;
    assert!(!client.text().contains("[DONE]"), "it was not sent yet");
    provider.gate.add_permits(2);
    let (body, complete) = client.until("\r\n0\r\n\r\n").await.chunked();
    assert_eq!((String::from_utf8_lossy(&body).into_owned(), complete), (EVENTS.concat(), true));
    Ok(soon(provider.spoken.recv()).await.expect("the provider lives"))
}

/// Status 502 and this code; nothing of the request was sent.
async fn refused(provider: &mut Provider, switches: &[(&str, &str)]) -> io::Result<()> {
    let relay =
        Running::before(&provider.base(), &[switches, &[("retries", "0")]].concat()).await?;
    let request = post("/v1/chat/completions", "connection: close\r\nauthorization: Bearer k\r\n");
    let mut client = Client::send(relay.address, &request).await?;
    assert_eq!(client.rest().await.status(), 502, "{}", client.text());
    assert!(client.plain().contains("\"code\":\"upstream_tls_failed\""), "{}", client.plain());
    assert!(provider.spoken.try_recv().is_err(), "its key went to a stranger");
    Ok(())
}

#[tokio::test]
async fn an_authority_that_is_named_is_trusted_and_streams_come_as_they_are_sent() -> io::Result<()>
{
    let authority = Authority::new("trusted");
    for (offered, switch, spoken) in [
        (&["h2", "http/1.1"][..], "auto", "h2"),
        (&["http/1.1"], "auto", "http/1.1"),
        (&[], "auto", "http/1.1"),
        (&["h2", "http/1.1"], "h1", "http/1.1"),
    ] {
        let tls = authority.server("localhost", offered);
        let mut provider = Provider::start(Some(tls)).await?;
        let base = provider.base();
        let switches = [("upstream_ca", authority.1.as_str()), ("upstream_http", switch)];
        assert_eq!(relayed(&mut provider, &base, &switches).await?, spoken, "{offered:?} {switch}");
    }
    Ok(())
}

#[tokio::test]
async fn without_tls_http2_is_spoken_where_it_is_asked_for() -> io::Result<()> {
    let mut provider = Provider::start(None).await?;
    let base = format!("http://{}/v1", provider.address);
    assert_eq!(relayed(&mut provider, &base, &[("upstream_http", "h2")]).await?, "h2");
    Ok(())
}

#[tokio::test]
async fn an_authority_that_nobody_named_is_refused_with_the_reason() -> io::Result<()> {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    let mut provider = Provider::start(Some(unknown.server("localhost", &[]))).await?;
    refused(&mut provider, &[]).await?;
    refused(&mut provider, &[("upstream_ca", &known.1)]).await
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() -> io::Result<()> {
    let authority = Authority::new("other_name");
    let tls = authority.server("provider.example", &[]);
    let mut provider = Provider::start(Some(tls)).await?;
    refused(&mut provider, &[("upstream_ca", &authority.1)]).await
}

#[tokio::test]
async fn a_provider_that_speaks_no_tls_is_refused_with_the_reason() -> io::Result<()> {
    let plain = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("https://{}/v1", plain.local_addr()?);
    let served = tokio::spawn(async move {
        let (mut socket, _) = plain.accept().await?;
        assert_ne!(socket.read(&mut [0; 4_096]).await?, 0, "a greeting");
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await
    });
    let relay = Running::before(&base, &[("retries", "0")]).await?;
    let mut client =
        Client::send(relay.address, &post("/v1/chat/completions", "connection: close\r\n")).await?;
    assert_eq!(client.rest().await.status(), 502, "{}", client.text());
    assert!(client.plain().contains("\"code\":\"upstream_tls_failed\""), "{}", client.plain());
    served.await?
}

#[tokio::test]
async fn a_provider_may_send_no_more_ahead_than_the_standards_window() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}/v1", listener.local_addr()?);
    let granted = tokio::spawn(async move {
        let (socket, _) = listener.accept().await?;
        let mut connection = h2::server::handshake(socket).await.map_err(io::Error::other)?;
        let accepted = connection.accept().await.expect("a request").map_err(io::Error::other)?;
        let (_, mut respond) = accepted;
        let head = http::Response::new(());
        let mut body = respond.send_response(head, false).map_err(io::Error::other)?;
        body.reserve_capacity(8 << 20);
        let granted = std::future::poll_fn(|cx| body.poll_capacity(cx));
        tokio::select! {
            biased;
            granted = granted => granted.expect("an open stream").map_err(io::Error::other),
            _ = connection.accept() => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    });
    let relay = Running::before(&base, &[("upstream_http", "h2")]).await?;
    let _client = Client::chat(relay.address).await?;
    // RFC 9113 6.9.2. Nothing was read: this is what a client that stands still can make it hold.
    assert_eq!(soon(granted).await??, 65_535);
    Ok(())
}

#[tokio::test]
async fn a_stream_that_the_provider_resets_is_told_and_shown() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}/v1", listener.local_addr()?);
    let served = tokio::spawn(async move {
        let (socket, _) = listener.accept().await?;
        let mut connection = h2::server::handshake(socket).await.map_err(io::Error::other)?;
        let accepted = connection.accept().await.expect("a request").map_err(io::Error::other)?;
        let (_, mut respond) = accepted;
        let head = http::Response::builder().header("content-type", "text/event-stream").body(());
        let head = head.expect("a head");
        let mut body = respond.send_response(head, false).map_err(io::Error::other)?;
        let event = Bytes::from_static(EVENTS[0].as_bytes());
        body.send_data(event, false).map_err(io::Error::other)?;
        let reset = async {
            // What is queued would be dropped with the stream.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            body.send_reset(h2::Reason::INTERNAL_ERROR);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = reset => {}
            _ = connection.accept() => {}
        }
        io::Result::Ok(())
    });
    let relay = Running::before(&base, &[("upstream_http", "h2")]).await?;
    let mut client = Client::chat(relay.address).await?;
    let (body, complete) = client.rest().await.chunked();
    let body = String::from_utf8_lossy(&body);
    assert!(body.starts_with(EVENTS[0]) && body.contains("\"code\":\"upstream_broken\""), "{body}");
    assert!(!complete, "the framing looks complete");
    served.abort();
    Ok(())
}

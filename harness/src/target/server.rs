//! Serves a router as `axum::serve` does, less what cannot be replayed.

use std::{net::SocketAddr, pin::pin};

use axum::{Router, body::Body, extract::ConnectInfo, serve::Listener as _};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt as _;

use crate::net::{Listener, Stop};

/// How much hyper may hold of an answer that its client has not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteBuffer {
    /// hyper's default, which `axum::serve` has no switch for: 16 pieces of a body or 417,792 bytes,
    /// whichever comes first (hyper 1.12, `MAX_BUF_LIST_BUFFERS` and `DEFAULT_MAX_BUFFER_SIZE`), so
    /// that a relay takes that much more than its client reads. On a transport that cannot write
    /// vectored, the number of pieces does not count.
    HyperDefault,
    /// 16 pieces, or so many bytes; at least 8,192 (hyper 1.12, `MINIMUM_MAX_BUFFER_SIZE`). It bounds the head of
    /// a request too.
    AtMost(usize),
}

/// Accepts connections for ever, and serves each in a task of its own. Told to stop it ends at once,
/// as `axum::serve` does where it is given no shutdown: a router cannot say what its program does.
pub async fn serve(mut listener: Listener, router: Router, buffer: WriteBuffer) {
    loop {
        let (stream, peer) = listener.accept().await;
        let never = Stop::default();
        tokio::spawn(connection(stream, peer, router.clone(), buffer, never));
    }
}

/// Serves one connection to its end. Told to stop it answers what was asked, and then closes.
///
/// As `axum::serve` (0.8.9) does: HTTP/1 with keep-alive and upgrades, and no time-out of its own:
/// it gives hyper no timer, so hyper's 30 s for the head of a request do not run. Unlike it: no
/// `Date`, which would tell the wall clock, and no HTTP/2.
pub async fn connection<I>(io: I, peer: SocketAddr, router: Router, buffer: WriteBuffer, stop: Stop)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut server = http1::Builder::new();
    server.auto_date_header(false);
    if let WriteBuffer::AtMost(bytes) = buffer {
        server.max_buf_size(bytes);
    }
    // How a connection ends is seen at the socket; axum drops this error, too.
    let mut serving = pin!(server.serve_connection(TokioIo::new(io), service).with_upgrades());
    let ended = tokio::select! {
        biased;
        ended = serving.as_mut() => Some(ended),
        () = stop.told() => None,
    };
    if ended.is_none() {
        serving.as_mut().graceful_shutdown();
        drop(serving.await);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use axum::{body::Body, response::Response, routing::get};
    use bytes::Bytes;
    use futures_util::stream;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        time::timeout,
    };

    use super::*;

    const PEER: ([u8; 4], u16) = ([192, 0, 2, 7], 4711);

    /// A client's end of a connection on which a router is served; the wire holds 4 KiB.
    fn connected(router: Router, buffer: WriteBuffer) -> DuplexStream {
        let (client, server) = duplex(4 << 10);
        tokio::spawn(connection(server, PEER.into(), router, buffer, Stop::default()));
        client
    }

    async fn asked(router: Router) -> String {
        let mut client = connected(router, WriteBuffer::HyperDefault);
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_has_no_date_and_a_handler_knows_its_peer() {
        let who = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
        let text = asked(Router::new().route("/", get(who))).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n\
                    content-length: 14\r\nconnection: close\r\n\r\n";
        assert_eq!(text, format!("{head}192.0.2.7:4711"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_for_as_long_as_axum_keeps_it() {
        let mut client = connected(Router::new(), WriteBuffer::HyperDefault);
        let quiet = timeout(Duration::from_hours(1), client.read_u8()).await;
        assert!(quiet.is_err(), "closed: {quiet:?}");
    }

    /// Bytes that hyper takes from a body of such pieces for a client that reads nothing.
    async fn held(buffer: WriteBuffer, piece_bytes: usize) -> usize {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        let piece = Bytes::from(vec![b'x'; piece_bytes]);
        let endless = Router::new().route(
            "/",
            get(async move || {
                let body = stream::repeat_with(move || {
                    counter.fetch_add(piece_bytes, Ordering::Relaxed);
                    Ok::<_, std::io::Error>(piece.clone())
                });
                Response::new(Body::from_stream(body))
            }),
        );
        let mut client = connected(endless, buffer);
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_mins(1)).await;
        taken.load(Ordering::Relaxed)
    }

    /// What real sockets hold, the kernel's own buffers included (Linux 6, loopback, 4 KiB asked for
    /// in `SO_SNDBUF` and `SO_RCVBUF`): by default 16,384 bytes in pieces of 1 KiB and 425,984 in
    /// pieces of 32 KiB; bounded to 16 KiB, 16,384 and 32,768.
    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_of_large_pieces_costs_400_kib_where_the_buffer_is_not_bounded() {
        let by_default = WriteBuffer::HyperDefault;
        let bounded = WriteBuffer::AtMost(16 << 10);
        let small = 12 << 10..24 << 10;
        assert!(small.contains(&held(by_default, 1 << 10).await));
        assert!(small.contains(&held(bounded, 1 << 10).await));
        let large = held(by_default, 32 << 10).await;
        assert!((400 << 10..450 << 10).contains(&large), "{large}");
        let large = held(bounded, 32 << 10).await;
        assert!((16 << 10..65 << 10).contains(&large), "{large}");
    }
}

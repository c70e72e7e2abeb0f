//! Whole exchanges over pipes; and what is read of an answer, beside what hyper's client reads of it.

use std::{collections::VecDeque, io, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use proptest::{collection::vec, prelude::*, sample::Index};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadBuf},
    sync::mpsc,
    task::coop,
    time::Instant,
};
use tower::ServiceExt as _;

use super::{
    framing::{Framing, has_whole_line_ends},
    *,
};

/// Makes pipes of so many bytes, and gives their far ends to a test.
#[derive(Clone)]
struct Pipes(usize, mpsc::UnboundedSender<DuplexStream>);

impl Connect for Pipes {
    type Io = DuplexStream;

    fn connect(
        &self,
        _: &str,
    ) -> impl Future<Output = Result<DuplexStream, BoxError>> + Send + 'static {
        let (near, far) = tokio::io::duplex(self.0);
        let sent = self.1.send(far);
        async move { Ok(sent.map(|()| near)?) }
    }
}

fn client(room: usize) -> (Direct<Pipes>, mpsc::UnboundedReceiver<DuplexStream>) {
    let (far, fars) = mpsc::unbounded_channel();
    (Direct::new(Pipes(room, far)), fars)
}

fn request(method: Method, url: &str, body: &'static str) -> reqwest::Request {
    let mut request = reqwest::Request::new(method, url.parse().unwrap());
    *request.body_mut() = Some(body.into());
    request
}

fn get() -> reqwest::Request {
    request(Method::GET, "http://a/", "")
}

/// Reads up to a request's end, the one that a test sent.
async fn until(far: &mut DuplexStream, end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        read.push(far.read_u8().await.unwrap());
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn a_request_is_written_as_rfc_9112_has_it() {
    let (client, mut fars) = client(1 << 10);
    let mut post = request(Method::POST, "http://[::1]:8080/v1/a%20b?c=d", "{}");
    post.headers_mut().insert("x", "y".parse().unwrap());
    let mut empty = request(Method::POST, "http://a/", "");
    // Of what says where a body ends only the client's own word counts.
    empty.headers_mut().insert("content-length", "7".parse().unwrap());
    empty.headers_mut().insert("transfer-encoding", "chunked".parse().unwrap());
    let rows = [
        (
            post,
            "POST /v1/a%20b?c=d HTTP/1.1\r\nhost: [::1]:8080\r\nx: y\r\ncontent-length: 2\r\n\r\n{}",
        ),
        (empty, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"),
        (get(), "GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ];
    for (request, wanted) in rows {
        let call = tokio::spawn(client.clone().oneshot(request));
        let mut far = fars.recv().await.unwrap();
        let mut written = vec![0; wanted.len()];
        far.read_exact(&mut written).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&written), wanted);
        drop(far);
        assert!(call.await.unwrap().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_again_and_kept_for_90_seconds() {
    let (client, mut fars) = client(1 << 10);
    let mut far = None;
    for _ in 0..2 {
        let call = tokio::spawn(client.clone().oneshot(get()));
        let far = match &mut far {
            Some(far) => far,
            none => none.insert(fars.recv().await.unwrap()),
        };
        until(far, "\r\n\r\n").await;
        far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        assert_eq!(call.await.unwrap().unwrap().text().await.unwrap(), "ok");
    }
    assert!(fars.try_recv().is_err(), "a second connection");
    let kept = Instant::now();
    assert_eq!(far.unwrap().read(&mut [0]).await.unwrap(), 0);
    assert_eq!(kept.elapsed().as_secs(), 90);
    assert!(client.pool.is_empty());
}

#[tokio::test]
async fn a_connection_that_ended_is_not_used_again_not_even_at_that_moment() {
    let (client, mut fars) = client(1 << 10);
    for _ in 0..2 {
        // In one task: whoever watches the first connection has no turn between its end and the next
        // request.
        let call = async { client.clone().oneshot(get()).await?.text().await.map_err(Into::into) };
        let provider = async {
            let mut far = fars.recv().await.unwrap();
            until(&mut far, "\r\n\r\n").await;
            far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        };
        let (text, ()): (Result<String, BoxError>, ()) = tokio::join!(call, provider);
        assert_eq!(text.unwrap(), "ok");
    }
}

#[tokio::test]
async fn a_connection_that_ended_is_not_used_again_by_who_has_no_budget_left() {
    let pool = Pool::default();
    let (near, far) = tokio::io::duplex(1);
    drop(far);
    let mut near = Some(near);
    poll_fn(|cx| {
        while let Poll::Ready(restore) = coop::poll_proceed(cx) {
            restore.made_progress();
        }
        pool.keep("a".to_owned(), near.take().unwrap());
        assert!(pool.take("a").is_none());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_read_while_the_request_still_goes_out() {
    let (client, mut fars) = client(16);
    let body = "0123456789".repeat(10);
    let mut post = request(Method::POST, "http://a/", "");
    *post.body_mut() = Some(body.clone().into());
    let call = tokio::spawn(client.clone().oneshot(post));
    let mut far = fars.recv().await.unwrap();
    far.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
    far.write_all(b"content-length: 2\r\n\r\n").await.unwrap();
    let text = tokio::spawn(call.await.unwrap().unwrap().text());
    assert!(until(&mut far, &body).await.starts_with("POST / HTTP/1.1\r\n"));
    far.write_all(b"ok").await.unwrap();
    assert_eq!(text.await.unwrap().unwrap(), "ok");
}

#[tokio::test]
async fn a_connection_with_half_a_request_on_it_is_not_used_again() {
    let (client, mut fars) = client(64);
    for _ in 0..2 {
        let mut post = request(Method::POST, "http://a/", "");
        *post.body_mut() = Some("0".repeat(100).into());
        let call = tokio::spawn(client.clone().oneshot(post));
        let mut far = fars.recv().await.unwrap();
        far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        assert_eq!(call.await.unwrap().unwrap().text().await.unwrap(), "ok");
        let mut read = Vec::new();
        far.read_to_end(&mut read).await.unwrap();
        assert_eq!(read.len(), 64);
    }
}

/// In a request, it tells when that is let go of.
#[derive(Clone)]
struct Alive(Arc<str>);

impl AsRef<[u8]> for Alive {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[tokio::test]
async fn a_request_is_let_go_of_once_it_is_sent() {
    let (client, mut fars) = client(1 << 10);
    let alive: Arc<str> = "".into();
    let watched = Arc::downgrade(&alive);
    let mut get = http::Request::get("http://a/").body("").unwrap();
    get.extensions_mut().insert(Alive(alive));
    let call = tokio::spawn(client.oneshot(get.try_into().unwrap()));
    let mut far = fars.recv().await.unwrap();
    until(&mut far, "\r\n\r\n").await;
    assert_eq!(watched.strong_count(), 0);
    assert!(!call.is_finished());
}

#[tokio::test]
async fn what_was_sent_is_let_go_of_while_the_answer_is_awaited() {
    let (near, mut far) = tokio::io::duplex(1 << 10);
    let alive: Arc<str> = "bytes".into();
    let out = [Bytes::new(), Bytes::from_owner(Alive(Arc::clone(&alive)))];
    let mut exchange = Exchange::new(near, out);
    let head = poll_fn(|cx| Poll::Ready(exchange.poll_head(&Method::GET, cx)));
    assert!(head.await.is_pending());
    assert_eq!(until(&mut far, "bytes").await, "bytes");
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// Status, header fields, body, and whether the body was whole; `None` where the head is refused.
type Read = Option<(StatusCode, HeaderMap, Vec<u8>, bool)>;

/// As the relay reads what comes in these pieces before the connection ends.
async fn ours(pieces: &[&[u8]]) -> Read {
    let mut exchange = Exchange::new(Provider::new(pieces), [Bytes::new(), Bytes::new()]);
    let head = poll_fn(|cx| exchange.poll_head(&Method::GET, cx)).await.ok()?;
    let mut body = DirectBody::new(exchange, head.framing, None);
    let mut read = Vec::new();
    let whole = loop {
        match body.frame().await {
            Some(Ok(frame)) => read.extend(frame.into_data().unwrap()),
            Some(Err(_)) => break false,
            None => break true,
        }
    };
    Some((head.status, head.headers, read, whole))
}

/// As hyper reads it.
async fn hypers(pieces: &[&[u8]]) -> Read {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
    let driven = tokio::spawn(connection);
    let request = http::Request::get("/").header("host", "a").body(Empty::<Bytes>::new()).unwrap();
    let answer = sender.send_request(request);
    let feed = async {
        let mut request = [0; 1 << 10];
        drop(far.read(&mut request).await);
        for piece in pieces {
            drop(far.write_all(piece).await);
            tokio::task::yield_now().await;
        }
        drop(far);
    };
    let (answer, ()) = tokio::join!(answer, feed);
    let read = match answer {
        Err(_) => None,
        Ok(answer) => {
            let (head, mut incoming) = answer.into_parts();
            let mut body = Vec::new();
            let whole = loop {
                match incoming.frame().await {
                    Some(Ok(frame)) => body.extend(frame.into_data().unwrap_or_default()),
                    Some(Err(_)) => break false,
                    None => break true,
                }
            };
            Some((head.status, head.headers, body, whole))
        }
    };
    driven.abort();
    read
}

/// A provider that sends these pieces, each for a read of its own, and ends the connection.
struct Provider {
    pieces: VecDeque<Bytes>,
    /// Whether it resets while the request still goes out: as sockets do, it tells of that once, to the
    /// writer, and then looks like an end.
    resets: bool,
}

impl Provider {
    fn new(pieces: &[&[u8]]) -> Self {
        let pieces = pieces.iter().filter(|piece| !piece.is_empty());
        Self { pieces: pieces.map(|piece| Bytes::copy_from_slice(piece)).collect(), resets: false }
    }
}

impl AsyncRead for Provider {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(&self.pieces.pop_front().unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Provider {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(if self.resets {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(bytes.len())
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn half_an_answer_before_a_reset_is_not_whole() {
    let answer = b"HTTP/1.1 200 OK\r\n\r\n{\"half\":";
    let provider = Provider { resets: true, ..Provider::new(&[answer]) };
    let mut exchange = Exchange::new(provider, [Bytes::from("request"), Bytes::new()]);
    let head = poll_fn(|cx| exchange.poll_head(&Method::POST, cx)).await.unwrap();
    let mut body = DirectBody::new(exchange, head.framing, None);
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "{\"half\":");
    let error = body.frame().await.unwrap().unwrap_err();
    let error = error.downcast_ref::<io::Error>().map(io::Error::kind);
    assert_eq!(error, Some(io::ErrorKind::ConnectionReset));
    assert!(body.frame().await.is_none());
}

#[test]
fn a_body_is_not_copied() {
    let body = Bytes::from(vec![b'x'; 1 << 10]);
    let mut post = request(Method::POST, "http://a/", "");
    *post.body_mut() = Some(body.clone().into());
    let [_, written] = head::write(&mut post, "a");
    assert_eq!((written.as_ptr(), written.len()), (body.as_ptr(), body.len()));
}

#[tokio::test]
async fn chunks_of_one_read_are_one_piece_and_a_mistake_behind_them_is_found() {
    for (end, is_whole) in [("0\r\n\r\n", true), ("z\r\n", false)] {
        let provider = Provider::new(&[format!("1\r\na\r\n1\r\nb\r\n{end}").as_bytes()]);
        let exchange = Exchange::new(provider, [Bytes::new(), Bytes::new()]);
        let mut body = DirectBody::new(exchange, Framing::CHUNKED, None);
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "ab");
        assert_eq!(body.is_end_stream(), is_whole);
        assert_eq!(body.frame().await.is_none(), is_whole);
    }
}

#[test]
fn a_connection_is_kept_as_rfc_9112_has_it() {
    let rows: [(&str, &[&str], bool); 6] = [
        ("1.1", &[], true),
        ("1.1", &["close"], false),
        ("1.1", &["x", "close"], false),
        ("1.0", &[], false),
        ("1.0", &["keep-alive"], true),
        // 9.3: who says close has the last word.
        ("1.0", &["Keep-Alive, Close"], false),
    ];
    for (version, says, kept) in rows {
        let fields = says.iter().flat_map(|says| ["connection: ", says, "\r\n"]);
        let fields: String = fields.collect();
        let answer = format!("HTTP/{version} 200 OK\r\ncontent-length: 0\r\n{fields}\r\n");
        let head = head::read(&mut answer.as_bytes(), &Method::GET).unwrap().unwrap();
        assert_eq!(head.keeps_alive, kept, "{answer}");
    }
}

/// The parts of answers, right and wrong ones.
const HEADS: [&str; 12] = [
    "content-length: 5\r\n",
    "content-length: 5\r\ncontent-length: 5\r\n",
    "content-length: 5, 5\r\n",
    "content-length: 5\r\ncontent-length: 6\r\n",
    "content-length: +5\r\n",
    "content-length: \r\n",
    "transfer-encoding: chunked\r\n",
    "Transfer-Encoding: gzip, Chunked\r\n",
    "transfer-encoding: chunked\r\ncontent-length: 3\r\n",
    "transfer-encoding: gzip\r\n",
    "x: a\r\n b\r\n",
    "",
];
const LINES: [&str; 8] = [
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/1.1 204 No Content\r\n",
    "HTTP/1.1 304\r\n",
    "HTTP/1.1 503 \r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
    "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 429 Slow\r\n",
    "HTTP/2 200 OK\r\n",
];
const BODIES: [&str; 10] = [
    "5\r\nhello\r\n0\r\n\r\n",
    "5;a=b\r\nhello\r\n000a \r\n0123456789\r\n0\r\nx: y\r\n\r\n",
    "5\r\nhello\r\n",
    "5\r\nhel",
    "5\r\nhelloX\r\n0\r\n\r\n",
    "ffffffffffffffffff\r\n",
    "-1\r\n\r\n",
    "hello",
    "hello, and more",
    "0\r\n bad\r\n\r\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Heads, framing and the end of any answer, cut anywhere, with a byte exchanged or not.
    #[test]
    fn an_answer_is_read_as_hyper_reads_it(
        line in any::<Index>(),
        head in any::<Index>(),
        body in any::<Index>(),
        wrong in prop::option::weighted(0.3, (any::<Index>(), any::<u8>())),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let (line, head, body) = (line.get(&LINES), head.get(&HEADS), body.get(&BODIES));
        let mut bytes = [line, "a: 1\r\n", head, "\r\n", body].concat().into_bytes();
        if let Some((at, byte)) = wrong {
            *at.get_mut(&mut bytes) = byte;
        }
        // Behind the head hyper takes some line ends for whole that are not, and the relay none.
        let body = bytes.len() - body.len();
        prop_assume!(has_whole_line_ends(&bytes[body..]));
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (ours, hypers) = runtime.block_on(async { (ours(&pieces).await, hypers(&pieces).await) });
        prop_assert_eq!(ours, hypers, "{}", bytes.escape_ascii());
    }
}

//! A connection of HTTP/2 with one stream, by the `h2` crate.
//!
//! The connection takes all that comes, as libraries do, and the application reads at its own pace:
//! what it has not read yet keeps the stream's window shut. Nothing runs beside the client: whatever
//! it waits for, it drives the connection meanwhile, and when it is dropped so is the connection.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    client::{Builder, Connection as Driver, ResponseFuture, SendRequest},
};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use mock_openai::{quantity::Size, wire::Wire as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::carrier::Arrived;
use crate::{
    http1::{Headers, Item, ResponseHead, header},
    http2::WINDOW,
    net::Stream,
    plan::Request,
    trace::{BodyEnd, Connection},
};

/// A connection, and how far its one stream has come.
pub(super) struct Http2 {
    socket: Socket,
    /// What the peer may send ahead: as much as the client's host holds.
    window: u32,
    driver: Option<Driver<Socket, Bytes>>,
    /// Kept, since a connection ends where nobody can ask any more.
    asking: Option<SendRequest<Bytes>>,
    sending: Option<SendStream<Bytes>>,
    state: State,
    /// What has come and is not read yet.
    unread: Bytes,
}

/// How far the response has come.
enum State {
    /// There is none to wait for: the request never left, or all is over.
    Over(BodyEnd),
    Head(ResponseFuture),
    Body(RecvStream),
}

impl Http2 {
    pub(super) fn new(stream: Stream, recv_buffer: Option<Size>) -> Self {
        let window = recv_buffer.map_or(WINDOW.unsigned_abs(), |size| size.0);
        Self {
            socket: Socket(Arc::new(Mutex::new(Held { stream, failed: false }))),
            window: u32::try_from(window).unwrap_or(u32::MAX >> 1),
            driver: None,
            asking: None,
            sending: None,
            state: State::Over(BodyEnd::Truncated),
            unread: Bytes::new(),
        }
    }

    pub(super) fn connection(&self) -> Connection {
        self.socket.held().stream.connection()
    }

    pub(super) async fn send(&mut self, request: &Request) {
        if let Err(error) = self.ask(request).await {
            self.state = State::Over(self.ending(&error));
        }
    }

    async fn ask(&mut self, request: &Request) -> Result<(), h2::Error> {
        let (asking, driver) = Builder::new()
            .initial_window_size(self.window)
            .initial_connection_window_size(self.window)
            .enable_push(false)
            .handshake(self.socket.clone())
            .await?;
        self.driver = Some(driver);
        let mut asking = self.during(asking.ready()).await?;
        let (answer, mut sending) =
            asking.send_request(head_of(request), request.body.is_empty())?;
        (self.asking, self.state) = (Some(asking), State::Head(answer));
        let mut left = Bytes::copy_from_slice(request.body.as_bytes());
        while !left.is_empty() {
            sending.reserve_capacity(left.len());
            let room = poll_fn(|cx| sending.poll_capacity(cx));
            let Some(room) = drive(&mut self.driver, room).await else { break };
            let piece = left.split_to(room?.min(left.len()));
            sending.send_data(piece, left.is_empty())?;
        }
        self.sending = Some(sending);
        // What is queued leaves while the answer is awaited.
        Ok(())
    }

    pub(super) async fn during<T>(&mut self, what: impl Future<Output = T>) -> T {
        drive(&mut self.driver, what).await
    }

    pub(super) async fn read(&mut self, bytes_max: usize) -> Arrived {
        loop {
            if !self.unread.is_empty() {
                return self.take(bytes_max);
            }
            let came = match &mut self.state {
                State::Over(how) => return Arrived::over(*how),
                State::Head(answer) => match drive(&mut self.driver, answer).await {
                    Ok(response) => return self.begin(response),
                    Err(error) => Err(error),
                },
                State::Body(body) => match drive(&mut self.driver, body.data()).await {
                    Some(Ok(piece)) => {
                        self.unread = piece;
                        continue;
                    }
                    None => match drive(&mut self.driver, body.trailers()).await {
                        Ok(Some(fields)) => {
                            self.state = State::Over(BodyEnd::Complete);
                            let items = vec![Item::Trailers(listed(&fields))];
                            return Arrived { bytes: 0, items };
                        }
                        Ok(None) => Ok(()),
                        Err(error) => Err(error),
                    },
                    Some(Err(error)) => Err(error),
                },
            };
            let how = came.map_or_else(|error| self.ending(&error), |()| BodyEnd::Complete);
            self.state = State::Over(how);
        }
    }

    fn begin(&mut self, response: http::Response<RecvStream>) -> Arrived {
        let (head, body) = response.into_parts();
        self.state = State::Body(body);
        let headers = listed(&head.headers);
        let (version, status) = (Version::HTTP_2, head.status.as_u16());
        let head = ResponseHead { version, status, reason: String::new(), headers };
        Arrived { bytes: 0, items: vec![Item::Head(head)] }
    }

    /// Hands over what has come, and lets the peer send as much again.
    fn take(&mut self, bytes_max: usize) -> Arrived {
        let piece = self.unread.split_to(self.unread.len().min(bytes_max));
        if let State::Body(body) = &mut self.state {
            // A stream that is over needs no window.
            body.flow_control().release_capacity(piece.len()).unwrap_or_default();
        }
        Arrived { bytes: piece.len() as u64, items: vec![Item::Body(piece)] }
    }

    /// How an error ends the response, as far as a client can tell.
    fn ending(&self, error: &h2::Error) -> BodyEnd {
        let code = error.reason().map(u32::from);
        match code {
            Some(code) if error.is_remote() && error.is_reset() => BodyEnd::StreamReset(code),
            Some(code) if error.is_remote() && error.is_go_away() => BodyEnd::TurnedAway(code),
            Some(_) => BodyEnd::Garbled,
            None if self.socket.held().failed => BodyEnd::Reset,
            None => BodyEnd::Truncated,
        }
    }

    pub(super) async fn reset(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.socket.held().stream).poll_reset(cx)).await
    }

    /// Gives the stream up, and waits until that has left.
    pub(super) async fn reset_stream(&mut self) {
        if let Some(mut sending) = self.sending.take() {
            sending.send_reset(Reason::CANCEL);
            self.state = State::Over(BodyEnd::StreamReset(Reason::CANCEL.into()));
            self.unread.clear();
            self.during(tokio::task::yield_now()).await;
        }
    }
}

/// Waits for something, and drives a connection meanwhile, which may end first.
async fn drive<T>(driver: &mut Option<Driver<Socket, Bytes>>, what: impl Future<Output = T>) -> T {
    let mut what = pin!(what);
    poll_fn(|cx| {
        let ended = driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(cx).is_ready());
        if ended {
            *driver = None;
        }
        what.as_mut().poll(cx)
    })
    .await
}

fn listed(fields: &HeaderMap) -> Headers {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    fields.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// The head in HTTP/2: `host` becomes the authority (RFC 9113 8.3.1).
fn head_of(request: &Request) -> http::Request<()> {
    let host = header(&request.headers, "host").unwrap_or_default();
    let mut head = http::Request::new(());
    *head.method_mut() = request.method.parse().unwrap_or_default();
    *head.uri_mut() = format!("http://{host}{}", request.target).parse().unwrap_or_default();
    *head.version_mut() = Version::HTTP_2;
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        // The check refuses names and values that are none.
        if let (Ok(name), Ok(value)) = (name, value)
            && name != "host"
        {
            head.headers_mut().append(name, value);
        }
    }
    head
}

/// The socket, which the client can still reset while the connection has it.
#[derive(Clone)]
struct Socket(Arc<Mutex<Held>>);

struct Held {
    stream: Stream,
    /// Whether a read or write failed: by RST, as far as a client can tell.
    failed: bool,
}

impl Socket {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn noted<T>(
        &self,
        polled: impl FnOnce(Pin<&mut Stream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut held = self.held();
        let result = ready!(polled(Pin::new(&mut held.stream)));
        held.failed |= result.is_err();
        Poll::Ready(result)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.noted(|stream| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.noted(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.noted(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.noted(|stream| stream.poll_shutdown(cx))
    }
}

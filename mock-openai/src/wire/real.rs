//! Real TCP sockets as transport.

use std::{
    future::Future as _,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep},
};

use super::{Accept, Wire, unsent::unsent};

/// How long an RST waits for the bytes before it. A peer that takes nothing for so long loses
/// them: there is no other way to reset a connection whose peer does not read.
const LEAVE_MAX: Duration = Duration::from_secs(1);

/// How often the wait for those bytes looks again.
const LEAVE_TICK: Duration = Duration::from_millis(1);

/// How long accepting pauses when the process has no file descriptors left. Without a pause the
/// loop would spin, because the connection stays in the queue.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// A TCP connection that can be reset.
#[derive(Debug)]
pub struct RealWire {
    stream: Option<TcpStream>,
    leaving: Option<Leaving>,
}

#[derive(Debug)]
struct Leaving {
    until: Instant,
    tick: Pin<Box<Sleep>>,
}

impl RealWire {
    /// Takes over a connection. Nagle's algorithm is switched off, so that each write leaves as a
    /// segment of its own.
    ///
    /// # Errors
    /// What the socket answers to that switch.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream: Some(stream), leaving: None })
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for RealWire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for RealWire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}

impl Wire for RealWire {
    /// Closing with a linger time of zero sends RST and throws away what the kernel has not sent,
    /// so it first waits, for at most one second, until the peer's kernel has everything.
    fn poll_reset(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(stream) = this.stream.as_ref() else {
            return Poll::Ready(Ok(()));
        };
        let leaving = this.leaving.get_or_insert_with(|| Leaving {
            until: Instant::now() + LEAVE_MAX,
            tick: Box::pin(tokio::time::sleep(LEAVE_TICK)),
        });
        while unsent(stream).is_none_or(|bytes| bytes > 0) && Instant::now() < leaving.until {
            ready!(leaving.tick.as_mut().poll(cx));
            leaving.tick.as_mut().reset(Instant::now() + LEAVE_TICK);
        }
        let done = stream.set_zero_linger();
        this.stream = None;
        Poll::Ready(done)
    }
}

/// A listening TCP socket.
#[derive(Debug)]
pub struct RealListener {
    listener: TcpListener,
}

impl RealListener {
    /// Takes over a listening socket.
    pub fn new(listener: TcpListener) -> Self {
        Self { listener }
    }
}

impl Accept for RealListener {
    type Wire = RealWire;

    async fn accept(&mut self) -> io::Result<(RealWire, SocketAddr)> {
        loop {
            let accepted = self.listener.accept().await;
            match accepted.and_then(|(stream, peer)| Ok((RealWire::new(stream)?, peer))) {
                Ok(accepted) => return Ok(accepted),
                Err(error) => match concern(&error) {
                    Concern::Connection => {}
                    Concern::Resources => tokio::time::sleep(EXHAUSTED_PAUSE).await,
                    Concern::Listener => return Err(error),
                },
            }
        }
    }
}

/// What a failed accept is about.
#[derive(Debug, PartialEq, Eq)]
enum Concern {
    /// One connection, which is gone.
    Connection,
    /// The process or the host, which may recover.
    Resources,
    /// The listening itself.
    Listener,
}

/// The kinds are those that accept(2) lists: Linux passes pending network errors of the new
/// connection through accept, and reports EMFILE, ENFILE, ENOBUFS and ENOMEM for lack of room.
fn concern(error: &io::Error) -> Concern {
    /// ENOMEM, ENFILE, EMFILE (the same on Linux, macOS and the BSDs); ENOBUFS on Linux, and there.
    const NO_ROOM: [i32; 5] = [12, 23, 24, 105, 55];
    if error.raw_os_error().is_some_and(|code| NO_ROOM.contains(&code)) {
        return Concern::Resources;
    }
    let listener = [io::ErrorKind::InvalidInput, io::ErrorKind::NotConnected];
    // EBADF and ENOTSOCK: the descriptor is no listening socket (any more).
    if error.raw_os_error().is_some_and(|code| [9, 88, 38].contains(&code))
        || listener.contains(&error.kind())
    {
        return Concern::Listener;
    }
    Concern::Connection
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_writes_are_not_held_back_for_an_acknowledgement() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(!stream.nodelay().unwrap(), "it is on already");
        assert!(RealWire::new(stream).unwrap().stream().unwrap().nodelay().unwrap());
    }

    #[test]
    fn an_accept_error_is_told_apart_by_what_it_concerns() {
        // The numbers are Linux's: ECONNABORTED, EPROTO, EMFILE, ENFILE, EBADF, EINVAL.
        for (code, expected) in [
            (103, Concern::Connection),
            (71, Concern::Connection),
            (24, Concern::Resources),
            (23, Concern::Resources),
            (9, Concern::Listener),
            (22, Concern::Listener),
        ] {
            assert_eq!(concern(&io::Error::from_raw_os_error(code)), expected, "{code}");
        }
    }
}

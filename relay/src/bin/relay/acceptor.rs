//! One task accepts for all threads, and hands each connection to the one that has fewest, of those
//! that have asked for one.
//!
//! If each thread listened to the socket, each connection would wake all of them, and all but one in vain:
//! tokio has no `EPOLLEXCLUSIVE`. With a socket for each (`SO_REUSEPORT`) it would be chance how many
//! streams a thread has, and a thread without a place for one more would keep clients waiting whom others
//! could serve.

use std::{
    future::pending,
    io, net,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
};

/// Each connection of a thread has a clone of it.
type Open = Arc<()>;

/// A thread asks for its next connection.
#[derive(Debug)]
struct Ask {
    thread: usize,
    to: oneshot::Sender<Accepted>,
}

/// A connection that belongs to no runtime yet.
#[derive(Debug)]
struct Accepted {
    socket: net::TcpStream,
    address: SocketAddr,
    open: Open,
}

/// Accepts whom a [`Turn`] asks for.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listener: TcpListener,
    asks: mpsc::UnboundedReceiver<Ask>,
    /// Of each thread.
    open: Vec<Open>,
}

/// Where a thread gets its next connection.
#[derive(Debug)]
pub(crate) struct Turn {
    thread: usize,
    asks: mpsc::UnboundedSender<Ask>,
    /// Kept where whoever waits is dropped: a connection may come all the same, and must not be lost.
    asked: Option<oneshot::Receiver<Accepted>>,
    address: SocketAddr,
}

/// The one who accepts, on the current runtime, and a turn for each of so many threads. Of threads with
/// equally many connections the first is taken: the acceptor's own should be that.
///
/// # Errors
/// The socket cannot be watched.
///
/// # Panics
/// Outside of a runtime.
pub(crate) fn accepting(
    listener: net::TcpListener,
    threads: usize,
) -> io::Result<(Acceptor, Vec<Turn>)> {
    let listener = TcpListener::from_std(listener)?;
    let address = listener.local_addr()?;
    let (ask, asks) = mpsc::unbounded_channel();
    let turn = |thread| Turn { thread, asks: ask.clone(), asked: None, address };
    let turns = (0..threads).map(turn).collect();
    let open = (0..threads).map(|_| Open::default()).collect();
    Ok((Acceptor { listener, asks, open }, turns))
}

impl Acceptor {
    /// Accepts until all turns are dropped; then nobody waits to be accepted any more.
    pub(crate) async fn run(mut self) {
        let mut waiting: Vec<Ask> = Vec::new();
        loop {
            tokio::select! {
                biased;
                ask = self.asks.recv() => match ask {
                    Some(ask) => waiting.push(ask),
                    None => return,
                },
                (socket, address) = Listener::accept(&mut self.listener), if !waiting.is_empty() => {
                    // Without it the relay still works, only later.
                    drop(socket.set_nodelay(true));
                    // It may go to another thread, and so to another runtime.
                    if let Ok(socket) = socket.into_std() {
                        self.hand_over(socket, address, &mut waiting);
                    }
                }
            }
        }
    }

    /// Gives a connection to one of those who wait for it. Where all that do have begun to drain, it is
    /// closed, as the kernel does with those that nobody accepts.
    fn hand_over(&self, socket: net::TcpStream, address: SocketAddr, waiting: &mut Vec<Ask>) {
        waiting.retain(|ask| !ask.to.is_closed());
        let key = |ask: &Ask| (Arc::strong_count(&self.open[ask.thread]), ask.thread);
        let next = waiting.iter().enumerate().min_by_key(|(_, ask)| key(ask)).map(|(at, _)| at);
        if let Some(Ask { thread, to }) = next.map(|at| waiting.swap_remove(at)) {
            drop(to.send(Accepted { socket, address, open: Arc::clone(&self.open[thread]) }));
        }
    }
}

impl Listener for Turn {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let asked = self.asked.get_or_insert_with(|| {
                let (to, asked) = oneshot::channel();
                drop(self.asks.send(Ask { thread: self.thread, to }));
                asked
            });
            let accepted = asked.await;
            self.asked = None;
            let Ok(Accepted { socket, address, open }) = accepted else {
                // The acceptor is gone, and the program with it.
                return pending().await;
            };
            if let Ok(socket) = TcpStream::from_std(socket) {
                return (Connection { socket, _open: open }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A client's socket, which counts among those of its thread.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    _open: Open,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, timeout};

    use super::*;

    /// Longer than what is on its way over loopback takes.
    const A_MOMENT: Duration = Duration::from_millis(100);

    /// Longer than anything takes.
    const LONG: Duration = Duration::from_mins(1);

    fn listening() -> io::Result<(Acceptor, [Turn; 2])> {
        let listener = net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let (acceptor, turns) = accepting(listener, 2)?;
        Ok((acceptor, turns.try_into().expect("there are two")))
    }

    /// Whose turn the next connection is, and both ends of it.
    async fn next(turns: &mut [Turn; 2]) -> io::Result<(usize, TcpStream, Connection)> {
        let client = TcpStream::connect(turns[0].local_addr()?).await?;
        let [first, second] = turns;
        let (thread, (connection, from)) = tokio::select! {
            accepted = first.accept() => (0, accepted),
            accepted = second.accept() => (1, accepted),
        };
        assert_eq!(from, client.local_addr()?);
        Ok((thread, client, connection))
    }

    #[tokio::test]
    async fn the_thread_with_fewest_connections_is_next_and_the_first_where_all_have_as_many()
    -> io::Result<()> {
        let (acceptor, mut turns) = listening()?;
        tokio::spawn(acceptor.run());
        // Dropped while they wait, as by whoever has something else to do meanwhile.
        for turn in turns.iter_mut().rev() {
            assert!(timeout(A_MOMENT, turn.accept()).await.is_err());
        }
        let (thread, _client, gone) = next(&mut turns).await?;
        assert_eq!(thread, 0);
        drop(gone);
        let (thread, _client, _first) = next(&mut turns).await?;
        assert_eq!(thread, 0);
        let (thread, _client, _second) = next(&mut turns).await?;
        assert_eq!(thread, 1);
        let (thread, _client, _third) = next(&mut turns).await?;
        assert_eq!(thread, 0);
        Ok(())
    }

    #[tokio::test]
    async fn a_connection_that_comes_while_its_thread_has_other_things_to_do_is_not_lost()
    -> io::Result<()> {
        let (acceptor, [mut first, _second]) = listening()?;
        tokio::spawn(acceptor.run());
        assert!(timeout(A_MOMENT, first.accept()).await.is_err());
        let client = TcpStream::connect(first.local_addr()?).await?;
        tokio::time::sleep(A_MOMENT).await;
        let accepted = timeout(LONG, first.accept()).await;
        assert_eq!(accepted.map(|(_, from)| from).ok(), client.local_addr().ok());
        Ok(())
    }

    #[tokio::test]
    async fn whoever_waits_no_more_is_passed_over_and_nobody_listens_at_last() -> io::Result<()> {
        let (acceptor, [mut first, mut second]) = listening()?;
        let address = first.local_addr()?;
        let accepts = tokio::spawn(acceptor.run());
        for turn in [&mut first, &mut second] {
            assert!(timeout(A_MOMENT, turn.accept()).await.is_err());
        }
        drop(first);
        let client = TcpStream::connect(address).await?;
        let accepted = timeout(LONG, second.accept()).await;
        assert_eq!(accepted.map(|(_, from)| from).ok(), client.local_addr().ok());
        assert!(timeout(A_MOMENT, second.accept()).await.is_err());
        drop(second);
        timeout(LONG, accepts).await??;
        assert!(TcpStream::connect(address).await.is_err());
        Ok(())
    }
}

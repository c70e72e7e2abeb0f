//! The same small stories on simulated sockets and on Linux's own, with the same observations.
//!
//! Timing differs, so each story lets what it sent arrive before it goes on, and observes bytes,
//! ends of stream and kinds of error alone. Two things differ and are left out: a real reset by
//! `SO_LINGER` throws away what has not left yet, where [`Stream::reset`] waits for it; and how much
//! a blocked writer could write, since Linux sizes its buffers by itself.

use std::{future::Future, io, pin::Pin, time::Duration};

use harness::net::{Host, Stream};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::support::{accept, actor, latency, ms, name, pair, run};

/// Sockets of either kind.
trait Sockets {
    type Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Both ends of a new connection: the one that connected, the one that accepted.
    async fn connection(&mut self) -> (Self::Socket, Self::Socket);
    /// Connects to where nobody listens.
    async fn connect_to_nobody(&mut self) -> io::Result<Self::Socket>;
    /// Ends a connection by RST.
    async fn reset(&self, socket: Self::Socket);
    /// Waits until all that was sent has arrived.
    async fn settle(&self);
}

struct Simulated {
    host: Host,
    accepted: mpsc::UnboundedReceiver<Stream>,
}

impl Sockets for Simulated {
    type Socket = Stream;

    async fn connection(&mut self) -> (Stream, Stream) {
        let connected = self.host.connect(&name("upstream")).await.unwrap();
        (connected, self.accepted.recv().await.unwrap())
    }

    async fn connect_to_nobody(&mut self) -> io::Result<Stream> {
        self.host.connect(&name("world")).await
    }

    async fn reset(&self, mut socket: Stream) {
        socket.reset().await.unwrap();
    }

    async fn settle(&self) {
        sleep(Duration::from_secs(1)).await;
    }
}

struct Real {
    listener: TcpListener,
}

impl Sockets for Real {
    type Socket = TcpStream;

    async fn connection(&mut self) -> (TcpStream, TcpStream) {
        let connecting = TcpStream::connect(self.listener.local_addr().unwrap());
        let (connected, accepted) = tokio::join!(connecting, self.listener.accept());
        (connected.unwrap(), accepted.unwrap().0)
    }

    async fn connect_to_nobody(&mut self) -> io::Result<TcpStream> {
        let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        TcpStream::connect(unused).await
    }

    async fn reset(&self, socket: TcpStream) {
        socket.set_zero_linger().unwrap();
    }

    async fn settle(&self) {
        sleep(ms(50)).await;
    }
}

/// What an application saw, one line a call.
type Seen = Vec<String>;

/// How long a call may take, on a real socket, before it is taken to wait for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads to the end, and says what that is.
async fn read(socket: &mut (impl AsyncRead + Unpin), seen: &mut Seen) {
    let mut all = Vec::new();
    let end = match timeout(PATIENCE, socket.read_to_end(&mut all)).await {
        Ok(Ok(_)) => "end of stream".to_owned(),
        Ok(Err(error)) => error.kind().to_string(),
        Err(_) => "nothing".to_owned(),
    };
    seen.push(format!("read {:?}, then {end}", String::from_utf8_lossy(&all)));
}

async fn write(socket: &mut (impl AsyncWrite + Unpin), text: &str, seen: &mut Seen) {
    let wrote = timeout(PATIENCE, socket.write_all(text.as_bytes())).await;
    seen.push(format!("write: {}", wrote.map_or_else(|_| "nothing".to_owned(), outcome)));
}

async fn shutdown(socket: &mut (impl AsyncWrite + Unpin), seen: &mut Seen) {
    seen.push(format!("shutdown: {}", outcome(socket.shutdown().await)));
}

fn outcome(result: io::Result<()>) -> String {
    result.map_or_else(|error| error.kind().to_string(), |()| "done".to_owned())
}

async fn write_then_close<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "hello", seen).await;
    drop(one);
    sockets.settle().await;
    read(&mut two, seen).await;
    read(&mut two, seen).await;
}

async fn fin_with_data_and_an_answer<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "question", seen).await;
    shutdown(&mut one, seen).await;
    shutdown(&mut one, seen).await;
    write(&mut one, "more", seen).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    write(&mut two, "answer", seen).await;
    drop(two);
    read(&mut one, seen).await;
}

async fn close_with_unread_bytes<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    write(&mut two, "unread", seen).await;
    sockets.settle().await;
    drop(one);
    sockets.settle().await;
    read(&mut two, seen).await;
    read(&mut two, seen).await;
    write(&mut two, "late", seen).await;
    shutdown(&mut two, seen).await;
}

async fn answer_then_close_with_unread_bytes<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut two, "unread", seen).await;
    sockets.settle().await;
    write(&mut one, "answer", seen).await;
    drop(one);
    sockets.settle().await;
    read(&mut two, seen).await;
}

async fn close_with_unread_bytes_after_shutdown<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    shutdown(&mut one, seen).await;
    write(&mut two, "unread", seen).await;
    sockets.settle().await;
    drop(one);
    sockets.settle().await;
    write(&mut two, "late", seen).await;
    read(&mut two, seen).await;
}

async fn data_for_a_closed_socket_before_its_last_word_is_read<S: Sockets>(
    sockets: &mut S,
    seen: &mut Seen,
) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "answer", seen).await;
    drop(one);
    sockets.settle().await;
    write(&mut two, "more of the question", seen).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    write(&mut two, "and more", seen).await;
}

async fn reset_after_data_read_first<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    for frame in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
        write(&mut one, frame, seen).await;
    }
    sockets.reset(one).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    read(&mut two, seen).await;
    write(&mut two, "late", seen).await;
    shutdown(&mut two, seen).await;
}

async fn reset_after_data_written_to_first<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "data: 1\n\n", seen).await;
    sockets.reset(one).await;
    sockets.settle().await;
    write(&mut two, "late", seen).await;
    write(&mut two, "later", seen).await;
    read(&mut two, seen).await;
}

async fn reset_after_fin<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "hello", seen).await;
    shutdown(&mut one, seen).await;
    sockets.settle().await;
    sockets.reset(one).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    write(&mut two, "late", seen).await;
}

async fn reset_of_a_peer_that_has_shut_down<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    shutdown(&mut two, seen).await;
    sockets.settle().await;
    sockets.reset(one).await;
    sockets.settle().await;
    write(&mut two, "late", seen).await;
    read(&mut two, seen).await;
}

async fn reset_after_both_fins<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "hello", seen).await;
    shutdown(&mut one, seen).await;
    sockets.settle().await;
    shutdown(&mut two, seen).await;
    sockets.settle().await;
    sockets.reset(one).await;
    sockets.settle().await;
    read(&mut two, seen).await;
    write(&mut two, "late", seen).await;
}

async fn writes_to_a_peer_that_closed<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    drop(one);
    sockets.settle().await;
    for text in ["first", "second", "third"] {
        write(&mut two, text, seen).await;
        sockets.settle().await;
    }
    read(&mut two, seen).await;
    shutdown(&mut two, seen).await;
}

async fn writes_to_a_peer_that_closed_after_its_last_word<S: Sockets>(
    sockets: &mut S,
    seen: &mut Seen,
) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "goodbye", seen).await;
    drop(one);
    sockets.settle().await;
    for text in ["first", "second"] {
        write(&mut two, text, seen).await;
        sockets.settle().await;
    }
    read(&mut two, seen).await;
}

async fn reset_of_a_blocked_writer<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    let writer = tokio::spawn(async move {
        let megabyte = vec![0; 1 << 20];
        loop {
            if let Err(error) = two.write_all(&megabyte).await {
                let mut seen: Seen = vec![error.kind().to_string()];
                write(&mut two, "late", &mut seen).await;
                read(&mut two, &mut seen).await;
                return seen;
            }
        }
    });
    sockets.settle().await;
    sockets.settle().await;
    seen.push(format!("still blocked: {}", !writer.is_finished()));
    sockets.reset(one).await;
    seen.extend(timeout(PATIENCE, writer).await.unwrap().unwrap());
}

async fn reset_of_a_waiting_reader<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (one, mut two) = sockets.connection().await;
    let reader = tokio::spawn(async move {
        let mut seen = Seen::new();
        read(&mut two, &mut seen).await;
        seen
    });
    sockets.settle().await;
    sockets.reset(one).await;
    seen.extend(timeout(PATIENCE, reader).await.unwrap().unwrap());
}

async fn close_by_both_at_once<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    write(&mut one, "from one", seen).await;
    write(&mut two, "from two", seen).await;
    shutdown(&mut one, seen).await;
    shutdown(&mut two, seen).await;
    sockets.settle().await;
    read(&mut one, seen).await;
    read(&mut two, seen).await;
    write(&mut one, "late", seen).await;
}

async fn refused_connect<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let refused = sockets.connect_to_nobody().await;
    seen.push(outcome(refused.map(drop)));
}

async fn three_megabytes<S: Sockets>(sockets: &mut S, seen: &mut Seen) {
    let (mut one, mut two) = sockets.connection().await;
    let (there, back) = tokio::join!(
        async {
            let wrote = one.write_all(&vec![b'x'; 3_000_000]).await;
            (wrote.is_ok(), one.shutdown().await.is_ok())
        },
        async {
            let mut all = Vec::new();
            (two.read_to_end(&mut all).await.is_ok(), all.len())
        }
    );
    seen.push(format!("{there:?} {back:?}"));
}

type Told<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

macro_rules! beside_linux {
    ($($story:ident)*) => {$(
        #[test]
        fn $story() {
            let simulated = on_simulated(|sockets, seen| Box::pin(super::$story(sockets, seen)));
            let real = on_real(|sockets, seen| Box::pin(super::$story(sockets, seen)));
            assert!(!real.is_empty());
            assert_eq!(simulated, real, "simulated is left, Linux is right");
        }
    )*};
}

mod as_on_linux {
    use super::{on_real, on_simulated};

    beside_linux! {
        write_then_close
        fin_with_data_and_an_answer
        close_with_unread_bytes
        answer_then_close_with_unread_bytes
        close_with_unread_bytes_after_shutdown
        data_for_a_closed_socket_before_its_last_word_is_read
        reset_after_data_read_first
        reset_after_data_written_to_first
        reset_after_fin
        reset_of_a_peer_that_has_shut_down
        reset_after_both_fins
        writes_to_a_peer_that_closed
        writes_to_a_peer_that_closed_after_its_last_word
        reset_of_a_blocked_writer
        reset_of_a_waiting_reader
        close_by_both_at_once
        refused_connect
        three_megabytes
    }
}

fn on_simulated(story: for<'a> fn(&'a mut Simulated, &'a mut Seen) -> Told<'a>) -> Seen {
    let (give, accepted) = mpsc::unbounded_channel();
    let upstream = actor("upstream", move |host| {
        let give = give.clone();
        async move {
            let mut listener = host.listen().unwrap();
            while give.send(accept(&mut listener).await).is_ok() {}
        }
    });
    let (seen, _) = run(&pair(latency(20)), vec![upstream], move |host| async move {
        let mut seen = Seen::new();
        story(&mut Simulated { host, accepted }, &mut seen).await;
        seen
    });
    seen
}

fn on_real(story: for<'a> fn(&'a mut Real, &'a mut Seen) -> Told<'a>) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (mut sockets, mut seen) = (Real { listener }, Seen::new());
        let told = story(&mut sockets, &mut seen);
        timeout(Duration::from_secs(20), told).await.expect("a story is short");
        seen
    })
}

//! The same small stories on simulated sockets and on Linux's own, with the same observations.
//!
//! Timing differs, so each story lets what it sent arrive before it goes on, and observes bytes,
//! ends of stream and kinds of error alone. What differs stands in `docs/engines.md`, with the reason.

use std::{future::Future, io, net::SocketAddr, pin::Pin, time::Duration};

use harness::{
    net::{Fault, Host, Listener, Stream},
    plan::Plan,
    scenario::{HostLimits, KeepAlive, Way},
};
use mock_openai::quantity::Time;
use socket2::{SockFilter, SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::support::{actor, latency, ms, name, pair, run};

mod endings;
mod listening;
mod silence;
mod waiting;

/// Sockets of either kind. One side listens from the beginning.
trait Sockets {
    type Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects to the side that listens.
    async fn connect(&mut self) -> io::Result<Self::Socket>;
    /// Takes the next connection.
    async fn accept(&mut self) -> io::Result<Self::Socket>;
    /// Listens, again, at the same address.
    async fn listen(&mut self) -> io::Result<()>;
    /// Listens no more.
    fn stop_listening(&mut self);
    /// Connects to where nobody ever listened.
    async fn connect_to_nobody(&mut self) -> io::Result<Self::Socket>;
    /// Ends a connection by RST.
    async fn reset(&mut self, socket: Self::Socket);
    /// From now on nothing reaches an accepted socket.
    fn deafen(&mut self, socket: &Self::Socket);
    /// Waits until all that was sent has arrived.
    async fn settle(&mut self);

    /// Both ends of a new connection: the one that connected, the one that accepted.
    async fn connection(&mut self) -> (Self::Socket, Self::Socket) {
        let connected = self.connect().await.unwrap();
        (connected, self.accept().await.unwrap())
    }
}

struct Simulated {
    caller: Host,
    callee: Host,
    listener: Option<Listener>,
}

impl Sockets for Simulated {
    type Socket = Stream;

    async fn connect(&mut self) -> io::Result<Stream> {
        self.caller.connect(&name("upstream")).await
    }

    async fn accept(&mut self) -> io::Result<Stream> {
        use mock_openai::wire::Accept as _;
        self.listener.as_mut().unwrap().accept().await.map(|(stream, _)| stream)
    }

    async fn listen(&mut self) -> io::Result<()> {
        self.listener = Some(self.callee.listen()?);
        Ok(())
    }

    fn stop_listening(&mut self) {
        self.listener = None;
    }

    async fn connect_to_nobody(&mut self) -> io::Result<Stream> {
        self.caller.connect(&name("world")).await
    }

    async fn reset(&mut self, mut socket: Stream) {
        socket.reset().await.unwrap();
    }

    fn deafen(&mut self, _: &Stream) {
        let link = "client-upstream".to_owned();
        self.caller.stack().apply(&Fault::Drop { link, way: Some(Way::Up), lasts: None });
    }

    async fn settle(&mut self) {
        sleep(Duration::from_secs(1)).await;
    }
}

struct Real {
    address: SocketAddr,
    listener: Option<TcpListener>,
}

impl Sockets for Real {
    type Socket = TcpStream;

    async fn connect(&mut self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address).await?;
        let second = Duration::from_secs(1);
        let keepalive = TcpKeepalive::new().with_time(second).with_interval(second);
        SockRef::from(&stream).set_tcp_keepalive(&keepalive.with_retries(2))?;
        Ok(stream)
    }

    async fn accept(&mut self) -> io::Result<TcpStream> {
        self.listener.as_mut().unwrap().accept().await.map(|(stream, _)| stream)
    }

    async fn listen(&mut self) -> io::Result<()> {
        self.listener = Some(TcpListener::bind(self.address).await?);
        Ok(())
    }

    fn stop_listening(&mut self) {
        self.listener = None;
    }

    async fn connect_to_nobody(&mut self) -> io::Result<TcpStream> {
        let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        TcpStream::connect(unused).await
    }

    async fn reset(&mut self, socket: TcpStream) {
        socket.set_zero_linger().unwrap();
    }

    fn deafen(&mut self, socket: &TcpStream) {
        // A filter (socket(7), `SO_ATTACH_FILTER`) of one statement: keep 0 bytes of each packet.
        const RETURN: u16 = 0x06;
        let nothing = [SockFilter::new(RETURN, 0, 0, 0)];
        SockRef::from(socket).attach_filter(&nothing).unwrap();
    }

    async fn settle(&mut self) {
        sleep(ms(50)).await;
    }
}

/// What an application saw, one line a call.
type Seen = Vec<String>;

/// How long a call may take, on a real socket, before it is taken to wait for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a call is given that is meant to wait. Whatever it waits for would be there already.
const GLANCE: Duration = Duration::from_millis(500);

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

/// Reads once, at most so many bytes.
async fn read_once(socket: &mut (impl AsyncRead + Unpin), len: usize, seen: &mut Seen) {
    let mut piece = vec![0; len];
    seen.push(match timeout(GLANCE, socket.read(&mut piece)).await {
        Ok(Ok(len)) => format!("read {:?}", String::from_utf8_lossy(&piece[..len])),
        Ok(Err(error)) => format!("read: {}", error.kind()),
        Err(_) => "read: nothing".to_owned(),
    });
}

async fn write(socket: &mut (impl AsyncWrite + Unpin), text: &str, seen: &mut Seen) {
    let wrote = timeout(PATIENCE, socket.write_all(text.as_bytes())).await;
    seen.push(format!("write: {}", wrote.map_or_else(|_| "nothing".to_owned(), outcome)));
}

/// Writes once, and says how much was taken.
async fn write_once(socket: &mut (impl AsyncWrite + Unpin), bytes: &[u8], seen: &mut Seen) {
    let wrote = timeout(GLANCE, socket.write(bytes)).await;
    seen.push(format!("write: {wrote:?}", wrote = wrote.map_err(drop).map(kind)));
}

fn kind<T>(result: io::Result<T>) -> Result<T, io::ErrorKind> {
    result.map_err(|error| error.kind())
}

/// Writes until the socket takes no more, and says how much it took.
async fn fill(socket: &mut (impl AsyncWrite + Unpin)) -> usize {
    let (mut took, piece) = (0, numbered(1 << 16));
    while let Ok(wrote) = timeout(GLANCE, socket.write(&piece[took % 10..])).await {
        took += wrote.unwrap();
    }
    took
}

/// So many bytes, each the last digit of its place.
fn numbered(len: usize) -> Vec<u8> {
    (b'0'..=b'9').cycle().take(len).collect()
}

/// Reads to the end, and says whether all is there that was written, in order.
async fn read_numbered(socket: &mut (impl AsyncRead + Unpin), len: usize, seen: &mut Seen) {
    let mut all = Vec::new();
    let end = timeout(PATIENCE, socket.read_to_end(&mut all)).await;
    let (whole, end) = (all == numbered(len), end.map_err(drop).map(|end| kind(end.map(drop))));
    seen.push(format!("whole and in order: {whole}, then {end:?}"));
}

async fn shutdown(socket: &mut (impl AsyncWrite + Unpin), seen: &mut Seen) {
    seen.push(format!("shutdown: {}", outcome(socket.shutdown().await)));
}

fn outcome(result: io::Result<()>) -> String {
    result.map_or_else(|error| error.kind().to_string(), |()| "done".to_owned())
}

type Told<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

macro_rules! beside_linux {
    ($($story:ident)*) => {
        mod as_on_linux {
            $(
                #[test]
                fn $story() {
                    use super::super::{on_real, on_simulated};
                    let simulated =
                        on_simulated(|sockets, seen| Box::pin(super::$story(sockets, seen)));
                    let real = on_real(|sockets, seen| Box::pin(super::$story(sockets, seen)));
                    assert!(!real.is_empty());
                    assert_eq!(simulated, real, "simulated is left, Linux is right");
                }
            )*
        }
    };
}
use beside_linux;

/// The caller keeps its connections alive as one of [`Real`] does.
fn asking() -> Plan {
    let keepalive = KeepAlive { idle: Time(ms(1_000)), interval: Time(ms(1_000)), count: 2 };
    let limits = HostLimits { keepalive: Some(keepalive), ..HostLimits::default() };
    let mut plan = pair(latency(20));
    plan.hosts.insert("client".to_owned(), limits);
    plan
}

fn on_simulated(story: for<'a> fn(&'a mut Simulated, &'a mut Seen) -> Told<'a>) -> Seen {
    let (give, given) = oneshot::channel();
    let give = std::sync::Mutex::new(Some(give));
    let upstream = actor("upstream", move |host| {
        let give = give.lock().unwrap().take();
        async move {
            give.map(|give| give.send(host));
        }
    });
    let (seen, _) = run(&asking(), vec![upstream], move |caller| async move {
        let callee = given.await.unwrap();
        let listener = Some(callee.listen().unwrap());
        let mut seen = Seen::new();
        story(&mut Simulated { caller, callee, listener }, &mut seen).await;
        seen
    });
    seen
}

fn on_real(story: for<'a> fn(&'a mut Real, &'a mut Seen) -> Told<'a>) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut sockets = Real { address, listener: Some(listener) };
        let mut seen = Seen::new();
        let told = story(&mut sockets, &mut seen);
        timeout(Duration::from_secs(30), told).await.expect("a story is short");
        seen
    })
}

//! A provider that costs little: it answers at once, and hands the sockets of long streams over.

use std::{
    io,
    net::{SocketAddr, TcpStream as Socket},
    sync::mpsc,
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime,
};

use super::{END, event};

/// The request body that asks for one event and the end.
pub const SHORT: &str = r#"{"model":"short","stream":true,"messages":[]}"#;
/// The request body that asks for one event, after which the stream belongs to the bench.
pub const LONG: &str = r#"{"model":"long!","stream":true,"messages":[]}"#;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n";

/// The provider, on a thread of its own while the process lives.
#[derive(Debug)]
pub struct Provider {
    /// Where it listens.
    pub address: SocketAddr,
    /// The sockets of long streams, which do not block.
    pub long: mpsc::Receiver<Socket>,
}

impl Provider {
    /// Starts on a free port of the loopback.
    ///
    /// # Errors
    /// There is no port or no thread for it.
    pub fn start() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let (tell, long) = mpsc::channel();
        thread::spawn(move || {
            runtime.block_on(async {
                while let Ok((socket, _)) = listener.accept().await {
                    tokio::spawn(answer(socket, tell.clone()));
                }
            });
        });
        Ok(Self { address, long })
    }
}

/// Answers the requests of one connection until it ends or turns into a long stream.
async fn answer(mut socket: TcpStream, tell: mpsc::Sender<Socket>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let first = format!("{HEAD}{}", event(Duration::ZERO));
    let short = format!("{first}{END}");
    let mut buffer = Vec::with_capacity(2 << 10);
    // Both bodies end so, and nothing in a head does.
    while read_until(&mut socket, &mut buffer, b"\"messages\":[]}").await? {
        let long = buffer.windows(5).any(|five| five == b"long!");
        buffer.clear();
        if long {
            socket.write_all(first.as_bytes()).await?;
            // Where nobody listens any more the bench is over.
            drop(tell.send(socket.into_std()?));
            return Ok(());
        }
        socket.write_all(short.as_bytes()).await?;
    }
    Ok(())
}

/// Reads until what was read ends so; false where the peer ends first.
pub(super) async fn read_until(
    socket: &mut TcpStream,
    buffer: &mut Vec<u8>,
    end: &[u8],
) -> io::Result<bool> {
    while !buffer.ends_with(end) {
        if socket.read_buf(buffer).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

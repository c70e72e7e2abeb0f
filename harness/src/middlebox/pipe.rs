//! Two connections, and what is copied between them: all that a hop does which only knows TCP.
//!
//! Bytes pass in order and unchanged, FIN passes behind them and leaves the other way open, and RST
//! passes once what came before it has been handed on. A way that the receiver does not take is not
//! read: at most [`HELD_BYTES_MAX`] wait in it (haproxy `tune.bufsize`, 16,384 bytes).

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use mock_openai::wire::Wire as _;
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    task::JoinSet,
};

use super::teller::Teller;
use crate::{
    net::{Host, Stream},
    scenario::CutterEnd,
    trace::{MiddleboxFact, Name},
};

/// How much of one way waits in the hop.
pub(super) const HELD_BYTES_MAX: usize = 16 * 1024;

/// Pieces leave in segments of their own when the network has had its turn between two writes.
const TURNS: u32 = 4;

/// From whom to whom bytes pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the client's side to the provider's.
    Up,
    Down,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    Came(Way, Bytes),
    /// The sender's FIN.
    Ended(Way),
}

/// Connections that are neither used nor closed until the run is over.
pub(super) type Forgotten = Option<Box<Pipe>>;

/// A connection of a client's side, the one to the next hop that was made for it, and both ways
/// between them.
#[derive(Debug)]
pub(super) struct Pipe {
    teller: Teller,
    below: Stream,
    above: Stream,
    up: Flow,
    down: Flow,
}

#[derive(Debug, Default)]
struct Flow {
    /// Pieces that are to be written, each by itself.
    pieces: VecDeque<Bytes>,
    len: usize,
    /// Whether each piece leaves in a segment of its own.
    apart: bool,
    turns: u32,
    sender: Sender,
    /// A write to its sender failed: its end is no FIN.
    torn: bool,
    end: End,
}

impl Flow {
    fn over() -> Self {
        Self { sender: Sender::Done, end: End::Over, ..Self::default() }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Sender {
    #[default]
    Open,
    /// It sent FIN, or its connection broke.
    Done,
}

/// How a way ends for its receiver, once its pieces have been written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum End {
    #[default]
    None,
    Fin,
    Reset,
    Over,
}

/// Serves every connection by itself: `pass` gets it with the one to the next hop.
pub(super) async fn serve<Passing>(
    host: Host,
    next_hop: Name,
    pass: impl Fn(Pipe) -> Passing + Send + Sync + 'static,
) where
    Passing: Future<Output = Forgotten> + Send,
{
    let pass = Arc::new(pass);
    each_connection(&host.clone(), move |below| {
        let (host, next_hop, pass) = (host.clone(), Arc::clone(&next_hop), Arc::clone(&pass));
        async move { pass(Pipe::connect(&host, below, &next_hop).await?).await }
    })
    .await;
}

/// Accepts until the host is gone. What is forgotten is kept: no task waits for it.
pub(super) async fn each_connection<Serving>(host: &Host, serve: impl Fn(Stream) -> Serving + Send)
where
    Serving: Future<Output = Forgotten> + Send + 'static,
{
    let Ok(mut listener) = host.listen() else { return };
    let mut connections = JoinSet::new();
    let mut forgotten = Vec::new();
    while let Ok((stream, _)) = mock_openai::wire::Accept::accept(&mut listener).await {
        while let Some(over) = connections.try_join_next() {
            forgotten.extend(over.ok().flatten());
        }
        connections.spawn(serve(stream));
    }
}

impl Pipe {
    /// Connects to the next hop. Where nobody answers there, the connection that waits is reset.
    pub(super) async fn connect(host: &Host, mut below: Stream, next_hop: &Name) -> Option<Self> {
        match host.connect(next_hop).await {
            Ok(above) => Some(Self::between(host, below, above)),
            Err(error) => {
                let teller = Teller::of(host, &below);
                let because = format!("{next_hop} does not take it: {:?}", error.kind());
                teller.tell(MiddleboxFact::Refused { because });
                drop(below.reset().await);
                None
            }
        }
    }

    /// Between a client's side and a next hop that are connected.
    pub(super) fn between(host: &Host, below: Stream, above: Stream) -> Self {
        let (up, down) = (Flow::default(), Flow::default());
        Self { teller: Teller::of(host, &below), below, above, up, down }
    }

    /// Each piece leaves in a segment of its own from now on.
    pub(super) fn keep_apart(&mut self) {
        (self.up.apart, self.down.apart) = (true, true);
    }

    /// What happens next; nothing once all is over. What is to be sent is sent meanwhile.
    pub(super) async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Lets a piece go, behind those before it.
    pub(super) fn send(&mut self, way: Way, bytes: Bytes) {
        let flow = self.flow(way);
        flow.len += bytes.len();
        flow.pieces.extend((!bytes.is_empty()).then_some(bytes));
    }

    /// Ends a way by FIN, behind its pieces.
    pub(super) fn finish(&mut self, way: Way) {
        let flow = self.flow(way);
        if flow.end == End::None {
            flow.end = End::Fin;
        }
    }

    /// Does with it what a hop does that changes nothing.
    pub(super) fn pass_on(&mut self, event: Event) {
        match event {
            Event::Came(way, bytes) => self.send(way, bytes),
            Event::Ended(way) => self.finish(way),
        }
    }

    /// Ends both connections at once, whatever waits in them.
    pub(super) async fn cut(mut self, how: CutterEnd, because: String) -> Forgotten {
        self.teller.tell(MiddleboxFact::Ended { how, because });
        match how {
            // Dropping both sends FIN on both.
            CutterEnd::Fin => None,
            CutterEnd::Reset => {
                drop(self.below.reset().await);
                drop(self.above.reset().await);
                None
            }
            CutterEnd::Forget => Some(Box::new(self)),
        }
    }

    /// Records what the hop does with this connection.
    pub(super) fn teller(&self) -> &Teller {
        &self.teller
    }

    fn flow(&mut self, way: Way) -> &mut Flow {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    /// Sender, flow and receiver of a way.
    fn parts(&mut self, way: Way) -> (&mut Stream, &mut Flow, &mut Stream) {
        match way {
            Way::Up => (&mut self.below, &mut self.up, &mut self.above),
            Way::Down => (&mut self.above, &mut self.down, &mut self.below),
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        for way in [Way::Up, Way::Down] {
            if self.poll_write(way, cx).is_err() {
                // Its receiver is gone; what that one had sent before can still be read.
                *self.flow(way) = Flow::over();
                self.flow(other(way)).torn = true;
            }
        }
        if self.up.end == End::Over && self.down.end == End::Over {
            return Poll::Ready(None);
        }
        for way in [Way::Up, Way::Down] {
            match self.poll_read(way, cx) {
                Poll::Ready(Ok(event)) => return Poll::Ready(Some(event)),
                Poll::Ready(Err(_)) => {
                    self.broke(way);
                    // What that made possible is tried at once.
                    cx.waker().wake_by_ref();
                }
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }

    /// The connection from which a way comes is gone: no more comes, and nothing more goes there.
    fn broke(&mut self, way: Way) {
        let flow = self.flow(way);
        flow.sender = Sender::Done;
        if flow.end != End::Over {
            flow.end = End::Reset;
        }
        *self.flow(other(way)) = Flow::over();
    }

    fn poll_write(&mut self, way: Way, cx: &mut Context<'_>) -> std::io::Result<()> {
        let (_, flow, receiver) = self.parts(way);
        let mut receiver = Pin::new(receiver);
        loop {
            if flow.turns > 0 {
                flow.turns -= 1;
                cx.waker().wake_by_ref();
                return Ok(());
            }
            let Some(piece) = flow.pieces.front_mut() else { break };
            match receiver.as_mut().poll_write(cx, piece) {
                Poll::Pending => return Ok(()),
                Poll::Ready(wrote) => {
                    let len = wrote?;
                    flow.len -= len;
                    drop(piece.split_to(len));
                    if piece.is_empty() {
                        flow.pieces.pop_front();
                        flow.turns = if flow.apart { TURNS } else { 0 };
                    }
                }
            }
        }
        let ended = match flow.end {
            End::None | End::Over => return Ok(()),
            End::Fin => receiver.as_mut().poll_shutdown(cx),
            End::Reset => receiver.as_mut().poll_reset(cx),
        };
        if ended.is_ready() {
            flow.end = End::Over;
            cx.waker().wake_by_ref();
        }
        Ok(())
    }

    fn poll_read(&mut self, way: Way, cx: &mut Context<'_>) -> Poll<std::io::Result<Event>> {
        let (sender, flow, _) = self.parts(way);
        let room = HELD_BYTES_MAX.saturating_sub(flow.len);
        if flow.sender == Sender::Done || room == 0 {
            return Poll::Pending;
        }
        let mut piece = vec![0; room];
        let mut buffer = ReadBuf::new(&mut piece);
        ready!(Pin::new(sender).poll_read(cx, &mut buffer))?;
        let len = buffer.filled().len();
        if len == 0 {
            if flow.torn {
                return Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()));
            }
            flow.sender = Sender::Done;
            return Poll::Ready(Ok(Event::Ended(way)));
        }
        piece.truncate(len);
        Poll::Ready(Ok(Event::Came(way, mem::take(&mut piece).into())))
    }
}

fn other(way: Way) -> Way {
    match way {
        Way::Up => Way::Down,
        Way::Down => Way::Up,
    }
}
